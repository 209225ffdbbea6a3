"""``haltbot practise``: makes up workflows for a game day, which the running bot stops as if they were real."""

import click

from bot.cli.options import channel_options
from bot.cli.shell import opened_store, operator
from bot.config.settings import Settings, load
from bot.domain.errors import SlackError
from bot.domain.practice import Scene
from bot.messages.practice import sheet
from bot.operations.practice import make_instance
from bot.slack.web_api import call, open_slack


@click.command()
@channel_options(channel="The channel's id; it needs a key.")
@click.option(
    "--scene",
    "scenes",
    type=click.Choice([scene.value for scene in Scene]),
    multiple=True,
    help="Only these; repeatable.",
)
async def practise(team: str, channel: str, scenes: tuple[str, ...]) -> int:
    """Practise with made-up workflows in a real channel.

    A game day: nothing real is touched.
    """
    settings = load(Settings)
    async with opened_store(settings.database_url) as store:
        if await store.channel_key(team, channel) is None:
            print("That channel has no key yet, so the command would be refused there: haltbot key set")
            return 1
        instances = {
            scene: await make_instance(store, scene, team=team, channel=channel, by=operator())
            for scene in map(Scene, scenes or Scene)
        }
    message = sheet(instances)
    text, blocks = message.text, list(message.blocks)
    print(text)
    async with open_slack(settings.slack_api_url, settings.slack_bot_token.get_secret_value()) as client:
        try:
            await call(client, "chat.postMessage", channel=channel, text=text, blocks=blocks, parse="none")
        except SlackError as error:
            print(f"Slack did not take this for the channel ({error.code}): tell the people there yourself.")
            return 1
    return 0
