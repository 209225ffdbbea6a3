"""``haltbot demo``: the product, to be tried without a Slack and a Bitrix24 of one's own."""

import click

from bot.cli.shell import CommandFailed


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
