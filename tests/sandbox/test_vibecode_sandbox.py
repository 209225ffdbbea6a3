"""The local Vibecode behaves as the real one is documented to."""

import re
import time

import httpx
import pytest

from sandbox.vibecode import STATUSES, Step, VibecodeSandbox

LISTED = {
    "ID",
    "MODIFIED",
    "OWNED_UNTIL",
    "MODULE_ID",
    "ENTITY",
    "DOCUMENT_ID",
    "STARTED",
    "STARTED_BY",
    "TEMPLATE_ID",
}


class Clock:
    """A clock that moves when it is told to."""

    def __init__(self):
        self.now = 1_777_386_197.25

    def __call__(self):
        return self.now


@pytest.fixture(name="clock")
def _clock():
    return Clock()


@pytest.fixture(name="vibecode")
async def _vibecode(clock):
    sandbox = VibecodeSandbox(clock=clock)
    await sandbox.start()
    yield sandbox
    await sandbox.stop()


@pytest.fixture(name="http")
async def _http(vibecode):
    async with httpx.AsyncClient(
        base_url=vibecode.url, headers={"X-Api-Key": vibecode.add_key()}, timeout=5
    ) as http:
        yield http


def _code(answer):
    return answer.status_code, answer.json()["error"]["code"]


async def test_a_row_has_the_documented_fields(vibecode, http):
    """The list shows every documented field in its documented shape."""
    instance = vibecode.start_instance(template="9", document="LEAD_1", entity="CCrmDocumentLead")

    answer = (await http.get("/v1/workflows")).json()

    (row,) = answer["data"]
    assert (True, {"total": 1}) == (answer["success"], answer["meta"])
    assert set(row) == LISTED
    assert (instance, "9", "LEAD_1", "7") == (
        row["ID"],
        row["TEMPLATE_ID"],
        row["DOCUMENT_ID"],
        row["STARTED_BY"],
    )
    assert row["STARTED"] == "2026-04-28T14:23:17+00:00"
    assert row["OWNED_UNTIL"] == "2026-04-28T15:23:17+00:00"


async def test_an_identifier_tells_when_its_instance_started(vibecode, clock):
    """Identifiers have the shape of PHP's uniqid, whose first eight digits are the start."""
    instance = vibecode.start_instance()

    assert re.fullmatch(r"[0-9a-f]{13}[0-9]\.[0-9]{8}", instance)
    assert int(instance[:8], 16) == int(clock.now)


async def test_steps_follow_one_another_until_the_instance_is_gone(vibecode, http, clock):
    """Each step holds its lock and modifies the instance; after the last one it is not listed."""
    instance = vibecode.start_instance(steps=(10, Step(20, locked=False)))
    start = clock.now

    clock.now += 10
    (row,) = (await http.get("/v1/workflows")).json()["data"]

    assert row["OWNED_UNTIL"] is None
    assert vibecode.instances[instance].modified_at == start + 10
    clock.now += 20
    assert (await http.get("/v1/workflows")).json()["data"] == []
    assert vibecode.instances[instance].ended_by == "finished"


async def test_a_soft_termination_finishes_the_current_step(vibecode, http, clock):
    """A step that is being executed ends before the instance does."""
    instance = vibecode.start_instance(steps=(10, 10))
    clock.now += 3

    answer = await http.delete(f"/v1/workflows/{instance}")

    assert (204, b"") == (answer.status_code, answer.content)
    assert vibecode.is_running(instance)
    clock.now += 7
    assert not vibecode.is_running(instance)
    assert vibecode.instances[instance].ended_by == "soft"


async def test_a_waiting_instance_is_gone_at_once(vibecode, http):
    """Nothing has to be finished where nobody works."""
    instance = vibecode.start_instance(steps=(Step(10, locked=False),))

    await http.delete(f"/v1/workflows/{instance}")

    assert not vibecode.is_running(instance)


async def test_a_stuck_instance_only_yields_to_force(vibecode, http, clock):
    """Its lock is more than five minutes old, and a soft termination changes nothing."""
    instance = vibecode.start_instance(stuck=True)
    await http.delete(f"/v1/workflows/{instance}")
    clock.now += 86_400

    assert vibecode.is_running(instance)
    assert vibecode.instances[instance].locked_until < clock.now - 300
    await http.delete(f"/v1/workflows/{instance}", params={"force": "true"})
    assert not vibecode.is_running(instance)


