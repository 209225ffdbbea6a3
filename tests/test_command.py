"""What a person types behind ``/terminate-workflow``, and how it is read."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from workspace import Workspace

from bot.domain.command import REASON_LIMIT, Order, Subcommand, has_usual_shape, parse
from bot.domain.errors import Refused
from sandbox.vibecode import Step

ID = "69f0c2d5ade389.22457798"


@pytest.mark.parametrize(
    ("typed", "force", "reason"),
    [
        (ID, False, ""),
        (f"  {ID}  ", False, ""),
        (f"{ID} loops", False, "loops"),
        (f"{ID} force", True, ""),
        (f"{ID} FORCE deadlock", True, "deadlock"),
        (f"{ID} --force deadlock", True, "deadlock"),
        (f"{ID} -force deadlock", True, "deadlock"),
        (f"{ID} —force deadlock", True, "deadlock"),
        (f"{ID} –force deadlock", True, "deadlock"),
        (f"{ID} \u200bforce\u200b deadlock", True, "deadlock"),
        (f"{ID}\u00a0force\u00a0deadlock", True, "deadlock"),
        (f"{ID}\nforce\nline one\nline two", True, "line one\nline two"),
        (f"{ID} forced restart", False, "forced restart"),
        (f"{ID} force-restart", False, "force-restart"),
        (f"{ID} please force", False, "please force"),
        (f"{ID} force force", True, "force"),
        (f"{ID} “force majeure” at the plant", False, "“force majeure” at the plant"),
        (f'{ID} "force" was tried', False, '"force" was tried'),
        (f"{ID} it’s “stuck” – really", False, "it’s “stuck” – really"),
        (f"{ID} two  spaces   inside", False, "two  spaces   inside"),
        (f"{ID}   leading and trailing   ", False, "leading and trailing"),
        (f"{ID} line one\n\n\tline two", False, "line one\n\n\tline two"),
        (f"{ID} зациклился 🔁 循环", False, "зациклился 🔁 循环"),
        (f"{ID} a &amp; b &lt; c &gt; d", False, "a & b < c > d"),
        (f"{ID} &amp;lt; was typed", False, "&lt; was typed"),
        (f"{ID} &quot;&nbsp; stay", False, "&quot;&nbsp; stay"),
        (f"`{ID}` loops", False, "loops"),
        (f"“{ID}” loops", False, "loops"),
        (f"\u200b{ID}\ufeff loops", False, "loops"),
        (f"<{ID}>, loops", False, "loops"),
    ],
)
def test_an_order_is_read_as_it_was_typed(typed, force, reason):
    """The ID, perhaps the word force, and the reason exactly as typed but for its ends."""
    assert Order(ID, force, reason) == parse(typed)


@pytest.mark.parametrize("force", ["", "force "])
@pytest.mark.parametrize("letter", ["x", "ё", "🔁", "&"])
def test_three_thousand_characters_are_a_reason(force, letter):
    """The limit counts what the person typed, with and without force."""
    reason = letter * REASON_LIMIT

    assert Order(ID, bool(force), reason) == parse(f"{ID} {force}{reason.replace('&', '&amp;')}")


@pytest.mark.parametrize("force", ["", "force "])
def test_one_character_more_is_refused(force):
    """Nothing is cut off behind a person's back."""
    with pytest.raises(Refused) as refused:
        parse(f"{ID} {force}{'x' * (REASON_LIMIT + 1)}")

    assert ("reason_too_long", {"length": 3001, "limit": 3000}) == (refused.value.reply, refused.value.detail)


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=200), st.booleans())
def test_no_reason_is_changed(reason, force):
    """Whatever was typed behind the word force arrives, with its ends trimmed."""
    typed = reason.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    lead = "force because " if force else "because "

    assert Order(ID, force, f"because {reason}".strip()) == parse(f"{ID} {lead}{typed}")


@pytest.mark.parametrize("typed", ["", "   ", "\u200b", "help", "HELP", "help me", "`help`"])
def test_nothing_or_help_asks_for_the_usage(typed):
    """A person who does not know the command types it alone."""
    asked = parse(typed)

    assert isinstance(asked, Subcommand)
    assert asked.word == "help"


REFUSED = [
    ("../x", "not_an_id"),
    ("..", "not_an_id"),
    (".", "not_an_id"),
    ("1..2", "not_an_id"),
    ("%2F", "not_an_id"),
    ("1%2F..%2Fme", "not_an_id"),
    ("a/b", "not_an_id"),
    ("1/../../me", "not_an_id"),
    ("1?force=true", "not_an_id"),
    ("1#x", "not_an_id"),
    ("1\\2", "not_an_id"),
    ("12;34", "not_an_id"),
    ("9" * 65, "not_an_id"),
    ("import", "not_an_id"),
    ("６９f0c2d5ade389", "strange_digits"),
    ("５１４１", "strange_digits"),
    (f"{ID}/x", "not_an_id"),
    ("@carl", "not_an_id"),
    ("5141", "document_number"),
    ("#5141", "document_number"),
    ("№5141", "document_number"),
    ("DEAL_5141", "document_number"),
    ("CCrmDocumentDeal", "document_number"),
    ("T83_12", "document_number"),
    ("https://demo.bitrix24.com/crm/deal/details/5141/", "portal_address"),
    ("<https://demo.bitrix24.com/bizproc/5141/|the deal>", "portal_address"),
    ("demo.bitrix24.com/bizproc/processes/", "portal_address"),
    ("demo.bitrix24.com:8443/bizproc/", "portal_address"),
    ("портал.рф/bizproc/", "portal_address"),
    (f"https://demo.bitrix24.com/company/personal/bizproc/{ID}/", "portal_address"),
    ("force", "force_before_id"),
    ("--force", "force_before_id"),
    ("—force", "force_before_id"),
]


