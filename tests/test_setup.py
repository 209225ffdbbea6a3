"""A first installation: from a pipe and on a real terminal, repeatable, and never half-written."""

import asyncio
import contextlib
import os
import stat
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pexpect
import pytest
import yaml
from processes import Finished, haltbot
from workspace import Workspace, workspace

from bot.channels.keys import hint
from bot.config.env_file import read_env, with_variables, write_env, writing_fault
from bot.config.slack_tokens import signing_secret_fault, token_fault
from bot.operations.manifest import create_link, socket_manifest
from bot.store.opening import open_store

WAIT_SECONDS = 15


@pytest.fixture(name="new")
async def _new(tmp_path: Path) -> AsyncIterator[Workspace]:
    """A workspace for which no bot has been set up; its channel's key is for the taking."""
    folder = tmp_path / "world"
    folder.mkdir()
    async with workspace(folder, start=False) as opened:
        yield opened


def environment(work: Workspace) -> dict[str, str]:
    return {"SLACK_API_URL": work.slack.api_url, "VIBECODE_API_URL": work.vibecode.url}


async def setup(work: Workspace, *lines: str, arguments: tuple[str, ...] = ()) -> Finished:
    stdin = "".join(f"{line}\n" for line in lines)
    return await haltbot("setup", *arguments, stdin=stdin, environment=environment(work))


async def keys_here() -> list[str]:
    store = await open_store("sqlite:///haltbot.db", owner="test", shared=True)
    try:
        return [key.channel for key in await store.channel_keys()]
    finally:
        await store.close()


async def test_a_pipe_sets_everything_up(new: Workspace):
    """Tokens in .env with 0600, a key in the database, a message in the channel, and no secret printed."""
    slack = new.slack
    finished = await setup(new, slack.bot_token, slack.app_token, new.channel.id, new.key)
    (message,) = slack.channel_messages(new.channel)

    assert (0, "") == (finished.code, finished.err)
    assert {"SLACK_BOT_TOKEN": slack.bot_token, "SLACK_APP_TOKEN": slack.app_token} == env()
    assert 0o600 == mode()
    assert [new.channel.id] == await keys_here()
    assert "connected" in message.text
    assert not any(secret in finished.out for secret in (slack.bot_token, slack.app_token, new.key))
    assert "haltbot run" in finished.out


async def test_http_mode_takes_the_signing_secret(new: Workspace):
    """An app-level token that is left over would switch to Socket Mode, so it goes."""
    given("# mine\nSLACK_APP_TOKEN=xapp-old-token\nHALTBOT_PORT=3001\n")
    arguments = ("--mode", "http", "--url", "https://haltbot.example.com")
    finished = await setup(new, new.slack.bot_token, new.slack.signing_secret, "", arguments=arguments)

    assert 0 == finished.code
    assert written().startswith("# mine\nHALTBOT_PORT=3001\n")
    assert {"HALTBOT_PORT", "SLACK_BOT_TOKEN", "SLACK_SIGNING_SECRET"} == env().keys()
    assert "request_url" in linked(finished.out)["settings"]["interactivity"]


async def test_it_can_be_repeated(new: Workspace):
    """Enter keeps what there is, which is shown by its ends alone."""
    await setup(new, new.slack.bot_token, new.slack.app_token, "")
    again = await setup(new, "", "", new.channel.id, new.key)

    assert 0 == again.code
    assert [new.channel.id] == await keys_here()
    assert new.slack.bot_token not in again.out


async def test_nothing_is_written_until_the_tokens_are_right(new: Workspace):
    """Each kind of mistake has its sentence and exit code 1; there is no .env and no rest of one."""
    bot = new.slack.bot_token
    mistakes = {
        ("xoxp-1-2-3",): "a user token",
        ("hello",): "starts with xoxb-",
        ("xoxb-of-somebody-else",): "invalid_auth",
        ("",): "Nothing was given",
        (): "The input ended",
        (bot,): "The input ended",
        (bot, bot): "an app-level token is needed",
        (bot, "xapp-of-somebody-else"): "invalid_auth",
    }
    finished = await asyncio.gather(*(setup(new, *lines) for lines in mistakes))

    for ended, why in zip(finished, mistakes.values(), strict=True):
        assert 1 == ended.code
        assert why in ended.out
    assert [] == files()


