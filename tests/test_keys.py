"""A channel's key: put in by a shell, sealed in the database, seen by nobody."""

import base64
import io
import secrets
import signal
import sqlite3
from pathlib import Path

import pytest
from processes import Finished, haltbot, running_bot
from pydantic import SecretStr
from workspace import Workspace, workspace

from bot.channels.keys import check_key, hint
from bot.cli import main as cli
from bot.config.vault import AesVault, decode_keys
from bot.domain.api_key import ApiKey
from bot.domain.errors import KeyNotAccepted, KeyUndecryptable
from bot.messages.keys import not_accepted
from bot.messages.termination import FORCE_TERMINATE
from sandbox.vibecode import Step

KEY = "vibe_api_" + "0123456789abcdef" * 2
APP_KEY = "vibe_app_" + "0123456789abcdef" * 2
SESSION = "vibe_session_" + "fedcba9876543210" * 2
HERE = ("--team", "T0HALTBOT", "--channel", "C0OPS")
WAITING = Step(3600, locked=False)


def new_encryption_key() -> str:
    return base64.b64encode(secrets.token_bytes(32)).decode()


def stored_rows(folder: Path) -> str:
    """Everything in the database, as text."""
    connection = sqlite3.connect(folder / "haltbot.db")
    try:
        return "\n".join(connection.iterdump())
    finally:
        connection.close()


def files_in(folder: Path) -> list[Path]:
    return list(folder.iterdir())


async def test_a_key_is_set_listed_and_removed(tmp_path: Path):
    """The whole life of a key in a shell; what is printed shows its first 16 and last 4 characters."""
    placed = await haltbot("key", "set", *HERE, stdin=KEY + "\n")
    listed = await haltbot("key", "list")
    here = await haltbot("key", "list", *HERE)
    elsewhere = await haltbot("key", "list", "--team", HERE[1], "--channel", "C0OTHER")
    removed = await haltbot("key", "remove", *HERE)
    after = await haltbot("key", "list")
    again = await haltbot("key", "remove", *HERE)

    assert (0, "No channel has a key yet: haltbot key set --team T… --channel C…\n") == (
        after.code,
        after.out,
    )
    assert (0, listed.out) == (here.code, here.out)
    assert (0, "No key is set there: haltbot key set --team T… --channel C…\n") == (
        elsewhere.code,
        elsewhere.out,
    )
    assert (0, "Key vibe_api_0123456…cdef set for channel C0OPS of team T0HALTBOT.\n") == (
        placed.code,
        placed.out,
    )
    assert (0, True) == (
        listed.code,
        listed.out.startswith("T0HALTBOT C0OPS vibe_api_0123456…cdef, set by shell:"),
    )
    assert (0, "Key removed.\n") == (removed.code, removed.out)
    assert (1, "That channel had no key; nothing was changed.\n") == (again.code, again.out)
    assert not said([placed, listed, removed, after, again], KEY)
    assert KEY not in stored_rows(tmp_path)
    assert "key_set" in stored_rows(tmp_path)
    assert 0o600 == (tmp_path / "haltbot.db.key").stat().st_mode & 0o777


def said(finished: list[Finished], secret: str) -> bool:
    return any(secret in one.out + one.err for one in finished)


def test_a_person_is_asked_without_an_echo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys):
    """In a terminal the key is typed blindly; what is printed is the hint."""
    asked: list[str] = []
    terminal = io.StringIO()
    monkeypatch.setattr(terminal, "isatty", lambda: True, raising=False)
    monkeypatch.setattr("sys.stdin", terminal)

    def ask(prompt: str) -> str:
        asked.append(prompt)
        return KEY

    monkeypatch.setattr("getpass.getpass", ask)
    code = cli.run(["key", "set", *HERE])

    assert (0, ["API key: "]) == (code, asked)
    assert KEY not in capsys.readouterr().out


def test_a_key_as_an_argument_is_refused_and_not_repeated(tmp_path: Path, capsys):
    """Arguments stand in the process list and the shell's history, so none of them takes a key."""
    assert 2 == cli.run(["key", "set", *HERE, KEY])
    said = capsys.readouterr()
    assert KEY not in said.err + said.out
    assert "standard input" in said.err
    assert not (tmp_path / "haltbot.db").exists()


