"""Everything that Haltbot says, once in each form: what the tests of its words look at."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import product
from typing import Any

from parts import built, changed

from bot.domain.api_key import ChannelKey, KeyCard, KeyFacts, KeyFault, KeyReport
from bot.domain.channel_settings import NAMES, ChannelSettings, Grant, SecondPerson
from bot.domain.connection import Link, LinkKind, PersonSession
from bot.domain.errors import KeyNotAccepted, Refused, SettingsNotAccepted
from bot.domain.findings import Finding, Level
from bot.domain.instance import Found, Instance, Lookup
from bot.domain.job import Job
from bot.domain.notices import BecameShared, BreakerTripped, Connected, NotConnected, SessionEnds
from bot.domain.overview import Overview
from bot.domain.permissions import Actor
from bot.domain.practice import Scene
from bot.domain.press import Choice
from bot.domain.termination import Approval, MessageRef, Outcome, Phase, Termination
from bot.messages import approvals, connections, findings, home_tab, keys, notices, pages, replies, settings
from bot.messages.blocks import annotated, private
from bot.messages.error_catalog import EXPLANATIONS
from bot.messages.force_dialog import Confirmed, force_dialog
from bot.messages.practice import sheet
from bot.messages.refusals import REFUSALS, refusal
from bot.messages.settings_modal import dialog
from bot.messages.termination import Cards

NOW = 1_700_000_000_000
ID = "69f0c2d5ade389.22457798"
CARDS = Cards("https://vibecode.example.com/v1/oauth/authorize")
CONNECTING = Cards("https://vibecode.example.com/v1/oauth/authorize", connects=True)
APPROVERS = ("admins", "everyone", "S0LEADS", "U0ADA")
BARE = built(
    id="abcdefgh2345",
    team="T1",
    channel="C1",
    user="U1",
    workflow_id=ID,
    force=True,
    reason="",
    requested_at=NOW,
    expires_at=NOW + 300_000,
)
INSTANCE = Instance(
    ID,
    template_id="713",
    document_id="DEAL_5141",
    started_at=NOW - 3_600_000,
    started_by="7",
    modified_at=NOW - 60_000,
    locked_until=NOW - 600_000,
)
INSTANCES = (
    INSTANCE,
    replace(INSTANCE, locked_until=NOW + 600_000, started_by="0"),
    replace(INSTANCE, locked_until=None, template_id=None),
)
SETTINGS = ChannelSettings(
    force=Grant(everyone=True, admins=True, groups=("S0LEADS",), users=("U0ADA",)),
    approve=Grant(),
    second_person=SecondPerson.OUTSIDE_ON_CALL,
    on_call="S0LEADS",
    break_glass=True,
    force_needs_reason=True,
    type_last_four=True,
    breaker_limit=5,
    portal="https://acme.bitrix24.com",
    allowed_teams=("T0OTHER",),
    breaker_until=NOW,
)
SESSION = PersonSession(
    team="T1", channel="C1", user="U1", sealed_session="", name="A1", expires_at=NOW, connected_at=NOW
)
FACTS = KeyFacts("K1", "7", "acme.bitrix24.com", ("bizproc",), "READWRITE", NOW)
CODES = (None, "SCOPE_DENIED", "SOMETHING_NEW", "TOKEN_EXPIRED")


_TEXTS = "path mode quoted url parts name team host scopes problem migrations word lowest highest kind owner portal"
VALUES = {
    **dict.fromkeys(_TEXTS.split(), "V1"),
    **dict.fromkeys(["days", "count", "seconds", "megabytes"], 3),
    "expires_at": NOW,
    "code": "SCOPE_DENIED",
    "status": 403,
    "names": ["X1"],
}
"""Whatever a finding or the fault of a setting is filled with."""


def cards() -> Iterator[Any]:
    """A termination in each phase, with each outcome, code, preview and reason for approval."""
    for phase, force, instance in product(Phase, (True, False), (None, *INSTANCES)):
        for trouble, retries in ((None, 0), ("BITRIX_UNAVAILABLE", 0), ("BITRIX_UNAVAILABLE", 2)):
            base = changed(BARE, force=force, seen=instance, trouble=trouble, retries=retries, reason="R1")
            for verified in (None, True):
                yield base, phase
                yield changed(base, verified=verified, watch_until=NOW, accepted_at=NOW - 60_000), phase
    for outcome, until in product((None, Outcome.GONE_VERIFIED), (None, NOW)):
        yield changed(BARE, outcome=outcome, verified=True, watch_until=until), Phase.WATCHING
    yield changed(BARE, expires_at=None, workflow_id="abc1"), Phase.AWAITING_CONFIRMATION
    yield changed(BARE, workflow_id="practice-waits-abc1"), Phase.AWAITING_CONFIRMATION
    for approval, force, glass in product(Approval, (True, False), (True, False)):
        asked = changed(BARE, approval=approval, force=force, approvers=APPROVERS, may_break_glass=glass)
        yield asked, Phase.AWAITING_CONFIRMATION
        yield changed(asked, expires_at=None), Phase.AWAITING_CONFIRMATION
    changes = tuple((name, 1, 2) for name in ("template_id", "document_id", "started_at", "started_by"))
    for preview, sent in product(
        ("read", "withheld", "withheld_changes", "absent", "not_found", "TIMEOUT"), ((), ("soft",))
    ):
        seen = changed(BARE, preview=preview, sent=sent, stuck_siblings=1, changes=changes)
        for instance in INSTANCES:
            yield changed(seen, seen=instance), Phase.AWAITING_CONFIRMATION
    for outcome, unsure, before, sent, code in product(
        Outcome, (True, False), (True, False), ((), ("force",) * 7), CODES
    ):
        ended = changed(BARE, outcome=outcome, unsure=unsure, accepted_before=before, sent=sent, code=code)
        ended = changed(ended, ended_at=NOW, decided_by="U2", approved_by="U2", status=403, signed_in=True)
        yield ended, Phase.TELLING
        more = changed(ended, verified=True, recovered=True, softened=True, broke_glass="R1", force=False)
        yield changed(more, accepted_at=NOW - 60_000, status=500), Phase.TELLING
    yield changed(BARE, outcome=Outcome.FAILED, sent=("soft",) * 2), Phase.DONE
    long = changed(BARE, outcome=Outcome.GONE_VERIFIED, accepted_at=NOW - 3_900_000, ended_at=NOW)
    yield long, Phase.DONE
    for code in EXPLANATIONS:
        yield changed(BARE, outcome=Outcome.FAILED, code=code, status=403, ended_at=NOW), Phase.TELLING


def refused() -> Iterator[Refused]:
    """Each refusal, in each of its forms."""
    detail = {
        "typed": "X1", "found": None, "length": 3001, "limit": 3000, "team": "T1", "channel": "C1", "requester": "U1",
        "reference": BARE.id, "code": "SCOPE_DENIED", "status": 403, "role": "force", "granted": APPROVERS,
        "name": "second_person", "termination": changed(BARE, outcome=Outcome.EXPIRED),
    }  # fmt: skip
    for reply in REFUSALS:
        yield Refused(reply, **detail)
    yield Refused("portal_address", found=ID)
    for reply in ("not_granted", "own_press"):
        yield Refused(reply, **detail, approvers=APPROVERS)
    for role, granted in product(("soft", "configure", "approve"), ((), ("admins",), ("U0ADA", "U0BOB"))):
        yield Refused("not_granted", role=role, granted=granted)
    for code in ("TOKEN_EXPIRED", "TIMEOUT"):
        yield Refused("key_unusable", code=code)
        yield Refused("not_readable", code=code, status=None)
    for outcome, by in product((Outcome.CANCELLED, Outcome.FAILED), ("U2", None)):
        yield Refused("already_decided", termination=changed(BARE, outcome=outcome, decided_by=by))


def found() -> list[Finding]:
    """Each finding, without its channel and with it."""
    return [
        Finding("check", level, says, VALUES, *where)
        for says, level, where in product(findings._TOLD, Level, ((), ("T1", "C1")))
    ] + [
        Finding("check", Level.FAIL, "key_refused", {"code": code, "status": status})
        for code, status in (
            *product(EXPLANATIONS, (None,)),
            *product(("X1",), (401, 402, 403, 418, 502, None)),
        )
    ]


def reports() -> Iterator[KeyReport]:
    """A key that works, and each trouble with one."""
    yield KeyReport(FACTS, running=1)
    yield KeyReport(KeyFacts(kind="app"))
    for problem, unreachable in product((*KeyFault, "SCOPE_DENIED"), (True, False)):
        yield KeyReport(FACTS, problem=problem, status=403, unreachable=unreachable)


def messages() -> Iterator[Any]:
    """Everything that is a message."""
    for termination, phase in cards():
        yield CARDS.termination(termination, phase, NOW)
        yield CONNECTING.termination(termination, phase, NOW)
    for refusal_ in refused():
        yield approvals.refusal_with_request(refusal_, BARE)
    yield private("1" * 5000)
    yield from about_keys()
    for finding in found():
        yield findings.warning([finding])
    for total, certain, instance in (
        (None, False, None),
        (2, False, None),
        (2, True, None),
        (2, True, INSTANCE),
    ):
        yield replies.found(Found(ID, Lookup(instance, certain, (), total), "https://acme.bitrix24.com", NOW))
    yield sheet({scene: f"practice-{scene}-1" for scene in Scene})
    for code, channel in product(("not_in_channel", "is_archived", "E1"), ("C1", "D1")):
        yield annotated(private("X1"), replies.posted_elsewhere(code, channel))
    for text in texts():
        yield private(text)


def about_keys() -> Iterator[Any]:
    """The answer to ``key`` in each of its forms, and what is told of connections."""
    stored = ChannelKey(
        team="T1",
        channel="C1",
        sealed_key="",
        sealed_session=None,
        key_id="",
        hint="vibe_app_1…1",
        set_by="user:U1",
        set_at=NOW,
    )
    actor = Actor(user="U1", home="T1", place="T1", channel="C1")
    sessions = (
        None,
        SESSION,
        replace(SESSION, name="", expires_at=NOW + 1),
        replace(SESSION, expires_at=NOW + 1),
    )
    for report, session in product((None, *reports()), sessions):
        for key, worked_at, address in (
            (stored, NOW, None),
            (replace(stored, set_by="shell:S1"), None, "https://x1"),
        ):
            yield keys.key_card(
                KeyCard(
                    key=key, report=report, worked_at=worked_at, session=session, address=address, at=NOW
                ),
                actor,
            )
    yield keys.key_card(
        KeyCard(key=None, report=None, worked_at=None, session=None, address="https://x1", at=NOW), actor
    )
    yield connections.connect("https://x1")
    for session, resumed in product(sessions[1:], (True, False)):
        yield notices.message(Connected(session, resumed))
    for notice in (
        NotConnected(),
        SessionEnds(SESSION),
        BecameShared("C1", "T2"),
        BreakerTripped("T1", SETTINGS, 6),
    ):
        yield notices.message(notice)


def texts() -> Iterator[str]:
    """Everything that is a private sentence."""
    yield from (
        replies.usage(),
        replies.set_up(),
        keys.key_removed(),
        approvals.asked(),
        approvals.breaker_reset("U1"),
    )
    for approvers in ((), APPROVERS):
        yield approvals.glass_broken(changed(BARE, approvers=approvers, broke_glass="R1"))
    for phase, link in product((Phase.DONE, Phase.CALLING), (None, "https://x1")):
        yield replies.duplicate(BARE, phase, link)
    yield replies.under_way([], [])
    yield replies.under_way([job(BARE, phase) for phase in Phase], [None, *["https://x1"] * (len(Phase) - 1)])
    for second in SecondPerson:
        yield settings.settings_told(replace(SETTINGS, second_person=second))
    yield settings.settings_told(ChannelSettings())
    yield settings.settings_changed([])
    yield settings.settings_changed(NAMES)
    for fault in settings._FAULTS:
        yield settings.setting_fault(
            SettingsNotAccepted("force", fault, word="V1", names="V1", lowest=1, highest=2)
        )
    for fault in KeyFault:
        yield keys.not_accepted(KeyNotAccepted(fault))
    for each in found():
        yield f"{findings.describe(each)}\n{findings.remedy(each)}"


def views() -> Iterator[Any]:
    """Every dialog, and Home."""
    for settings_ in (SETTINGS, ChannelSettings()):
        yield dialog(settings_, place="T1", channel="C1")
    for choice, last_four in product((Choice.FORCE, Choice.BREAK_GLASS), (True, False)):
        confirmed = Confirmed(
            reference="abc", question=1, choice=choice, channel="C1", ts="1.1", sealed_url=None
        )
        yield force_dialog(confirmed, BARE, last_four=last_four)
    shown = changed(BARE, message=MessageRef("C1", "1.1", "channel"))
    jobs = [
        job(shown, Phase.AWAITING_CONFIRMATION),
        job(changed(BARE, workflow_id="practice-1"), Phase.CALLING),
    ]
    each = [[finding] for finding in found()]
    for channels in ([Finding("check", Level.OK, "channel_good", {}, "T1", "C1")], *each):
        full = Overview(to_confirm=jobs, under_way=jobs, recent=jobs, channels=channels, at=NOW)
        yield home_tab.home(full, "acme")
    yield home_tab.home(Overview(to_confirm=[], under_way=[], recent=[], channels=[], at=NOW), None)
    yield home_tab.refused(Refused("guest"))


def web_pages() -> Iterator[pages.Page]:
    """Every page."""
    link = Link(hash="", kind=LinkKind.KEY, team="T1", channel="C1", user="U1")
    for alert in (None, pages.other_form(), pages.nothing_entered()):
        yield pages.form(link, "0", alert)
    for report in reports():
        if report.problem is None:
            yield pages.stored(link, report, "vibe_api_1…1")
        else:
            yield pages.form(link, "0", pages.not_stored(report), report)
    yield from (pages.ended(), pages.not_now(), pages.not_done(Refused("guest")))


def job(termination: Termination, phase: Phase) -> Job:
    """A termination as the engine holds it."""
    return Job(termination=termination, phase=phase, fence=1, attempts=1, owner=None, held_until=0)


__all__ = ["messages", "refusal", "refused", "texts", "views", "web_pages"]