async def test_a_running_step_may_write_a_forced_instance_back(vibecode, http, clock):
    """It is gone, then it is back, and a second force ends it for good."""
    instance = vibecode.start_instance(writes_back_after_force=5)
    await http.delete(f"/v1/workflows/{instance}", params={"force": "true"})

    assert not vibecode.is_running(instance)
    assert _code(await http.delete(f"/v1/workflows/{instance}")) == (404, "ENTITY_NOT_FOUND")
    clock.now += 5
    assert [instance] == [row["ID"] for row in (await http.get("/v1/workflows")).json()["data"]]
    await http.delete(f"/v1/workflows/{instance}", params={"force": "true"})
    clock.now += 60
    assert not vibecode.is_running(instance)


async def test_the_list_is_paged_and_filtered(vibecode, http):
    """A page has fifty rows; the total counts what the filters leave."""
    vibecode.start_many(60, template="1", started_by="5")
    vibecode.start_many(3, template="2")

    second = (await http.get("/v1/workflows", params={"offset": "50"})).json()
    by_template = (await http.get("/v1/workflows", params={"templateId": "2"})).json()
    by_person = (await http.get("/v1/workflows", params={"startedBy": "5", "offset": "50"})).json()

    assert (13, 63) == (len(second["data"]), second["meta"]["total"])
    assert (3, 3) == (len(by_template["data"]), by_template["meta"]["total"])
    assert (10, 60) == (len(by_person["data"]), by_person["meta"]["total"])
    assert _code(await http.get("/v1/workflows", params={"offset": "-1"})) == (400, "VALIDATION_ERROR")


async def test_churn_shifts_the_order(vibecode, http, clock):
    """Whoever was modified last comes first."""
    vibecode.start_many(200)
    clock.now += 1
    before = (await http.get("/v1/workflows")).json()["data"]
    vibecode.churn(20)
    clock.now += 2

    after = (await http.get("/v1/workflows")).json()["data"]

    assert before != after
    assert [row["MODIFIED"] for row in after] == sorted((row["MODIFIED"] for row in after), reverse=True)


async def test_ten_thousand_instances_are_quick(vibecode, http):
    """A big portal is set up in a moment and its last page is read in another."""
    began = time.perf_counter()
    vibecode.start_many(10_000)
    vibecode.churn(100)

    last = (await http.get("/v1/workflows", params={"offset": "9990"})).json()

    assert (10, 10_000) == (len(last["data"]), last["meta"]["total"])
    assert time.perf_counter() - began < 3


async def test_an_identifier_runs_once(vibecode):
    """The same identifier cannot be started twice at the same time."""
    vibecode.start_instance(id="W1")

    with pytest.raises(ValueError, match="running already"):
        vibecode.start_instance(id="W1")


@pytest.mark.parametrize(
    ("properties", "expected"),
    [
        ({"active": False}, (401, "KEY_INACTIVE")),
        ({"expires_at": 1}, (401, "KEY_EXPIRED")),
        ({"tokens": False}, (401, "TOKEN_MISSING")),
        ({"scopes": ("crm",)}, (403, "SCOPE_DENIED")),
        ({"admin": False}, (403, "BITRIX_ACCESS_DENIED")),
        ({"access_mode": "READONLY"}, (403, "WRITE_BLOCKED_READONLY_KEY")),
        ({"value": "vibe_live_1"}, (403, "MANAGEMENT_KEY_NO_ENTITY_ACCESS")),
    ],
)
async def test_a_key_that_lacks_something_is_refused(vibecode, http, properties, expected):
    """The refusal comes from the key's own properties, and nothing is terminated."""
    instance = vibecode.start_instance()
    key = vibecode.add_key(**properties)

    answer = await http.delete(f"/v1/workflows/{instance}", headers={"X-Api-Key": key})

    assert expected == _code(answer)
    assert vibecode.is_running(instance)
    assert [False] == [call.executed for call in vibecode.deletes(instance)]