async def test_a_token_without_its_scopes_is_refused(new: Workspace):
    """The missing one is named, with what to do."""
    new.slack.bot_scopes -= {"chat:write"}
    finished = await setup(new, new.slack.bot_token)

    assert 1 == finished.code
    assert "lacks these scopes: chat:write" in finished.out
    assert [] == files()


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"access_mode": "READONLY"}, "only read"),
        ({"scopes": ("crm",)}, "bizproc"),
        ({"active": False}, "KEY_INACTIVE"),
    ],
)
async def test_a_key_that_stops_nothing_is_not_stored(new: Workspace, change, why):
    """Vibecode is asked before; the tokens are kept all the same."""
    key = new.vibecode.add_key("vibe_api_ThisOneIsOfNoUse1234567890", **change)
    finished = await setup(new, new.slack.bot_token, new.slack.app_token, new.channel.id, key)

    assert 1 == finished.code
    assert why in finished.out
    assert [] == await keys_here()
    assert env()["SLACK_BOT_TOKEN"] == new.slack.bot_token


async def test_a_channels_name_is_asked_for_again(new: Workspace):
    """Its ID is needed; a name would be stored and never found."""
    given_lines = (new.slack.bot_token, new.slack.app_token, "#ops", new.channel.id, new.key)
    finished = await setup(new, *given_lines)

    assert 0 == finished.code
    assert "not a channel's ID" in finished.out
    assert [new.channel.id] == await keys_here()


async def test_a_channel_without_the_bot_is_told_about(new: Workspace):
    """The key is set; the test message waits for the invitation."""
    other = new.slack.add_channel("other", bot_is_member=False)
    finished = await setup(new, new.slack.bot_token, new.slack.app_token, other.id, new.key)

    assert 0 == finished.code
    assert "/invite @haltbot" in finished.out
    assert [other.id] == await keys_here()


async def test_a_channel_that_slack_does_not_know_may_be_a_slip(new: Workspace):
    """It is asked for again, before a key is stored where nobody will look for it."""
    lines = (new.slack.bot_token, new.slack.app_token, "C0NOSUCH", new.channel.id, new.key)
    finished = await setup(new, *lines)

    assert 0 == finished.code
    assert "Slack knows no such channel, or it is private" in finished.out
    assert [new.channel.id] == await keys_here()


async def test_a_key_that_is_there_is_kept_with_enter(new: Workspace):
    """It is shown as everywhere, and the test message is posted again."""
    await setup(new, new.slack.bot_token, new.slack.app_token, new.channel.id, new.key)
    again = await setup(new, "", "", new.channel.id, "")

    assert 0 == again.code
    assert f"Enter keeps {hint(new.key)}" in again.out
    assert f"Key {hint(new.key)} stays set for {new.channel.id}." in again.out
    assert "Ready." in again.out
    assert 2 == len(new.slack.channel_messages(new.channel))


async def test_a_wrong_paste_is_asked_for_again(new: Workspace):
    """A person has another try; what was right before need not be typed twice."""
    with terminal(new) as screen:
        for question, answer, said in (
            ("Bot User OAuth Token", "xoxb-of-somebody-else", "Copy the Bot User OAuth Token again"),
            ("Bot User OAuth Token", new.slack.bot_token, "Slack knows this bot"),
            ("App-Level Token", "hello", "starts with xapp-"),
            ("App-Level Token", "xapp-of-somebody-else", "(invalid_auth). Copy it again, whole."),
            ("App-Level Token", new.slack.app_token, "Written to .env"),
        ):
            await says(screen, question)
            await type_blindly(screen, answer)
            await says(screen, said)
        await says(screen, "Channel ID")
        screen.sendline("")
        await says(screen, "Nothing can be stopped before a channel has a key.")
        await asyncio.to_thread(screen.expect, pexpect.EOF, WAIT_SECONDS)


async def test_slack_that_cannot_be_asked_has_refused_nothing(new: Workspace):
    """There is a difference between a wrong token and no network."""
    nowhere = {"SLACK_API_URL": "http://127.0.0.1:9/api/"}
    finished = await haltbot("setup", stdin=f"{new.slack.bot_token}\n", environment=nowhere)

    assert 1 == finished.code
    assert "Slack could not be asked about the bot token (connection)" in finished.out
    assert "did not accept" not in finished.out


async def test_an_app_token_that_cannot_be_checked_is_not_blamed(new: Workspace):
    """The same for the second token."""
    new.slack.fail("apps.connections.open", "internal_error")
    finished = await setup(new, new.slack.bot_token, new.slack.app_token)

    assert 1 == finished.code
    assert "Slack could not be asked about the app-level token" in finished.out


async def test_an_application_key_is_sent_where_its_session_is_asked_for(new: Workspace):
    """Setup has no question for it."""
    key = "vibe_app_0123456789"
    finished = await setup(new, new.slack.bot_token, new.slack.app_token, new.channel.id, key)

    assert 1 == finished.code
    assert f"haltbot key set --session --team {new.slack.team} --channel {new.channel.id}" in finished.out
    assert "0123456789" not in finished.out


async def test_without_a_key_nothing_is_announced(new: Workspace):
    """Nobody in the channel is told of what cannot stop anything yet."""
    finished = await setup(new, new.slack.bot_token, new.slack.app_token, new.channel.id, "")

    assert 0 == finished.code
    assert [] == new.slack.channel_messages(new.channel)


