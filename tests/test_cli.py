"""The command line: each command says what it does, and what goes wrong is a sentence."""

import asyncio
import errno
import os
import re
import signal
import sys
from pathlib import Path

import pytest
from processes import FINISH_SECONDS, haltbot, running_bot, variables
from workspace import workspace

import bot.store as stores
from bot.cli import main as cli
from bot.domain.audit import Event
from bot.store.opening import open_store
from sandbox.vibecode import Step


@pytest.mark.parametrize(
    "arguments",
    [
        ["run"],
        ["demo"],
        ["key", "set"],
        ["key", "list"],
        ["key", "remove"],
        ["key", "rotate"],
        ["audit", "export"],
        ["backup"],
        ["migrate"],
        ["channel", "show"],
        ["channel", "set"],
        ["channel", "apply"],
        ["manifest"],
        ["setup"],
        ["doctor"],
        ["practise"],
    ],
)
def test_every_command_explains_itself(arguments, capsys):
    """``--help`` needs no settings and no network."""
    with pytest.raises(SystemExit) as left:
        cli.run([*arguments, "--help"])

    said = capsys.readouterr().out
    assert 0 == left.value.code
    assert said.startswith(f"usage: haltbot {' '.join(arguments)}")


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["key"],
        ["audit"],
        ["stop"],
        ["key", "set"],
        ["key", "set", "--team", "T1"],
        ["audit", "export", "--format", "x"],
    ],
)
def test_a_command_that_is_none_is_answered_with_the_usage(arguments, capsys):
    """The exit code is the usual one for wrong arguments."""
    with pytest.raises(SystemExit) as left:
        cli.run(arguments)

    assert 2 == left.value.code
    assert "usage: haltbot" in capsys.readouterr().err


@pytest.mark.parametrize("secret", ["vibe_api_0123456789", "xoxb-0123456789-abc", "xapp-0123456789-abc"])
@pytest.mark.parametrize(
    "arguments",
    [
        ["key", "set", "--team", "T1", "--channel", "C1", "{}"],
        ["key", "set", "--key={}"],
        ["key", "list", "--channel", "{}"],
        ["audit", "show", "{}"],
        ["channel", "set", "--team", "T1", "--channel", "C1", "force={}"],
    ],
)
def test_a_secret_among_the_arguments_is_not_repeated(arguments, secret, capsys):
    """The answer says that it has to be revoked."""
    with pytest.raises(SystemExit) as left:
        cli.run([argument.format(secret) for argument in arguments])

    said = capsys.readouterr()
    assert 2 == left.value.code
    assert "0123456789" not in said.err + said.out
    assert "revoke it" in said.err


@pytest.mark.parametrize("mode", ["http", "socket"])
async def test_the_bot_ends_well_when_it_is_asked_to(tmp_path: Path, mode: str):
    """SIGTERM while a call is under way: it is finished and told, and the exit code is 0."""
    async with workspace(tmp_path, mode=mode, start=False) as work, running_bot(work) as bot:
        work.vibecode.latency = 0.4
        instance = work.vibecode.start_instance(steps=[Step(3600, locked=False)])
        await work.command(f"{instance} loops")
        await work.vibecode.wait_for(lambda: work.vibecode.deletes(instance))
        code = await bot.stop(signal.SIGTERM)

        assert (0, "") == (code, "".join(line for line in bot.log if "Traceback" in line))
        assert "is gone (verified" in work.message().text
        assert 1 == len(work.vibecode.deletes(instance))


async def test_an_interrupt_ends_it_as_well(tmp_path: Path):
    """Ctrl-C in a terminal."""
    async with workspace(tmp_path, start=False) as work, running_bot(work) as bot:
        assert 0 == await bot.stop(signal.SIGINT)


async def test_a_token_that_slack_refuses_ends_it_with_a_sentence(tmp_path: Path):
    """Exit code 1, the variable and the remedy; no traceback, no token."""
    async with workspace(tmp_path, start=False) as work:
        environment = variables(work.settings) | {"SLACK_BOT_TOKEN": "xoxb-of-somebody-else"}
        finished = await haltbot("run", environment=environment)

    assert 1 == finished.code
    assert "SLACK_BOT_TOKEN: Slack refused it (invalid_auth)" in finished.err
    assert "Traceback" not in finished.err
    assert "xoxb-of-somebody-else" not in finished.err


async def test_an_app_token_that_slack_refuses_ends_it_with_a_sentence(tmp_path: Path):
    """The same for Socket Mode's own token."""
    async with workspace(tmp_path, mode="socket", start=False) as work:
        environment = variables(work.settings) | {"SLACK_APP_TOKEN": "xapp-of-somebody-else"}
        finished = await haltbot("run", environment=environment)

    assert 1 == finished.code
    assert "SLACK_APP_TOKEN: " in finished.err
    assert "connections:write" in finished.err
    assert "Traceback" not in finished.err


