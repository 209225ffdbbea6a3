"""``haltbot practise``: makes up workflows for a game day, which the running bot stops as if they were real."""

import argparse
from collections.abc import Callable

from bot.cli.place import add_place
from bot.cli.shell import opened_store, operator
from bot.config.settings import Settings, load
from bot.domain.errors import SlackError
from bot.domain.practice import Scene
from bot.messages.practice_sheet import sheet
from bot.operations.practice import make_instance
from bot.slack.web_api import call, open_slack


def add_command(add: Callable[..., argparse.ArgumentParser]) -> None:
    parser = add(
        "practise", "game day: made-up workflows in a real channel; nothing real is touched", _practise
    )
    add_place(parser, channel="the channel's id; it needs a key")
    parser.add_argument(
        "--scene", choices=[scene.value for scene in Scene], action="append", help="only these; repeatable"
    )


async def _practise(options: argparse.Namespace) -> int:
    settings = load(Settings)
    scenes = [Scene(name) for name in options.scene] if options.scene else list(Scene)
    async with opened_store(settings.database_url) as store:
        if await store.channel_key(options.team, options.channel) is None:
            print("That channel has no key yet, so the command would be refused there: haltbot key set")
            return 1
        instances = {
            scene: await make_instance(
                store, scene, team=options.team, channel=options.channel, by=operator()
            )
            for scene in scenes
        }
    message = sheet(instances)
    print(message.text)
    return await _post(settings, options.channel, message.text, list(message.blocks))


async def _post(settings: Settings, channel: str, text: str, blocks: list[object]) -> int:
    async with open_slack(settings.slack_api_url, settings.slack_bot_token.get_secret_value()) as client:
        try:
            await call(client, "chat.postMessage", channel=channel, text=text, blocks=blocks, parse="none")
        except SlackError as error:
            print(f"Slack did not take this for the channel ({error.code}): tell the people there yourself.")
            return 1
    return 0
