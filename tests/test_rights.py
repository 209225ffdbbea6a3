"""Who may do what: the rules as tables, and who is refused at the command and at the click."""

from collections import Counter
from pathlib import Path

import pytest
from slack_sdk.web.async_client import AsyncWebClient
from workspace import Workspace, workspace

from bot.domain.channel_settings import ChannelSettings, Role, SecondPerson
from bot.domain.errors import FactsUnavailable, SettingsNotAccepted
from bot.domain.permissions import Facts, Person, approval_needed, trips_breaker, verdict
from bot.domain.termination import Approval
from bot.messages.termination import FORCE_TERMINATE, KEEP_RUNNING, TERMINATE_SOFTLY
from bot.slack.directory import FRESH_SECONDS, LAST_KNOWN_SECONDS, SlackDirectory
from sandbox.slack import SlackSandbox
from sandbox.vibecode import Step

WAITING = Step(3600, locked=False)
MEMBER, ADMIN = Person(), Person(admin=True)
GUEST, BOT, GONE = Person(guest=True), Person(bot=True), Person(deleted=True)
STRANGER = Person(stranger=True)
LEADS = "S0LEADS"


def facts(person: Person | None = MEMBER, *, user="U1", home="T1", groups=None, is_owner=False) -> Facts:
    return Facts(user=user, home=home, place="T1", person=person, groups=groups or {}, is_owner=is_owner)


def settings(**values) -> ChannelSettings:
    return ChannelSettings.from_json(values)


@pytest.mark.parametrize(
    ("role", "who", "reply"),
    [
        (Role.SOFT, facts(), None),
        (Role.FORCE, facts(), None),
        (Role.CONFIGURE, facts(), "not_granted"),
        (Role.APPROVE, facts(), "not_granted"),
        (Role.CONFIGURE, facts(ADMIN), None),
        (Role.APPROVE, facts(ADMIN), None),
        (Role.CONFIGURE, facts(is_owner=True), None),
        (Role.APPROVE, facts(is_owner=True), "not_granted"),
        (Role.SOFT, facts(GUEST), "guest"),
        (Role.CONFIGURE, facts(GUEST, is_owner=True), "guest"),
        (Role.SOFT, facts(BOT), "not_a_person"),
        (Role.SOFT, facts(GONE), "not_a_person"),
        (Role.SOFT, facts(STRANGER), "other_team"),
        (Role.SOFT, facts(home="T2"), "other_team"),
        (Role.SOFT, facts(None), None),
        (Role.CONFIGURE, facts(None), "people_unreadable"),
        (Role.CONFIGURE, facts(None, is_owner=True), None),
    ],
)
def test_the_defaults(role, who, reply):
    """Members stop and force, admins configure and approve, owners configure; guests and bots never."""
    assert reply == verdict(role, ChannelSettings(), who).reply


@pytest.mark.parametrize(
    ("grant", "who", "reply"),
    [
        ("U1", facts(), None),
        ("U2", facts(), "not_granted"),
        ("U2", facts(ADMIN), "not_granted"),
        ("U2, admins", facts(ADMIN), None),
        ("U1", facts(GUEST), "guest"),
        ("U1", facts(None), None),
        (LEADS, facts(groups={LEADS: frozenset({"U1"})}), None),
        (LEADS, facts(groups={LEADS: frozenset({"U2"})}), "not_granted"),
        (LEADS, facts(groups={LEADS: None}), "group_unreadable"),
        (LEADS, facts(), "group_unreadable"),
        (f"{LEADS} U1", facts(groups={LEADS: None}), None),
        (LEADS, facts(GUEST, groups={LEADS: frozenset({"U1"})}), "guest"),
        ("nobody", facts(ADMIN), "not_granted"),
        ("", facts(ADMIN), "not_granted"),
    ],
)
def test_a_role_is_given_to_people_and_groups(grant, who, reply):
    """Everybody who is not named lacks it, and what cannot be read is not given."""
    found = verdict(Role.FORCE, settings(force=grant), who)

    assert (reply, reply is None) == (found.reply, found.allowed)