def test_a_folder_that_cannot_be_written_is_found_before(tmp_path: Path):
    """What was typed in would be lost."""
    (tmp_path / "link").symlink_to(tmp_path / "no" / "such" / ".env")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")

    assert writing_fault(tmp_path / ".env") is None
    assert "No such file or directory" in (writing_fault(tmp_path / "link") or "")
    assert "cannot be written" in (writing_fault(tmp_path / "loop") or "")
    assert {"link", "loop"} == {path.name for path in tmp_path.iterdir()}


async def test_nothing_is_asked_where_nothing_can_be_written(new: Workspace):
    """The sentence comes before the first question."""
    given_link(Path("no") / "such" / ".env")
    finished = await setup(new)

    assert 1 == finished.code
    assert finished.out.startswith(".env cannot be written in ")
    assert "Bot User OAuth Token" not in finished.out


async def test_a_terminal_shows_no_secret(new: Workspace):
    """On a real terminal the tokens are typed blindly."""
    with terminal(new) as screen:
        await says(screen, "Bot User OAuth Token")
        await type_blindly(screen, new.slack.bot_token)
        await says(screen, "App-Level Token")
        await type_blindly(screen, new.slack.app_token)
        await says(screen, "Channel ID")
        screen.sendline(new.channel.id)
        await says(screen, "API key")
        await type_blindly(screen, new.key)
        await says(screen, "Start the bot with")
        await asyncio.to_thread(screen.expect, pexpect.EOF, WAIT_SECONDS)
        shown = written("screen.txt")

    assert [new.channel.id] == await keys_here()
    assert not any(secret in shown for secret in (new.slack.bot_token, new.slack.app_token, new.key))


@pytest.mark.parametrize("step", ["Bot User OAuth Token", "App-Level Token", "Channel ID"])
async def test_ctrl_c_leaves_nothing_half_written(new: Workspace, step):
    """It ends at once; .env is either not there, or whole."""
    with terminal(new) as screen:
        for question, answer in (
            ("Bot User OAuth Token", new.slack.bot_token),
            ("App-Level Token", new.slack.app_token),
        ):
            if question == step:
                break
            await says(screen, question)
            await type_blindly(screen, answer)
        await says(screen, step)
        await until_blind(screen, blind=step != "Channel ID")
        await asyncio.to_thread(until_it_waits, screen)
        screen.sendintr()
        await says(screen, "Stopped.")
        await asyncio.to_thread(screen.expect, pexpect.EOF, WAIT_SECONDS)
        await asyncio.to_thread(screen.wait)

    assert 130 == screen.exitstatus
    assert ([".env"] if step == "Channel ID" else []) == files()
    assert step != "Channel ID" or env().keys() == {"SLACK_BOT_TOKEN", "SLACK_APP_TOKEN"}


async def test_what_can_wait_can_wait(new: Workspace):
    """Channel and key may be set later; what to type then is printed."""
    without_channel = await setup(new, new.slack.bot_token, new.slack.app_token, "")
    without_key = await setup(new, "", "", new.channel.id, "")
    wrong_key = await setup(new, "", "", new.channel.id, "vibe_live_0123456789")

    assert [0, 0, 1] == [finished.code for finished in (without_channel, without_key, wrong_key)]
    assert f"haltbot key set --team {new.slack.team} --channel C…" in without_channel.out
    assert "Nothing can be stopped before a channel has a key." in without_key.out
    assert "Ready." not in without_channel.out + without_key.out
    assert f"haltbot key set --team {new.slack.team} --channel {new.channel.id}" in without_key.out
    assert "management key" in wrong_key.out
    assert "0123456789" not in wrong_key.out
    assert [] == await keys_here()


async def test_http_mode_needs_an_address(new: Workspace):
    """Slack posts to HTTPS alone."""
    finished = await setup(new, arguments=("--mode", "http", "--url", "http://haltbot.example.com"))

    assert 1 == finished.code
    assert "https://" in finished.out


async def test_an_address_without_http_mode_is_refused(new: Workspace):
    """It would have been forgotten, and Socket Mode set up."""
    finished = await setup(new, arguments=("--url", "https://haltbot.example.com"))

    assert 1 == finished.code
    assert "--url is for --mode http alone" in finished.out


def test_the_link_carries_the_manifest():
    """What Slack's form is filled in with is the manifest, without the comments."""
    address = create_link(socket_manifest())

    assert linked(address) == yaml.safe_load(socket_manifest())
    assert "%23" not in address.partition("background_color")[0]
    assert len(address) < 4000