@pytest.mark.parametrize(
    "command", [["key", "set"], ["key", "remove"], ["channel", "show"], ["channel", "set"], ["practise"]]
)
@pytest.mark.parametrize(
    ("team", "channel", "told"),
    [
        ("T0HALTBOT", "#ops", "--channel: needs the channel's id, such as C0123ABCD"),
        ("T0HALTBOT", "ops", "not its name"),
        ("T0HALTBOT", "U0RITA", "not its name"),
        ("acme", "C0OPS", "--team: needs the workspace's id"),
        ("C0OPS", "C0OPS", "--team: needs the workspace's id"),
    ],
)
def test_a_name_in_place_of_an_id_is_refused(command, team, channel, told, capsys):
    """Nobody would ever find what is stored under it."""
    with pytest.raises(SystemExit) as left:
        cli.run([*command, "--team", team, "--channel", channel])

    assert 2 == left.value.code
    assert told in capsys.readouterr().err


@pytest.mark.parametrize("team", ["T0HALTBOT", "E0ACME", "E0ACME/T0HALTBOT"])
@pytest.mark.parametrize("channel", ["C0OPS", "G0OPS", "D0RITA"])
async def test_every_kind_of_id_is_taken(team, channel):
    """Workspaces and organisations; public and private channels and direct messages."""
    await fill_audit(1)
    finished = await haltbot("channel", "set", "--team", team, "--channel", channel, "force=U0RITA")
    assert (0, f"{team} {channel}: force: everyone → U0RITA\n") == (finished.code, finished.out)


def test_the_version_is_told(capsys):
    """For whoever reports something."""
    with pytest.raises(SystemExit) as left:
        cli.run(["--version"])

    assert 0 == left.value.code
    assert re.fullmatch(r"haltbot \d+\.\d+\.\d+\n", capsys.readouterr().out)


async def test_a_terminal_without_a_character_gets_a_question_mark():
    """Rather than half of the answer and a traceback."""
    finished = await haltbot("key", "set", "--help", environment={"PYTHONIOENCODING": "ascii"})

    assert (0, "") == (finished.code, finished.err)
    assert "vibe_app_?" in finished.out


def test_an_address_without_http_mode_is_refused(capsys):
    """The manifest would be one for Socket Mode, and the address forgotten."""
    assert 1 == cli.run(["manifest", "--url", "https://haltbot.example"])
    assert "--url is for --mode http" in capsys.readouterr().err


@pytest.mark.parametrize("count", [1, 3000])
async def test_a_full_disk_is_a_sentence(count: int):
    """Whether it shows at once or only when the rest is written."""
    await fill_audit(count)
    full = os.open("/dev/full", os.O_WRONLY)
    try:
        finished = await exported(full)
    finally:
        os.close(full)

    assert (1, "Haltbot cannot write: No space left on device\n") == finished


@pytest.mark.parametrize("count", [1, 3000])
async def test_a_reader_who_leaves_is_no_trouble(count: int):
    """``| head`` has read enough: no word about it."""
    await fill_audit(count)
    reading, writing = os.pipe()
    os.close(reading)
    try:
        finished = await exported(writing)
    finally:
        os.close(writing)

    assert (1, "") == finished


def test_any_other_trouble_with_a_file_is_not_hidden(monkeypatch):
    """Nobody expected it, so the traceback is what helps."""

    async def failing(_: object) -> int:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr("bot.cli.main._manifest", failing)
    with pytest.raises(PermissionError):
        cli.run(["manifest"])


def test_the_missing_extra_is_installed_from_haltbot_s_folder(monkeypatch, capsys):
    """By its name alone it would come from an index, from whoever owns the name there."""
    asyncio.run(fill_audit(1))
    monkeypatch.delattr(stores, "postgres", raising=False)
    monkeypatch.setitem(sys.modules, "bot.store.postgres", None)

    assert 1 == cli.run(["migrate", "--to", "postgresql://127.0.0.1/haltbot"])
    assert "pip install '.[postgres]'" in capsys.readouterr().err


async def fill_audit(count: int) -> None:
    store = await open_store("sqlite:///haltbot.db", owner="test", shared=True)
    try:
        line = Event(event="tested", team="T1", channel="C1", user="U1")
        await asyncio.gather(*(store.record(line) for _ in range(count)))
    finally:
        await store.close()


async def exported(output: int) -> tuple[int | None, str]:
    """Export the audit to a file or pipe of the system's."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bot", "audit", "export", stdout=output, stderr=asyncio.subprocess.PIPE
    )
    async with asyncio.timeout(FINISH_SECONDS):
        _, err = await process.communicate()
    return process.returncode, err.decode()