def test_another_team_is_let_in_by_name_alone():
    """A shared channel's partners may do what the roles say once the settings name their team."""
    allowed = settings(allowed_teams=["T2"])

    assert verdict(Role.SOFT, allowed, facts(STRANGER, home="T2")).allowed
    assert "other_team" == verdict(Role.SOFT, allowed, facts(STRANGER, home="T3")).reply
    assert "not_granted" == verdict(Role.CONFIGURE, allowed, facts(STRANGER, home="T2")).reply


@pytest.mark.parametrize(
    ("mode", "force", "on_call", "until", "needed"),
    [
        ("off", True, False, 0, None),
        ("always", True, True, 0, Approval.SECOND_PERSON),
        ("always", False, False, 0, None),
        ("outside on-call", True, True, 0, None),
        ("outside on-call", True, False, 0, Approval.SECOND_PERSON),
        ("outside on-call", False, False, 0, None),
        ("off", True, True, 1001, Approval.BREAKER),
        ("off", False, True, 1001, Approval.BREAKER),
        ("off", False, True, 1000, None),
    ],
)
def test_when_a_second_person_is_needed(mode, force, on_call, until, needed):
    """For a force where the channel says so, and for everything while the breaker is tripped."""
    given = settings(second_person=mode, on_call=LEADS, breaker_limit=3, breaker_until=until)

    assert needed == approval_needed(given, force=force, on_call=on_call, now=1000)


@pytest.mark.parametrize(
    ("limit", "count", "until", "trips"),
    [(3, 3, 0, False), (3, 4, 0, True), (3, 4, 1001, False), (3, 4, 1000, True), (0, 99, 0, False)],
)
def test_when_the_breaker_trips(limit, count, until, trips):
    """One more than the limit, unless it is tripped already or off."""
    assert trips == trips_breaker(settings(breaker_limit=limit, breaker_until=until), count, 1000)


@pytest.mark.parametrize(
    ("values", "wrong"),
    [
        ({"force": ["U1", "ops"]}, "force"),
        ({"force": 7}, "force"),
        ({"second_person": "maybe"}, "second_person"),
        ({"second_person": "outside_on_call"}, "second_person"),
        ({"on_call": "U1"}, "on_call"),
        ({"on_call": "S12 S13"}, "on_call"),
        ({"break_glass": "perhaps"}, "break_glass"),
        ({"breaker_limit": -1}, "breaker_limit"),
        ({"breaker_limit": True}, "breaker_limit"),
        ({"breaker_minutes": 0}, "breaker_minutes"),
        ({"portal": "javascript:alert(1)"}, "portal"),
        ({"allowed_teams": "acme"}, "allowed_teams"),
        ({"forse": "everyone"}, "forse"),
    ],
)
def test_what_is_not_understood_is_refused(values, wrong):
    """It might have been a restriction, so nothing is left out silently."""
    with pytest.raises(SettingsNotAccepted) as refused:
        ChannelSettings.from_json(values)

    assert wrong == refused.value.name


def test_settings_are_stored_as_they_are_read():
    """Mentions stand for ids, YAML's false for off, and only what is not the default is kept."""
    read = settings(
        force="<@U1>, <!subteam^S12|@leads> Everyone",
        second_person=False,
        breaker_limit="5",
        approve=["admins"],
    )

    assert {"force": ["everyone", "S12", "U1"], "breaker_limit": 5} == read.to_json()
    assert read == ChannelSettings.from_json(read.to_json())
    assert SecondPerson.OFF is read.second_person


def test_nobody_sets_the_state_by_hand():
    """When the breaker ends is not a setting."""
    with pytest.raises(SettingsNotAccepted):
        ChannelSettings().changed({"breaker_until": 0})


# --- at the command and at the click


async def test_a_guest_is_refused_privately(either: Workspace):
    """Nothing in the channel, nothing sent, and the audit has it; the second time it is remembered."""
    guest = either.slack.add_person("Gus", guest=True)
    instance = either.vibecode.start_instance(steps=[WAITING])

    await either.command(f"{instance} loops", by=guest)
    await either.whispered("Guests", to=guest)
    await either.command(f"{instance} force loops", by=guest)
    await either.slack.wait_for(lambda: len(either.whispers(guest)) == 2)
    refused = [event for event in await either.audit() if event["event"] == "refused"]

    assert [] == either.slack.channel_messages(either.channel)
    assert [] == either.vibecode.calls
    assert ["refused:guest"] * 2 == [event["outcome"] for event in refused]
    assert 1 == len(either.slack.calls_of("users.info"))


