"""A channel's key gets in on a page of Haltbot's own: never through chat, checked first, and once."""

import logging
import re
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest
from browser_door import PUBLIC_URL, browser, hand_in, link_of, token_of
from workspace import Workspace, workspace

from bot.config.settings import Settings, SettingsInvalid, load
from bot.domain.connection import TRIES_PER_LINK
from bot.messages.keys import KEY_LINK, KEY_REMOVE
from sandbox.vibecode import Step

WAITING = Step(3600, locked=False)
SHOWN = re.compile(r"vibe_api_\S{7}…\S{4}")


@pytest.fixture(name="work")
async def _work(tmp_path):
    async with workspace(tmp_path, start=False, haltbot_public_url=PUBLIC_URL) as work:
        work.requester.admin = True
        await work.start()
        yield work


def stored(work: Workspace) -> str:
    """Everything that is in the database's files, as somebody would read it who took them."""
    path = work.database_file
    assert path is not None
    return "".join(
        file.read_bytes().decode("latin-1") for file in path.parent.iterdir() if file.suffix != ".key"
    )


async def test_a_key_is_handed_in_on_a_page(work: Workspace, caplog):
    """What Vibecode says of it is shown, the key itself never again; from then on the channel acts with it."""
    caplog.set_level(logging.DEBUG)
    new = work.vibecode.add_key()
    instance = work.vibecode.start_instance(steps=[WAITING])
    await work.command("key")
    path = await link_of(work, KEY_LINK)

    async with browser(work) as client:
        answer = await hand_in(client, path, new)
        again = await client.get(path)
    await work.command(f"{instance} loops")
    await work.told("*Stopped:*")

    assert (200, 410) == (answer.status_code, again.status_code)
    for known in ("is stored", "demo.bitrix24.com", "bizproc", "READWRITE", "1 workflow is running"):
        assert known in answer.text
    line = [line for line in await work.audit() if line["event"] == "key_set"][-1]
    assert work.requester.id == line["user"].removeprefix("user:")
    for place in (answer.text, caplog.text, stored(work), str(await work.audit()), str(work.whispers())):
        assert new not in place
    secret = path.rsplit("/", 1)[1]
    assert secret not in stored(work) + str(await work.audit())


async def test_the_page_lets_nothing_else_in(work: Workspace):
    """No script, no third party, no frame, no cache, no referrer; it needs no JavaScript."""
    await work.command("key")
    async with browser(work) as client:
        page = await client.get(await link_of(work, KEY_LINK))

    policy = page.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "frame-ancestors 'none'" in policy
    assert "form-action 'self'" in policy
    assert ("no-referrer", "DENY", "no-store", "nosniff") == tuple(
        page.headers[name]
        for name in ("Referrer-Policy", "X-Frame-Options", "Cache-Control", "X-Content-Type-Options")
    )
    cookie = page.headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    assert "<script" not in page.text
    assert not re.findall(r'(?:src|href)="', page.text)


async def test_another_page_cannot_send_the_form(work: Workspace):
    """Without the cookie that came with the form nothing is stored."""
    new = work.vibecode.add_key()
    await work.command("key")
    path = await link_of(work, KEY_LINK)
    async with browser(work) as client, browser(work) as elsewhere:
        form = await client.get(path)
        answer = await elsewhere.post(path, data={"form": token_of(form), "key": new})
        forged = await client.post(path, data={"form": "x" * 32, "key": new})
        none = await elsewhere.post(path, data={"key": new})

    assert [422, 422, 422] == [answer.status_code, forged.status_code, none.status_code]
    assert work.key[-4:] in await _key_told(work)


@pytest.mark.parametrize(
    ("properties", "why"),
    [
        ({"access_mode": "READONLY"}, "may only read"),
        ({"scopes": ("crm",)}, "lacks the scope bizproc"),
        ({"active": False}, "switched off"),
        ({"admin": False}, "no portal administrator"),
        ({"value": "vibe_live_" + "1" * 40}, "management key"),
    ],
)
async def test_a_key_that_would_not_work_is_not_stored(work: Workspace, properties, why):
    """The page says why, and lets another one be entered."""
    await work.command("key")
    async with browser(work) as client:
        answer = await hand_in(client, await link_of(work, KEY_LINK), work.vibecode.add_key(**properties))

    assert 422 == answer.status_code
    assert why in answer.text
    assert 'name="key"' in answer.text
    assert work.key[-4:] in await _key_told(work)