async def test_a_missing_or_unknown_key_is_refused(vibecode, http):
    """Nobody gets in without a key that was issued."""
    async with httpx.AsyncClient(base_url=vibecode.url) as stranger:
        missing = await stranger.get("/v1/workflows")
        unknown = await stranger.get("/v1/me", headers={"X-Api-Key": "vibe_api_nobody"})

    assert _code(missing) == (401, "MISSING_API_KEY")
    assert _code(unknown) == (401, "INVALID_API_KEY")


async def test_a_readonly_key_may_read(vibecode, http):
    """The access mode only stops writes."""
    key = vibecode.add_key(access_mode="READONLY")

    assert (await http.get("/v1/workflows", headers={"X-Api-Key": key})).status_code == 200


async def test_an_application_key_needs_its_own_living_session(vibecode, http, clock):
    """Without a session, with another's and with an ended one it is refused."""
    app, other = vibecode.add_key("vibe_app_one"), vibecode.add_key("vibe_app_two")
    mine, foreign = vibecode.add_session(app), vibecode.add_session(other)
    ended = vibecode.add_session(app, expires_at=clock.now)
    answers = {}
    for name, token in {"none": "", "unknown": "x", "foreign": foreign, "ended": ended, "mine": mine}.items():
        headers = {"X-Api-Key": app} | ({"Authorization": f"Bearer {token}"} if token else {})
        answers[name] = await http.get("/v1/workflows", headers=headers)

    assert _code(answers["none"]) == (401, "INVALID_APP_KEY")
    assert _code(answers["unknown"]) == (401, "INVALID_SESSION")
    assert _code(answers["foreign"]) == (401, "SESSION_APP_MISMATCH")
    assert _code(answers["ended"]) == (401, "TOKEN_EXPIRED")
    assert answers["mine"].status_code == 200


async def test_a_rate_limit_counts_down_and_refills(vibecode, http, clock):
    """The headers tell what is left; the call over the limit has to wait for the next minute."""
    key = {"X-Api-Key": vibecode.add_key(rate_per_minute=1)}

    first = await http.get("/v1/me", headers=key)
    second = await http.get("/v1/me", headers=key)

    assert ("1", "0") == (first.headers["X-RateLimit-Limit"], first.headers["X-RateLimit-Remaining"])
    assert _code(second) == (429, "RATE_LIMITED")
    assert (60, "60") == (second.json()["error"]["retryAfter"], second.headers["Retry-After"])
    clock.now += 60
    assert (await http.get("/v1/me", headers=key)).status_code == 200


async def test_me_describes_the_key_redacted(vibecode, http):
    """A key is shown as its first 16 and last 4 characters; a management key has no portal."""
    value = vibecode.add_key("vibe_api_0123456789abcdef")
    vibecode.key(value).owner = "42"
    live = vibecode.add_key("vibe_live_1", expires_at=1_893_456_000)

    mine = (await http.get("/v1/me", headers={"X-Api-Key": value})).json()["data"]
    managing = (await http.get("/v1/me", headers={"X-Api-Key": live})).json()["data"]

    assert ("personal", "vibe_api_0123456", "cdef") == (mine["type"], mine["keyPrefix"], mine["keySuffix"])
    assert ("demo.bitrix24.com", "42", ["bizproc"]) == (mine["portal"], mine["owner"], mine["scopes"])
    assert ("management", "2030-01-01T00:00:00+00:00") == (managing["type"], managing["expiresAt"])
    assert "portal" not in managing


async def test_another_address_is_not_an_instance_that_is_gone(vibecode, http):
    """A wrong path or method has a code of its own."""
    assert _code(await http.get("/v1/workflows/1")) == (404, "ROUTE_NOT_FOUND")
    assert _code(await http.delete("/v2/workflows/1")) == (404, "ROUTE_NOT_FOUND")


async def test_force_is_exactly_true_or_left_out(vibecode, http):
    """Another spelling terminates nothing."""
    instance = vibecode.start_instance()

    assert _code(await http.delete(f"/v1/workflows/{instance}?force=1")) == (400, "VALIDATION_ERROR")
    assert vibecode.is_running(instance)