async def test_a_refusal_names_the_missing_role_and_who_has_it(work: Workspace):
    """The person knows whom to turn to."""
    leads = work.slack.add_user_group("ops-leads", [work.colleague])
    await work.put_settings({"force": [leads.id]})
    instance = work.vibecode.start_instance(steps=[WAITING])

    await work.command(f"{instance} force loops")
    told = await work.whispered("role *force*")
    (refused,) = [event for event in await work.audit() if event["event"] == "refused"]

    assert f"<!subteam^{leads.id}>" in told
    assert ("refused:not_granted", "force", [leads.id]) == (
        refused["outcome"],
        refused["detail"]["role"],
        refused["detail"]["granted"],
    )
    assert [] == work.slack.channel_messages(work.channel)


async def test_the_role_for_soft_does_not_force(work: Workspace):
    """Each way of stopping has its own role."""
    await work.put_settings({"force": ["nobody"]})
    instance = work.vibecode.start_instance(steps=[WAITING])

    await work.command(f"{instance} loops")
    await work.told("is gone (verified")

    assert 1 == len(work.vibecode.deletes(instance))


@pytest.mark.parametrize("action_id", [FORCE_TERMINATE, TERMINATE_SOFTLY, KEEP_RUNNING])
async def test_whoever_lost_the_role_cannot_press(work: Workspace, action_id: str):
    """Rights are those of the moment of the click; to keep it running takes none."""
    instance = work.vibecode.start_instance(steps=[WAITING])
    await work.command(f"{instance} force loops")
    await work.told("Started by")
    await work.put_settings({"force": ["admins"], "soft": ["admins"]})

    await work.click(action_id)
    if action_id == KEEP_RUNNING:
        await work.told("Kept running")
    else:
        await work.whispered("you need the role")

    assert [] == work.vibecode.deletes()


async def test_a_click_waits_for_slack_only_so_long(work: Workspace):
    """Slack cannot say who presses: the buttons stay, and the next press counts."""
    leads = work.slack.add_user_group("leads", [work.requester])
    instance = work.vibecode.start_instance(steps=[WAITING])
    await work.command(f"{instance} force loops")
    question = await work.told("Started by")
    await work.put_settings({"force": [leads.id]})
    work.slack.fail("usergroups.users.list", "hang")

    delivery = await work.click(FORCE_TERMINATE)
    await work.whispered("try again in a minute")
    kept = work.message().action_ids
    work.slack.stop_failing()
    work.slack.fail("usergroups.users.list", "internal_error")
    await work.click(FORCE_TERMINATE)
    await work.slack.wait_for(lambda: sum("try again in a minute" in text for text in work.whispers()) > 1)

    assert delivery.ok
    assert question.action_ids == kept
    assert [] == work.vibecode.deletes()


async def test_a_command_waits_until_slack_can_say_who_it_is(work: Workspace):
    """It is recorded at once, acknowledged without Slack, and runs when Slack answers again."""
    work.slack.fail("users.info", "internal_error", times=2)
    instance = work.vibecode.start_instance(steps=[WAITING])

    delivery = await work.command(f"{instance} loops")
    await work.whispered("Your request is recorded")
    waiting = work.vibecode.deletes()
    await work.told("is gone (verified", within=10)

    assert delivery.ok
    assert [] == waiting


async def test_in_the_end_a_command_of_nobody_known_is_refused(
    tmp_path: Path,
):
    """Slack stays silent: the person is told, the channel is not, and nothing is sent."""
    async with workspace(tmp_path, pace={"authorize_ms": 500}) as work:
        work.slack.fail("users.info", "internal_error", times=9)

        await work.command(f"{work.vibecode.start_instance()} loops")
        await work.whispered("nothing was done. Run the command")

        assert "refused:who_unknown" in [event["outcome"] for event in await work.audit()]
        assert [] == work.vibecode.calls
        assert [] == work.slack.channel_messages(work.channel)


