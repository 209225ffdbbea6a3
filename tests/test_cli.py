"""The command line: each command says what it does, and what goes wrong is a sentence."""

import asyncio
import errno
import os
import re
import signal
import sys
from pathlib import Path

import pexpect
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
        ["audit", "show"],
        ["backup"],
        ["restore"],
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
    assert 0 == cli.run([*arguments, "--help"])
    assert capsys.readouterr().out.startswith(f"Usage: haltbot {' '.join(arguments)} [OPTIONS]")


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
    assert 2 == cli.run(arguments)
    assert "Usage: haltbot" in capsys.readouterr().err


@pytest.mark.parametrize(
    "secret",
    [
        "vibe_api_0123456789",
        "xoxb-0123456789-abc",
        "xapp-0123456789-abc",
        "0123456789abcdef0123456789abcdef",
        f"{'0123456789+/' * 4}"[:43] + "=",
    ],
)
@pytest.mark.parametrize(
    "arguments",
    [
        ["key", "set", "--team", "T1", "--channel", "C1", "{}"],
        ["key", "set", "--key={}"],
        ["key", "list", "--channel", "{}"],
        ["audit", "show", "{}"],
        ["channel", "set", "--team", "T1", "--channel", "C1", "force={}"],
        ["{}"],
        ["run", "{}"],
        ["manifest", "--mode", "{}"],
    ],
)
def test_a_secret_among_the_arguments_is_not_repeated(arguments, secret, capsys):
    """The answer says that it has to be revoked."""
    assert 2 == cli.run([argument.format(secret) for argument in arguments])
    said = capsys.readouterr()
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
    ("command", "more"),
    [
        (["key", "set"], []),
        (["key", "remove"], []),
        (["channel", "show"], []),
        (["channel", "set"], ["force=nobody"]),
        (["practise"], []),
    ],
)
@pytest.mark.parametrize(
    ("team", "channel", "told"),
    [
        ("T0HALTBOT", "#ops", "'--channel': needs the channel's id, such as C0123ABCD"),
        ("T0HALTBOT", "ops", "not its name"),
        ("T0HALTBOT", "U0RITA", "not its name"),
        ("acme", "C0OPS", "'--team': needs the workspace's id"),
        ("C0OPS", "C0OPS", "'--team': needs the workspace's id"),
    ],
)
def test_a_name_in_place_of_an_id_is_refused(command, more, team, channel, told, capsys):
    """Nobody would ever find what is stored under it."""
    assert 2 == cli.run([*command, "--team", team, "--channel", channel, *more])
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
    assert 0 == cli.run(["--version"])
    assert re.fullmatch(r"haltbot \d+\.\d+\.\d+\n", capsys.readouterr().out)


async def test_a_terminal_without_a_character_gets_a_question_mark():
    """Rather than half of the answer and a traceback."""
    finished = await haltbot("key", "set", "--help", environment={"PYTHONIOENCODING": "latin-1"})

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

    def failing(*_: object) -> str:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr("bot.cli.setup.manifest_for", failing)
    with pytest.raises(PermissionError):
        cli.run(["manifest"])


def test_the_missing_extra_is_installed_from_haltbot_s_folder(monkeypatch, capsys):
    """By its name alone it would come from an index, from whoever owns the name there."""
    asyncio.run(fill_audit(1))
    monkeypatch.delattr(stores, "postgres", raising=False)
    monkeypatch.setitem(sys.modules, "bot.store.postgres", None)

    assert 1 == cli.run(["migrate", "--to", "postgresql://127.0.0.1/haltbot"])
    assert "pip install '.[postgres]'" in capsys.readouterr().err


def test_an_address_with_its_password_is_not_repeated(capsys):
    """Where it is no argument that the command takes."""
    assert 2 == cli.run(["migrate", "--to", "postgresql://host/db", "postgresql://haltbot:private@host/db"])
    said = capsys.readouterr().err
    assert "private" not in said
    assert "unexpected extra argument" in said
    assert "revoke it" in said


def test_ctrl_c_ends_a_question_at_once(tmp_path: Path):
    """With the shell's exit code for it and one short line; nothing is made."""
    screen = pexpect.spawn(
        sys.executable,
        ["-m", "bot", "key", "set", "--team", "T1", "--channel", "C1"],
        encoding="utf-8",
        timeout=30,
    )
    try:
        screen.expect_exact("API key: ")
        screen.waitnoecho()
        screen.sendintr()
        shown = screen.read()
        screen.wait()
    finally:
        screen.close(force=True)

    assert (130, "Stopped.") == (screen.exitstatus, shown.strip().removeprefix("^C").strip())
    assert [] == list(tmp_path.iterdir())


async def test_ctrl_c_ends_work_at_once():
    """While Slack, which does not answer, is waited for."""
    reached: asyncio.Queue[asyncio.StreamWriter] = asyncio.Queue()
    server = await asyncio.start_server(lambda _, writer: reached.put_nowait(writer), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    environment = {
        "SLACK_BOT_TOKEN": "xoxb-1",
        "SLACK_APP_TOKEN": "xapp-1",
        "SLACK_API_URL": f"http://127.0.0.1:{port}/",
    }
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bot", "doctor"),
        env=os.environ | environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(FINISH_SECONDS):
            connection = await reached.get()
            process.send_signal(signal.SIGINT)
            out, err = await process.communicate()
            connection.close()
    finally:
        server.close()
        if process.returncode is None:
            process.kill()

    assert (130, b"", b"Stopped.\n") == (process.returncode, out, err)


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        ("haltbot r", ["run", "restore"]),
        ("haltbot key ", ["list", "remove", "rotate", "set"]),
        ("haltbot audit export --format ", ["jsonl", "csv"]),
    ],
)
async def test_the_shell_completes_commands(words: str, offered: list[str]):
    """As click teaches bash, zsh and fish."""
    asked = {
        "_HALTBOT_COMPLETE": "bash_complete",
        "COMP_WORDS": words,
        "COMP_CWORD": str(words.count(" ")),
    }
    finished = await haltbot(environment=asked)

    assert (0, "") == (finished.code, finished.err)
    assert offered == [line.removeprefix("plain,") for line in finished.out.splitlines()]


def test_the_demo_without_its_sandbox_is_a_sentence(monkeypatch, capsys):
    """The production image does not carry it."""
    for name in [name for name in sys.modules if name.partition(".")[0] == "sandbox"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "sandbox", None)

    assert 1 == cli.run(["demo"])
    assert capsys.readouterr().err.startswith("The demo needs the sandbox, which is not installed here")


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