@pytest.mark.parametrize("code", STATUSES)
async def test_every_documented_code_can_be_scripted(vibecode, http, code):
    """It comes with its status, a message in one of two languages, and only as often as asked."""
    vibecode.script(code, times=2)

    first, second, third = [await http.get("/v1/me") for _ in range(3)]

    assert (STATUSES[code], code) == _code(first) == _code(second)
    assert first.json()["error"]["message"] != second.json()["error"]["message"]
    assert third.status_code == 200


async def test_a_script_waits_for_the_call_that_it_is_meant_for(vibecode, http):
    """Method and instance narrow it; status and waiting time can be set."""
    one, other = vibecode.start_many(2)
    vibecode.script("RATE_LIMITED", method="DELETE", instance=one, status=503, retry_after=7)

    assert (await http.get("/v1/workflows")).status_code == 200
    assert (await http.delete(f"/v1/workflows/{other}")).status_code == 204
    answer = await http.delete(f"/v1/workflows/{one}")
    assert (503, "7") == (answer.status_code, answer.headers["Retry-After"])
    with pytest.raises(ValueError, match="no trouble called nonsense"):
        vibecode.script("nonsense")


async def test_a_call_may_be_carried_out_although_its_answer_is_bad(vibecode, http):
    """The record tells what really happened."""
    instance = vibecode.start_instance()
    vibecode.script("BITRIX_UNAVAILABLE", executes=True)

    answer = await http.delete(f"/v1/workflows/{instance}?force=true")

    (call,) = vibecode.deletes(instance)
    assert answer.status_code == call.status == 502
    assert call.executed
    assert not vibecode.is_running(instance)


@pytest.mark.parametrize("what", ["empty", "html", "not_utf8", "unknown_code"])
async def test_bodies_can_be_broken(vibecode, http, what):
    """A gateway's answer says nothing that a program understands."""
    vibecode.script(what, status=503, retry_after=3)

    answer = await http.get("/v1/me")

    assert (503, "3") == (answer.status_code, answer.headers["Retry-After"])
    assert b"INTERNAL_ERROR" not in answer.content


async def test_connections_can_be_cut(vibecode, http):
    """Before the answer, in the middle of it, or whenever the sandbox is down."""
    vibecode.script("drop")
    vibecode.script("truncated")
    for _ in range(2):
        with pytest.raises(httpx.RemoteProtocolError):
            await http.get("/v1/me")
    vibecode.down = True

    with pytest.raises(httpx.TransportError):
        await http.get("/v1/me")

    assert [None, 502, None] == [call.status for call in vibecode.calls]


async def test_a_hanging_call_is_seen_while_it_hangs(vibecode, http):
    """It is recorded when it arrives, and stopping the sandbox lets it go."""
    vibecode.script("hang", after=0.01)

    with pytest.raises(httpx.ReadTimeout):
        await http.get("/v1/me", timeout=0.1)

    assert [None] == [call.status for call in vibecode.calls]


async def test_a_stopped_sandbox_refuses_and_comes_back(vibecode, http):
    """It keeps its port and what it knows."""
    instance = vibecode.start_instance()
    await vibecode.stop()
    with pytest.raises(httpx.ConnectError):
        await http.get("/v1/me")

    await vibecode.start()

    assert [instance] == [row["ID"] for row in (await http.get("/v1/workflows")).json()["data"]]


async def test_calls_are_recorded_without_their_secrets(vibecode, http):
    """A record shows what was asked, and of a key only what Vibecode itself would show."""
    seen = []
    vibecode.listen(lambda call: seen.append((call.path, call.status)))
    key = http.headers["X-Api-Key"]
    reason = "смысл 🙂" * 400

    headers = {"X-Api-Key": key, "Authorization": "Bearer vibe_session_short"}
    answer = await http.delete("/v1/workflows/a%2Fb%20c", params={"status": reason}, headers=headers)
    await http.get("/v1/me", headers={"X-Api-Key": "stray"})

    first, second = vibecode.calls
    assert answer.status_code == 404
    assert ("a/b c", {"status": reason}) == (first.instance, first.query)
    shown = (first.headers["X-Api-Key"], first.headers["Authorization"], second.headers["X-Api-Key"])
    assert (f"{key[:16]}…{key[-4:]}", "Bearer vibe_session_…", "…") == shown
    expected = [
        ("/v1/workflows/a/b c", None),
        ("/v1/workflows/a/b c", 404),
        ("/v1/me", None),
        ("/v1/me", 401),
    ]
    assert expected == seen