def test_other_lines_stay_where_they_are():
    """Comments, unknown variables and the order are the owner's."""
    before = "# mine\nexport SLACK_BOT_TOKEN='old'\nOTHER=1\nSLACK_BOT_TOKEN=older"
    after = with_variables(before, {"SLACK_BOT_TOKEN": "new", "DATABASE_URL": "a b", "GONE": None})

    assert "# mine\nSLACK_BOT_TOKEN=new\nOTHER=1\nDATABASE_URL='a b'\n" == after
    assert {"SLACK_BOT_TOKEN": "new", "OTHER": "1", "DATABASE_URL": "a b"} == read_env(after)


def test_a_file_is_read_as_the_settings_are():
    """With a comment behind a value, and in any case."""
    assert {"SLACK_BOT_TOKEN": "xoxb-1", "EMPTY": ""} == read_env("slack_bot_token=xoxb-1 # mine\nEMPTY=")


@pytest.mark.parametrize("value", ["it's", "two\nlines"])
def test_a_value_that_no_line_can_hold_is_refused(value):
    """It would become another setting."""
    with pytest.raises(ValueError, match="cannot stand"):
        with_variables("", {"NAME": f"{value} #"})


def test_a_file_that_cannot_be_written_leaves_the_old_one(tmp_path: Path):
    """Half a character makes the writing fail; what stood there still stands, and nothing lies about."""
    target = tmp_path / ".env"
    target.write_text("OLD=1\n")
    with pytest.raises(UnicodeEncodeError):
        write_env(target, "NEW=\ud800\n")

    assert "OLD=1\n" == target.read_text()
    assert [target] == list(tmp_path.iterdir())


def test_a_link_is_followed(tmp_path: Path):
    """Where .env is a link, its target is replaced, and the link stays."""
    target, link = tmp_path / "real", tmp_path / ".env"
    target.write_text("OLD=1\n")
    link.symlink_to(target)
    write_env(link, "NEW=1\n")

    assert link.is_symlink()
    assert "NEW=1\n" == target.read_text()


def test_faults_do_not_repeat_what_was_typed():
    """A secret that was pasted in the wrong place stays unsaid."""
    for typed in ("xoxp-secret-1", "vibe_api_secret", "xoxb-with space", "xapp-ünï", "xoxb-it's"):
        for said in (token_fault(typed, "xoxb-"), token_fault(typed, "xapp-"), signing_secret_fault(typed)):
            assert said is None or typed not in said
    assert token_fault("xoxb-1-2", "xoxb-") is None
    assert "characters that no token has" in (token_fault("xoxb-äöü", "xoxb-") or "")
    assert "only the beginning of a bot token" in (token_fault("xoxb-", "xoxb-") or "")
    assert signing_secret_fault("0123456789abcdef" * 2) is None


def env() -> dict[str, str]:
    return read_env(written())


def given(text: str) -> None:
    Path(".env").write_text(text)


def given_link(target: Path) -> None:
    Path(".env").symlink_to(target)


def written(name: str = ".env") -> str:
    return Path(name).read_text()


def mode() -> int:
    return stat.S_IMODE(Path(".env").stat().st_mode)


def files() -> list[str]:
    """The settings' file, and whatever else was left of it."""
    return [path.name for path in Path().glob(".env*")]


def linked(text: str) -> Any:
    """Read the manifest out of the link in a text."""
    address = next(word for word in text.split() if word.startswith("https://api.slack.com/apps?new_app=1"))
    return yaml.safe_load(parse_qs(urlsplit(address).query)["manifest_yaml"][0])


@contextlib.contextmanager
def terminal(work: Workspace):
    """Run the command on a terminal of its own; all that is shown is kept in a file."""
    with Path("screen.txt").open("w", encoding="utf-8") as shown:
        screen = pexpect.spawn(
            sys.executable,
            ["-m", "bot", "setup"],
            env=os.environ | environment(work),
            encoding="utf-8",
            timeout=WAIT_SECONDS,
            dimensions=(50, 300),
        )
        screen.logfile_read = shown
        try:
            yield screen
        finally:
            screen.close(force=True)


async def says(screen: pexpect.spawn, words: str) -> None:
    await asyncio.to_thread(screen.expect_exact, words)


async def until_blind(screen: pexpect.spawn, *, blind: bool = True) -> None:
    """Wait until the terminal shows what is typed, or does not."""
    await asyncio.to_thread(screen.waitnoecho) if blind else None


def until_it_waits(screen: pexpect.spawn) -> None:
    """A signal between Python's last look for one and its read would not be noticed before the next key."""
    status = Path(f"/proc/{screen.pid}/stat")
    while status.exists() and status.read_text().rpartition(")")[2].split()[0] not in "SZ":
        time.sleep(0.01)


async def type_blindly(screen: pexpect.spawn, secret: str) -> None:
    await until_blind(screen)
    screen.sendline(secret)