@pytest.mark.parametrize(
    ("key", "session", "reason"),
    [
        ("vibe_live_" + "0123456789abcdef" * 2, None, "A management key (vibe_live_…) reaches no workflows"),
        (APP_KEY, None, "needs a session token. Set it with its session: `haltbot key set --session`."),
        (KEY, SESSION, "goes without a session token. Leave --session out."),
        (APP_KEY, "with a space in it", "characters that no token has"),
        (APP_KEY, "", "characters that no token has"),
        ("xoxb-1234567890", None, "This is no key: one looks like vibe_api_"),
        (KEY + " ", None, "This is no key: one looks like vibe_api_"),
        ("", None, "This is no key: one looks like vibe_api_"),
    ],
)
def test_a_key_that_cannot_work_is_refused_with_the_reason(key, session, reason):
    """The reason helps, and repeats neither the key nor the session."""
    with pytest.raises(KeyNotAccepted, match=r".") as refused:
        check_key(key, session)

    said = not_accepted(refused.value)
    assert reason in said
    assert not key or key not in said + str(refused.value)


def test_a_management_key_is_refused_in_the_shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys):
    """The exit code tells, the sentence says why; no database and no key file is made for it."""
    key = KEY.replace("_api_", "_live_")
    monkeypatch.setattr("sys.stdin", io.StringIO(key + "\n"))
    code = cli.run(["key", "set", *HERE])
    refused = capsys.readouterr()

    assert 1 == code
    assert "The key was not stored. A management key" in refused.err
    assert key not in refused.err + refused.out
    assert [] == list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("given", "missing"), [("", "no key came"), ("\n", "no key came"), (APP_KEY, "no session token came")]
)
async def test_an_empty_input_is_no_key(tmp_path: Path, given: str, missing: str):
    """The pipe broke somewhere before us; nothing is made for it."""
    finished = await haltbot("key", "set", *HERE, "--session", stdin=given)

    assert (1, f"The key was not stored: {missing} on standard input\n") == (finished.code, finished.err)
    assert [] == files_in(tmp_path)


def test_a_person_who_types_nothing_is_told(monkeypatch: pytest.MonkeyPatch, capsys):
    """Enter, or the end of the input, at the prompt."""
    terminal = io.StringIO()
    monkeypatch.setattr(terminal, "isatty", lambda: True, raising=False)
    monkeypatch.setattr("sys.stdin", terminal)

    def ended(prompt: str) -> str:
        raise EOFError(prompt)

    for answer in (ended, lambda _: ""):
        monkeypatch.setattr("getpass.getpass", answer)
        assert 1 == cli.run(["key", "set", *HERE])
        assert "The key was not stored: no key was given" in capsys.readouterr().err


async def test_an_application_s_key_travels_with_its_session(work: Workspace):
    """Both come from standard input, both are sealed, both headers are sent."""
    key = work.vibecode.add_key(APP_KEY)
    work.vibecode.add_session(key, SESSION)
    where = ("--team", work.slack.team, "--channel", work.channel.id)
    finished = await haltbot(
        "key", "set", *where, "--session", stdin=f"{APP_KEY}\n{SESSION}\n", environment=environment(work)
    )
    listed = await haltbot("key", "list", environment=environment(work))
    instance = work.vibecode.start_instance(steps=[WAITING])
    await work.command(f"{instance} loops")
    await work.told("*Stopped:*")

    (call,) = work.vibecode.deletes(instance)
    assert 0 == finished.code, finished.err
    assert {"X-Api-Key", "Authorization"} <= call.headers.keys()
    assert "vibe_app_0123456…cdef with a session" in listed.out
    assert not said([finished, listed], SESSION)


@pytest.mark.parametrize(
    ("facts", "why"),
    [
        ({"access_mode": "READONLY"}, "The key may only read"),
        ({"scopes": ("crm",)}, "lacks the scope"),
        ({"active": False}, "switched off"),
    ],
)
async def test_a_key_that_stops_nothing_does_not_replace_one_that_does(work: Workspace, facts, why: str):
    """It is asked about by day; whoever knows better stores it all the same, and reads what it replaces."""
    where = ("--team", work.slack.team, "--channel", work.channel.id)
    useless = work.vibecode.add_key(**facts)
    refused = await haltbot("key", "set", *where, stdin=useless, environment=environment(work))
    kept = await haltbot("key", "list", *where, environment=environment(work))
    forced = await haltbot("key", "set", *where, "--unchecked", stdin=useless, environment=environment(work))

    assert 1 == refused.code
    assert refused.err.startswith("The key was not stored. ")
    assert why in refused.err
    assert "--unchecked" in refused.err
    assert hint(work.key) in kept.out
    assert (0, True) == (forced.code, f"It replaces {hint(work.key)}." in forced.out)
    assert not said([refused, kept, forced], useless)


