"""``haltbot run``: the bot itself."""

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
