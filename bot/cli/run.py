"""``haltbot run`` and ``haltbot demo``: the bot in your Slack, and in one that is made up."""

import asyncio
import gc
import signal

import click

from bot.app import build
from bot.cli.shell import CommandFailed
from bot.config.settings import Settings, load
from bot.observability.logs import set_up_logging
from bot.slack.socket_mode import SocketModeRefused


@click.command()
async def run() -> None:
    """Run the bot."""
    settings = load(Settings)
    set_up_logging(settings.haltbot_log_level, settings.secrets())
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    try:
        async with build(settings) as haltbot:
            # What is there by now stays there: looking through all of it for garbage, again and again, would take
            # 15 ms each time, for which acknowledgements would wait.
            gc.freeze()
            await haltbot.serve(stop)
    except SocketModeRefused as refused:
        raise CommandFailed(
            f"SLACK_APP_TOKEN: Slack will not open a connection ({refused.code}). Check that the token starts with"
            " xapp-, has the scope connections:write, and that Socket Mode is on in the app's settings;"
            " then start Haltbot again"
        ) from refused


@click.command()
@click.option("--serve", is_flag=True, help="Stay up and print the addresses.")
async def demo(serve: bool) -> int:
    """Try it: a Slack and a Bitrix24 on this machine, and the bot."""
    try:
        from sandbox import demo as sandbox  # noqa: PLC0415 -- a production image is without it
    except ModuleNotFoundError as missing:
        if missing.name != "sandbox":
            raise
        raise CommandFailed(
            "The demo needs the sandbox, which is not installed here (the production image is without it): run haltbot"
            " demo from a clone of the repository"
        ) from missing
    return await (sandbox.serve() if serve else sandbox.play())