async def test_a_key_is_stored_while_vibecode_is_away(work: Workspace):
    """Nobody knows anything against it, and the person reads that nobody was asked."""
    where = ("--team", work.slack.team, "--channel", work.channel.id)
    work.vibecode.script("BITRIX_UNAVAILABLE")
    stored = await haltbot("key", "set", *where, stdin=work.vibecode.add_key(), environment=environment(work))

    assert (0, True) == (stored.code, " set for channel " in stored.out)
    assert "Whether the key can be used is not known. " in stored.err
    assert "haltbot doctor asks again." in stored.err


def environment(work: Workspace) -> dict[str, str]:
    keys = work.settings.haltbot_encryption_keys
    assert keys is not None
    return {
        "DATABASE_URL": work.settings.database_url,
        "HALTBOT_ENCRYPTION_KEYS": keys.get_secret_value(),
        "VIBECODE_API_URL": str(work.settings.vibecode_api_url),
    }


async def test_a_sealed_key_opens_only_where_it_was_sealed(work: Workspace):
    """Somebody copies the row of another channel: it does not decrypt, and the person reads whom to ask."""
    elsewhere = work.slack.add_channel("random")
    await work.set_key(work.vibecode.add_key(KEY), channel=elsewhere)
    await work.copy_sealed_key(elsewhere, work.channel)
    await work.command(f"{work.vibecode.start_instance()} loops")
    message = await work.told("Not stopped")

    assert "cannot be opened" in message.text
    assert "KEY_UNDECRYPTABLE" in message.text
    assert [] == work.vibecode.calls


async def test_a_lost_encryption_key_is_told(tmp_path: Path):
    """The bot comes back with another one: whoever answers the open question reads what is wrong."""
    async with workspace(tmp_path) as work:
        await work.command(f"{work.vibecode.start_instance()} force loops")
        await work.told("Force-terminate")
        await work.stop()
        work.settings = work.settings.model_copy(
            update={"haltbot_encryption_keys": SecretStr(new_encryption_key())}
        )
        await work.start()
        await work.click(FORCE_TERMINATE)
        message = await work.told("Not stopped")

        assert "HALTBOT_ENCRYPTION_KEYS" in message.text
        assert "KEY_UNDECRYPTABLE" in message.text
        assert [] == work.vibecode.deletes()


def test_what_is_sealed_is_bound_to_its_context():
    """Another team, channel or purpose, or the same letters cut otherwise, open nothing."""
    vault = AesVault([secrets.token_bytes(32)])
    sealed = vault.seal("secret", "key", "T1", "C1")

    assert "secret" == vault.open(sealed, "key", "T1", "C1")
    for context in [("key", "T1", "C2"), ("key", "T2", "C1"), ("session", "T1", "C1"), ("key", "T1C", "1")]:
        with pytest.raises(KeyUndecryptable):
            vault.open(sealed, *context)


@pytest.mark.parametrize(
    "damage", ["", "v1", "v1.", "v1.A", "v1.???", "v1.AAAA", "v2.{body}", "v1.{flipped}"]
)
def test_a_damaged_text_does_not_open(damage):
    """Truncated, altered or of a later version: an error of ours, never an answer."""
    vault = AesVault([secrets.token_bytes(32)])
    body = vault.seal("secret", "here").removeprefix("v1.")
    flipped = body[:20] + ("A" if body[20] != "A" else "B") + body[21:]

    with pytest.raises(KeyUndecryptable):
        vault.open(damage.format(body=body, flipped=flipped), "here")


def test_the_same_key_is_sealed_differently_each_time():
    """Nobody sees from the database which channels share a key's text; pacing knows it by a name."""
    vault = AesVault([secrets.token_bytes(32)])

    assert vault.seal(KEY, "here") != vault.seal(KEY, "here")
    assert vault.key_id(KEY) == vault.key_id(KEY)
    assert vault.key_id(KEY) not in (vault.key_id(APP_KEY), KEY)