async def test_waiting_ends_with_the_fact_or_with_what_was_seen(vibecode, http, clock):
    """Time alone may make it true; otherwise the error names the last calls."""
    instance = vibecode.start_instance(steps=(5,))
    await http.get("/v1/me")
    clock.now += 5

    assert await vibecode.wait_for(lambda: not vibecode.is_running(instance)) is True
    with pytest.raises(TimeoutError, match="GET /v1/me -> 200"):
        await vibecode.wait_for(lambda: vibecode.is_running(instance), timeout=0.05)


async def test_latency_delays_every_answer(vibecode, http):
    """Each answer takes at least that long."""
    vibecode.latency = 0.05
    began = time.perf_counter()

    await http.get("/v1/me")

    assert time.perf_counter() - began >= 0.05


async def test_a_session_is_polled_after_the_person_approved(vibecode, http):
    """Pending before, complete once, and the token works."""
    app = vibecode.add_key("vibe_app_one")
    asked = {"app_key": app, "state": "0123456789abcdef"}

    page = await http.get("/v1/oauth/authorize", params=asked)
    before = (await http.get("/v1/oauth/poll", params=asked)).json()
    approved = await http.post(page.text.split('action="')[1].split('"')[0].replace("&amp;", "&"))
    after = (await http.get("/v1/oauth/poll", params=asked)).json()
    again = (await http.get("/v1/oauth/poll", params=asked)).json()

    assert {"status": "pending"} == before == again
    assert approved.status_code == 200
    assert ("complete", 86_399, "1") == (after["status"], after["expires_in"], after["user"]["id"])
    headers = {"X-Api-Key": app, "Authorization": f"Bearer {after['access_token']}"}
    assert (await http.get("/v1/workflows", headers=headers)).status_code == 200


async def test_a_session_is_exchanged_for_a_code(vibecode, http):
    """With an address to return to, the browser brings a code that works once."""
    back = "https://bot.example/oauth?from=vibecode"
    app = vibecode.add_key("vibe_app_one", redirect_uris=[back])
    asked = {"app_key": app, "state": "0123456789abcdef", "redirect_uri": back}
    page = await http.get("/v1/oauth/authorize", params=asked)
    allowed = await http.post("/v1/oauth/authorize", params=asked)

    returned = httpx.URL(allowed.headers["Location"])
    wanted = {"app_key": app, "code": returned.params["code"], "redirect_uri": back}
    first = await http.post("/v1/oauth/token", json=wanted)
    second = await http.post("/v1/oauth/token", json=wanted)

    assert (200, 302) == (page.status_code, allowed.status_code)
    assert ("vibecode", asked["state"]) == (returned.params["from"], returned.params["state"])
    assert first.json()["access_token"].startswith("vibe_session_")
    assert _code(second) == (400, "VALIDATION_ERROR")


async def test_wrong_authorisations_are_refused(vibecode, http):
    """An unknown application, a short state, an unregistered address and a body that is no JSON."""
    app = vibecode.add_key("vibe_app_one")
    asked = {"app_key": app, "state": "0123456789abcdef"}

    async def code(**changes):
        return _code(await http.get("/v1/oauth/authorize", params=asked | changes))

    assert await code(app_key="vibe_app_two") == (401, "INVALID_APP_KEY")
    assert await code(state="short") == (400, "VALIDATION_ERROR")
    assert await code(redirect_uri="https://evil.example") == (400, "INVALID_REDIRECT_URI")
    assert _code(await http.post("/v1/oauth/token", content=b"{")) == (400, "VALIDATION_ERROR")
    assert _code(await http.post("/v1/oauth/authorize")) == (400, "VALIDATION_ERROR")


async def test_a_test_approves_as_any_person(vibecode, http):
    """The user who approved is told with the session."""
    app = vibecode.add_key("vibe_app_one")
    asked = {"app_key": app, "state": "0123456789abcdef"}
    await http.get("/v1/oauth/authorize", params=asked)

    returned_to = vibecode.approve(asked["state"], user="7", name="Ann")

    told = (await http.get("/v1/oauth/poll", params=asked)).json()
    assert returned_to is None
    assert {"id": "7", "name": "Ann"} == told["user"]
