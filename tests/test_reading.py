"""What each word of the command takes, and that guests and partners read nothing at all."""

from typing import Any

import pytest
from workspace import Workspace

from bot.domain.channel_settings import ChannelSettings, Role
from bot.domain.command import Subcommand, Word, parse
from bot.domain.permissions import (
    CHANGE_SETTINGS,
    HOME,
    RESET_BREAKER,
    TAKES,
    Facts,
    Person,
    Standing,
    verdict,
)
from sandbox.slack import Person as SlackPerson
from sandbox.vibecode import Step

WAITING = Step(3600, locked=False)
PARTNERS = "T0PARTNER"
READING = [word for word in Word if TAKES[word] is not Standing.ANYBODY]


def test_every_word_has_a_rule():
    """And so has what is no word; there is no rule for anything else."""
    assert {*Word, HOME, CHANGE_SETTINGS, RESET_BREAKER} == set(TAKES)


@pytest.mark.parametrize("word", Word)
def test_every_word_is_read(word: Word):
    """Whatever its letters' case, with what stands behind it."""
    assert Subcommand(word, "of it") == parse(f" {word.upper()} of it ")


def test_only_help_is_for_everybody():
    """A word that is added later is not free by accident."""
    assert [Word.HELP] == [word for word in TAKES if TAKES[word] is Standing.ANYBODY]


@pytest.mark.parametrize(
    ("person", "home", "reply"),
    [
        (Person(), "T1", None),
        (Person(admin=True), "T1", None),
        (None, "T1", None),
        (Person(guest=True), "T1", "guest"),
        (Person(bot=True), "T1", "not_a_person"),
        (Person(deleted=True), "T1", "not_a_person"),
        (Person(stranger=True), "T1", "other_team"),
        (Person(), "T2", "other_team"),
        (None, "T2", "other_team"),
        (Person(), "T3", None),
    ],
)
def test_who_is_a_member(person: Person | None, home: str, reply: str | None):
    """It takes no role: whoever may use Haltbot here at all may read."""
    settings = ChannelSettings.from_json({"soft": "nobody", "allowed_teams": ["T3"]})
    facts = Facts(user="U1", home=home, place="T1", person=person)

    assert reply == verdict(Standing.MEMBER, settings, facts).reply
    assert verdict(Standing.ANYBODY, settings, facts).allowed


async def instance_under_way(work: Workspace) -> str:
    instance = work.vibecode.start_instance(steps=[WAITING], document="DEAL_77")
    await work.command(f"{instance} force deadlocks")
    await work.told("Started by")
    return instance


async def refused(work: Workspace) -> list[tuple[str, str, Any]]:
    return [
        (line["user"], line["outcome"], line["detail"].get("wanted"))
        for line in await work.audit()
        if line["event"] == "refused"
    ]


@pytest.mark.parametrize("word", READING)
async def test_a_guest_reads_nothing(either: Workspace, word: Word):
    """The refusal is private and recorded, and nobody is asked for what it would have shown."""
    instance = await instance_under_way(either)
    guest = either.slack.add_person("Gus", guest=True)
    asked = len(either.vibecode.calls)

    await either.command(f"{word} {instance}", by=guest)
    await either.whispered("Guests", to=guest)

    assert [(guest.id, "refused:guest", word)] == await refused(either)
    assert asked == len(either.vibecode.calls)
    assert not any(instance in text for text in either.whispers(guest))
    assert not either.slack.calls_of("views.open")


@pytest.mark.parametrize("word", READING)
async def test_a_partner_reads_nothing(work: Workspace, word: Word):
    """Slack does not deliver their commands; should one come all the same, it is refused."""
    instance = await instance_under_way(work)
    partner = work.slack.add_person("Paula", team=PARTNERS)

    await work.command(f"{word} {instance}", extra={"user_id": partner.id})
    await work.whispered("belongs to another workspace")

    assert [(partner.id, "refused:other_team", word)] == await refused(work)
    assert not any(instance in text for text in work.whispers())


@pytest.mark.parametrize("word", READING)
async def test_nothing_is_shown_to_somebody_unknown(work: Workspace, word: Word):
    """Where Slack cannot say who it is, that is said, and nothing else."""
    instance = work.vibecode.start_instance()
    work.slack.fail("users.info", "internal_error", times=9)

    await work.command(f"{word} {instance}")
    await work.whispered("Slack cannot say at the moment who you are")

    assert [(work.requester.id, "refused:press_again", word)] == await refused(work)
    assert not work.vibecode.calls


async def test_help_is_for_everybody(work: Workspace):
    """A guest learns what Haltbot is, without Slack being asked who it is."""
    guest = work.slack.add_person("Gus", guest=True)
    await work.command("help", by=guest)
    await work.whispered("/terminate-workflow ID", to=guest)

    assert [] == await refused(work)
    assert not work.slack.calls_of("users.info")


async def test_whoever_has_no_role_may_read(work: Workspace):
    """Who stops what is no secret among the channel's own people."""
    instance = await instance_under_way(work)
    await work.put_settings(dict.fromkeys(map(str, Role), "nobody"))
    await work.command("status", by=work.colleague)

    assert instance in await work.whispered("Under way in this channel", to=work.colleague)


async def home(work: Workspace, person: SlackPerson) -> str:
    delivery = await work.slack.open_home(person)
    view = await work.slack.wait_for(lambda: work.slack.home(person))

    assert delivery.ok
    return str(view.content)


async def test_the_home_tab_of_a_guest_shows_nothing(work: Workspace):
    """But why; it shows no more to whoever Slack knows through a shared channel alone."""
    instance = await instance_under_way(work)
    guest = work.slack.add_person("Gus", guest=True)
    partner = work.slack.add_person("Paula", team=PARTNERS)
    shown = {person.id: await home(work, person) for person in (guest, partner)}

    assert "Guests" in shown[guest.id]
    assert "belongs to another workspace" in shown[partner.id]
    assert not any(instance in text or work.channel.id in text for text in shown.values())
    assert {
        (guest.id, "refused:guest", HOME),
        (partner.id, "refused:other_team", HOME),
    } == set(await refused(work))


async def test_the_home_tab_of_somebody_unknown_says_so(work: Workspace):
    """The next time Slack may know."""
    work.slack.fail("users.info", "internal_error", times=9)

    assert "Slack cannot say at the moment who you are" in await home(work, work.requester)