async def test_where_people_cannot_be_read_the_defaults_work(tmp_path: Path):
    """An app without users:read still stops workflows; what is for admins is refused, with the scope."""
    async with workspace(tmp_path) as work:
        work.slack.bot_scopes = work.slack.bot_scopes - {"users:read"}
        instance = work.vibecode.start_instance(steps=[WAITING])
        await work.command(f"{instance} loops")
        await work.told("is gone (verified")
        await work.put_settings({"soft": ["admins"]})
        await work.command(f"{instance} again")

        await work.whispered("users:read")


async def test_settings_that_cannot_be_understood_stop_everything(work: Workspace):
    """Fail closed: an unknown word might have been a restriction."""
    await work.put_settings({"only_on_mondays": True})

    await work.command(f"{work.vibecode.start_instance()} loops")
    await work.whispered("only_on_mondays")

    assert [] == work.vibecode.calls


# --- what is remembered of Slack's answers


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


async def test_answers_are_remembered_for_seconds_and_for_an_hour_of_silence():
    """Fresh, asked again, last known, too old: in this order."""
    clock = Clock()
    async with SlackSandbox() as slack:
        person = slack.add_person("Ada", admin=True)
        directory = SlackDirectory(AsyncWebClient(slack.bot_token, base_url=slack.api_url), clock=clock)
        with pytest.raises(FactsUnavailable):
            directory.known_person(person.id)
        first = await directory.person(person.id, within_seconds=5)
        await directory.person(person.id, within_seconds=5)
        by_heart = directory.known_person(person.id)
        asked = len(slack.calls_of("users.info"))
        clock.now = FRESH_SECONDS
        person.admin = False
        second = await directory.person(person.id, within_seconds=5)
        slack.fail("users.info", "internal_error", times=9)
        clock.now += LAST_KNOWN_SECONDS
        last_known = await directory.person(person.id, within_seconds=5)
        with pytest.raises(FactsUnavailable):
            # Nobody is refused by heart for what may have changed.
            directory.known_person(person.id)
        clock.now += 1
        with pytest.raises(FactsUnavailable):
            await directory.person(person.id, within_seconds=5)

    assert (ADMIN, ADMIN, 1, MEMBER, MEMBER) == (first, by_heart, asked, second, last_known)


async def test_slack_is_left_alone_for_as_long_as_it_wants():
    """Meanwhile its last answer counts."""
    clock = Clock()
    async with SlackSandbox() as slack:
        person = slack.add_person("Ada")
        directory = SlackDirectory(AsyncWebClient(slack.bot_token, base_url=slack.api_url), clock=clock)
        await directory.person(person.id, within_seconds=5)
        clock.now = FRESH_SECONDS
        slack.fail("users.info", "ratelimited", status=429, retry_after=30)
        told = [await directory.person(person.id, within_seconds=5) for _ in range(3)]
        limited = len(slack.calls_of("users.info"))
        clock.now += 30
        await directory.person(person.id, within_seconds=5)
        again = len(slack.calls_of("users.info"))

    assert ([MEMBER] * 3, 2, 3) == (told, limited, again)


async def test_a_group_that_is_none_has_no_members():
    """A removed group and a missing scope are known facts: nobody is in it."""
    async with SlackSandbox() as slack:
        client = AsyncWebClient(slack.bot_token, base_url=slack.api_url)
        group = slack.add_user_group("leads", ["U1"])
        directory = SlackDirectory(client)
        known = await directory.members(slack.team, group.id, within_seconds=5)
        removed = await directory.members(slack.team, "S0NONE", within_seconds=5)
        slack.bot_scopes = {"chat:write"}
        forbidden = await SlackDirectory(client).members(slack.team, group.id, within_seconds=5)

    assert (frozenset({"U1"}), None, None) == (known, removed, forbidden)


async def test_many_who_ask_at_once_share_one_call(work: Workspace):
    """A burst of commands costs one look at who sends them."""
    for instance in work.vibecode.start_many(5, steps=[WAITING]):
        await work.command(f"{instance} loops")
    await work.slack.wait_for(
        lambda: sum("is gone (verified" in m.text for m in work.slack.channel_messages(work.channel)) == 5
    )

    assert Counter({work.requester.id: 1}) == Counter(
        call.arguments["user"] for call in work.slack.calls_of("users.info")
    )