async def test_nothing_is_stored_while_vibecode_cannot_say(work: Workspace):
    """A key that could not be checked is no key that was checked."""
    work.vibecode.script("BITRIX_UNAVAILABLE", method="GET")
    await work.command("key")
    async with browser(work) as client:
        path = await link_of(work, KEY_LINK)
        work.vibecode.script("BITRIX_UNAVAILABLE", method="GET")
        answer = await hand_in(client, path, work.vibecode.add_key())
        later = await hand_in(client, path, work.vibecode.add_key())

    assert "could not be checked" in answer.text
    assert 200 == later.status_code


async def test_a_link_is_not_tried_for_ever(work: Workspace):
    """Guessing keys through a link ends with it."""
    await work.command("key")
    async with browser(work) as client:
        path = await link_of(work, KEY_LINK)
        answers = [
            (await hand_in(client, path, f"vibe_api_{number:032}")).status_code
            for number in range(TRIES_PER_LINK + 1)
        ]

    assert [422] * TRIES_PER_LINK + [403] == answers


async def test_a_link_ends_after_ten_minutes(work: Workspace):
    """And with the next one that its person asks for."""
    await work.command("key")
    first = await link_of(work, KEY_LINK)
    await work.command("key")
    second = await link_of(work, KEY_LINK, number=2)
    async with browser(work) as client:
        replaced = await client.get(first)
        stands = await client.get(second)
        path = work.database_file
        with closing(sqlite3.connect(path)) as db, db:
            db.execute("UPDATE key_link SET expires_at = expires_at - 600000")
        expired = await client.get(second)
        unknown = await client.get("/key/" + "x" * 43)

    assert [410, 200, 410, 410] == [answer.status_code for answer in (replaced, stands, expired, unknown)]


async def test_of_two_who_send_it_at_once_one_stores(work: Workspace):
    """A link is used once, however many tabs it is open in."""
    await work.command("key")
    path = await link_of(work, KEY_LINK)
    async with browser(work) as client:
        form = token_of(await client.get(path))
        keys = [work.vibecode.add_key() for _ in range(4)]
        answers = [(await client.post(path, data={"form": form, "key": key})).status_code for key in keys]

    assert [200, 410, 410, 410] == answers
    assert keys[0][-4:] in await _key_told(work)


async def test_who_may_not_configure_gets_no_link(work: Workspace):
    """The refusal is private, names the role and is in the audit."""
    await work.command("key", by=work.colleague)
    said = await work.whispered("*configure*", to=work.colleague)

    assert "Nothing was done" in said
    assert ["refused:not_granted"] == [
        line["outcome"] for line in await work.audit() if line["event"] == "refused"
    ]


async def test_who_cannot_be_looked_up_is_told_and_recorded(work: Workspace):
    """Slack cannot say who asks: nothing is shown of the key."""
    await work.put_settings({"configure": ["S0LEADS"]})
    work.slack.fail("usergroups.users.list", "internal_error", times=9)
    await work.command("key")
    said = await work.whispered("Slack cannot say at the moment")

    assert "try again in a minute" in said
    assert ["refused:press_again"] == [
        line["outcome"] for line in await work.audit() if line["event"] == "refused"
    ]


async def test_who_lost_the_role_meanwhile_stores_nothing(work: Workspace):
    """What counts is the moment at which the key is handed in."""
    await work.command("key")
    path = await link_of(work, KEY_LINK)
    await work.put_settings({"configure": ["U0SOMEBODY"]})
    async with browser(work) as client:
        answer = await hand_in(client, path, work.vibecode.add_key())

    assert 403 == answer.status_code
    assert "configure" in answer.text