async def test_encryption_keys_are_rotated_without_a_stop(tmp_path: Path):
    """New key first, old one behind it, rotate, drop the old one: the bot works all the way."""
    old, new = new_encryption_key(), new_encryption_key()
    async with workspace(tmp_path, start=False, haltbot_encryption_keys=old) as work:
        both = {"DATABASE_URL": work.settings.database_url, "HALTBOT_ENCRYPTION_KEYS": f"{new}, {old}"}
        app_key = work.vibecode.add_key(APP_KEY)
        work.vibecode.add_session(app_key, SESSION)
        await work.set_key(app_key, session=SESSION)
        await work.set_key(work.vibecode.add_key(KEY), channel=work.slack.add_channel("random"))
        rotated = await haltbot("key", "rotate", environment=both)
        with_old = await haltbot("key", "rotate", environment=both | {"HALTBOT_ENCRYPTION_KEYS": old})
        async with running_bot(work, HALTBOT_ENCRYPTION_KEYS=new):
            instance = work.vibecode.start_instance(steps=[WAITING])
            await work.command(f"{instance} loops")
            await work.told("*Stopped:*")

    assert 0 == rotated.code, rotated.err
    assert "2 channel(s) sealed with the first encryption key" in rotated.out
    assert 1 == with_old.code
    assert "opens with none of the encryption keys; nothing was changed" in with_old.err
    assert "HALTBOT_ENCRYPTION_KEYS" in with_old.err
    assert not said([rotated, with_old], KEY)


async def test_a_rotation_that_cannot_open_everything_changes_nothing(tmp_path: Path):
    """The second channel's key is sealed with a key that is gone: the first one stays as it was."""
    old, new = new_encryption_key(), new_encryption_key()
    other = ("--team", "T0HALTBOT", "--channel", "C0ZED")
    await haltbot("key", "set", *HERE, stdin=KEY, environment={"HALTBOT_ENCRYPTION_KEYS": new})
    await haltbot("key", "set", *other, stdin=KEY, environment={"HALTBOT_ENCRYPTION_KEYS": old})
    before = stored_rows(tmp_path)
    rotated = await haltbot("key", "rotate", environment={"HALTBOT_ENCRYPTION_KEYS": new})

    assert 1 == rotated.code
    assert rotated.err.startswith(
        "The key of T0HALTBOT C0ZED opens with none of the encryption keys; nothing"
    )
    assert before == stored_rows(tmp_path)


@pytest.mark.parametrize(
    "keys",
    ["", ",", "not base64!", base64.b64encode(b"too short").decode(), "dG9vIHNob3J0,c2hvcnQ="],
)
def test_an_encryption_key_that_is_none_is_refused(keys):
    """The error names what is wanted and repeats nothing."""
    with pytest.raises(ValueError, match="base64") as refused:
        AesVault(decode_keys(keys))

    assert not keys.strip(",") or keys not in str(refused.value)


@pytest.mark.parametrize(
    ("key", "shown"),
    [(KEY, "vibe_api_0123456…cdef"), ("vibe_api_12345678", "vibe_api_123…")],
)
def test_a_hint_hides_most_of_a_key(key, shown):
    """As the platform shows it; a short one shows less."""
    assert shown == hint(key)


def test_no_repr_shows_a_key():
    """What a debugger or a traceback prints of it."""
    assert "0123" not in repr(ApiKey(KEY, SESSION)) + str(ApiKey(KEY, SESSION))


@pytest.mark.parametrize("mode", ["http", "socket"])
async def test_no_log_shows_a_secret(tmp_path: Path, mode: str):
    """A real process at its most talkative: no key, no token, no response_url, whatever goes wrong."""
    async with workspace(tmp_path, mode=mode, start=False) as work:
        async with running_bot(work, HALTBOT_LOG_LEVEL="DEBUG") as bot:
            good, bad = work.vibecode.start_many(2, steps=[WAITING])
            work.vibecode.script("INVALID_API_KEY", method="DELETE", instance=bad)
            work.slack.fail("chat.postMessage", "internal_error")
            await work.command(f"{good} a private matter")
            await work.told("*Stopped:*")
            await work.command(f"{bad} force another one")
            await work.slack.wait_for(lambda: len(work.slack.channel_messages(work.channel)) == 2)
            await work.command(f"{bad} {KEY}")
            code = await bot.stop(signal.SIGTERM)
        log = "".join(bot.log)

    assert 0 == code, log
    assert "debug" in log.casefold()
    held = [*work.settings.secrets(), work.key, KEY]
    held += [delivery.payload["response_url"] for delivery in work.slack.deliveries]
    assert [] == [secret for secret in held if secret in log]
    assert [] == [reason for reason in ("a private matter", "another one") if reason in log]