@pytest.mark.parametrize(("word", "reply"), REFUSED)
def test_what_is_no_identifier_is_refused_with_its_own_sentence(word, reply):
    """Each mistake that people make has a sentence that helps."""
    with pytest.raises(Refused) as refused:
        parse(f"{word} force because")

    assert reply == refused.value.reply


async def test_no_mistake_becomes_a_request(work: Workspace):
    """Whoever mistypes reads privately what an ID looks like, and nothing goes anywhere."""
    for word, _ in REFUSED:
        await work.command(f"{word} force because")

    told = work.whispers()
    assert len(REFUSED) == len(told)
    assert [] == [text for text in told if "Nothing was sent" not in text]
    assert [] == [text for text in told if "/terminate-workflow" not in text]
    assert [] == work.vibecode.calls
    assert [] == work.slack.channel_messages(work.channel)
    assert ["refused"] * len(REFUSED) == await work.events()


async def test_digits_that_only_look_so_are_named(work: Workspace):
    """Otherwise it looks right, and nobody sees why it is refused."""
    await work.command("６９f0c2d5ade389.22457798 loops")

    assert "６９f0c2d5ade389.22457798" in await work.whispered("only look like digits")


@pytest.mark.parametrize("typed", ["show", "show ``"])
async def test_show_without_an_identifier_says_what_is_missing(work: Workspace, typed: str):
    """Not that nothing is no ID."""
    await work.command(typed)

    assert "`/terminate-workflow show ID` needs the ID" in await work.whispered("needs the ID")
    assert [] == work.vibecode.calls


async def test_a_portal_address_gives_its_identifier_back(work: Workspace):
    """A pasted address that contains an ID answers with the command to type."""
    await work.command(f"https://demo.bitrix24.com/company/personal/bizproc/{ID}/ loops")

    assert f"/terminate-workflow {ID}" in await work.whispered("portal address")


async def test_a_key_in_the_command_is_neither_used_nor_kept(work: Workspace):
    """Slack has seen it, so the person is told to revoke it; the audit does not repeat it."""
    key = "vibe_api_" + "0123456789abcdef" * 2
    await work.command(f"{ID} force {key}")

    assert "revoke" in await work.whispered("API key")
    assert key not in str(await work.audit())
    assert [] == work.vibecode.calls


@pytest.mark.parametrize("typed", ["", "help"])
async def test_the_usage_is_private(either: Workspace, typed: str):
    """Asking how it works shows the way to write it, to the person alone."""
    delivery = await either.command(typed)

    assert delivery.json["response_type"] == "ephemeral"
    assert "`/terminate-workflow ID force [reason]`" in await either.whispered("Stop a running")
    assert [] == either.slack.channel_messages(either.channel)
    assert [] == await either.events()


async def test_a_channel_without_a_key_says_how_to_get_one(work: Workspace):
    """The sentence names the very command that sets the key here."""
    elsewhere = work.slack.add_channel("random")
    await work.command(f"{ID} loops", channel=elsewhere)

    told = await work.whispered("no Vibecode API key")
    (refused,) = [event for event in await work.audit() if event["event"] == "refused"]
    assert f"haltbot key set --team {work.slack.team} --channel {elsewhere.id}" in told
    assert [] == work.vibecode.calls
    assert (ID, "loops", "refused:no_key") == (refused["workflow_id"], refused["reason"], refused["outcome"])


@pytest.mark.parametrize("force", [False, True])
async def test_the_reason_arrives_exactly_as_typed(either: Workspace, force: bool):
    """Smart quotes, inner spaces, newlines, Unicode: Bitrix24 receives what the person wrote."""
    instance = either.vibecode.start_instance(steps=[Step(3600, locked=False)])
    reason = "it’s “stuck”  since 02:10 – 50% & <b>payload</b>\nвторая строка 🔁 + ? # / \\ %2F"

    await either.command(f"{instance} {'force ' if force else ''}{reason}")
    if force:
        await either.told("Force-terminate")
        await either.click("termination_force")
    await either.told("*Stopped:*")

    (call,) = either.vibecode.deletes(instance)
    assert reason == call.query["status"]


def test_the_usual_shape_is_known():
    """PHP's uniqid is what Bitrix24 uses; anything else is only remarked upon."""
    assert has_usual_shape(ID)
    assert not has_usual_shape("wf-42")
