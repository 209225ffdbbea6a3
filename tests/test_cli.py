"""The command line: each command says what it does, and what goes wrong is a sentence."""

import signal
from pathlib import Path

import pytest
from processes import haltbot, running_bot, variables
from workspace import workspace

from bot import cli
from bot.sandbox.vibecode import Step


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
def test_a_secret_among_the_arguments_is_not_repeated(secret, capsys):
    """The answer says that it has to be revoked."""
    with pytest.raises(SystemExit):
        cli.run(["key", "set", "--team", "T1", "--channel", "C1", secret])

    said = capsys.readouterr().err
    assert secret not in said
    assert "revoke it" in said


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
        assert "is gone" in work.message().text
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