async def test_the_answer_tells_what_may_be_told(work: Workspace):
    """Redacted, with who set it, when it last worked and when it expires."""
    expires = datetime.now(UTC) + timedelta(days=30)
    work.vibecode.key(work.key).expires_at = expires.timestamp()
    instance = work.vibecode.start_instance(steps=[WAITING])
    await work.command("key")
    before = await work.whispered("Vibecode API key:*")
    await work.command(f"{instance} loops")
    await work.told("*Stopped:*")
    await work.command("key")
    after = await work.whispered("Last worked")

    assert SHOWN.search(before)
    assert work.key not in before
    assert f"Set by <@{work.requester.id}>" in before
    assert "It has stopped nothing here yet" in before
    assert "Checked just now: it works" in after
    assert "Expires on" in after


async def test_a_key_is_removed_by_a_press(work: Workspace):
    """Slack asks first; whoever may not configure cannot press it."""
    await work.command("key")
    await link_of(work, KEY_LINK)
    (message,) = work.slack.private_messages(work.requester)
    (button,) = [element for element in message.elements if element["action_id"] == KEY_REMOVE]
    await work.slack.click(work.requester, message, KEY_REMOVE)
    await work.whispered("The key was removed")
    await work.slack.click(work.requester, message, KEY_REMOVE)
    await work.whispered("no key any more")
    await work.command(f"{work.vibecode.start_instance()} loops")

    assert "Remove the key?" == button["confirm"]["title"]["text"]
    await work.whispered("has no Vibecode API key yet")


async def test_without_a_public_address_the_shell_is_named(tmp_path):
    """And no page is served."""
    async with workspace(tmp_path, start=False) as work:
        work.requester.admin = True
        await work.start()
        await work.command("key")
        said = await work.whispered("haltbot key set")
        async with browser(work) as client:
            page = await client.get("/key/" + "x" * 43)

    assert f"--team {work.slack.team} --channel {work.channel.id}" in said
    assert 404 == page.status_code


async def test_a_key_in_the_command_is_refused_and_not_kept(work: Workspace, caplog):
    """It is to be revoked: Slack has seen it."""
    caplog.set_level(logging.DEBUG)
    typed = "vibe_api_" + "9" * 40
    delivery = await work.command(f"key {typed}")

    assert "revoke" in delivery.json["text"]
    for place in (delivery.body, caplog.text, stored(work), str(await work.audit())):
        assert typed not in place


@pytest.mark.parametrize("size", [0, 20_000])
async def test_a_form_that_is_none_is_asked_for_again(work: Workspace, size):
    """Too large, empty or binary: nothing of it is looked at."""
    await work.command("key")
    path = await link_of(work, KEY_LINK)
    async with browser(work) as client:
        answer = await client.post(path, content=b"\xff" * size)

    assert 422 == answer.status_code


async def _key_told(work: Workspace) -> str:
    before = len(work.whispers())
    await work.command("key")
    await work.slack.wait_for(lambda: len(work.whispers()) > before)
    return work.whispers()[-1]


@pytest.mark.parametrize(
    ("address", "good"),
    [
        ("https://haltbot.example.com", True),
        ("https://example.com/haltbot/", True),
        ("http://127.0.0.1:3000", True),
        ("http://localhost:3000", True),
        ("http://haltbot.example.com", False),
        ("http://127.0.0.1.example.com", False),
        ("https://haltbot.example.com?x=1", False),
        ("haltbot.example.com", False),
    ],
)
def test_a_public_address_needs_https(address, good, monkeypatch):
    """What is typed there is a key; on the machine itself nobody listens in."""
    for name, value in {
        "SLACK_BOT_TOKEN": "xoxb-1",
        "SLACK_APP_TOKEN": "xapp-1",
        "HALTBOT_PUBLIC_URL": address,
    }.items():
        monkeypatch.setenv(name, value)

    if good:
        assert address == load(Settings).haltbot_public_url
    else:
        with pytest.raises(SettingsInvalid, match="HALTBOT_PUBLIC_URL: must start with https"):
            load(Settings)
