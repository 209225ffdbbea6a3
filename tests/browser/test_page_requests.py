"""What reaches the page's server and was not sent by the page."""

import aiohttp
import pytest

# The page that is asked lives in the same event loop as the browser.
pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest.mark.parametrize(
    ("sent", "status", "told"),
    [
        (b"{", 400, "cannot be read as JSON"),
        (b"", 400, "cannot be read as JSON"),
        (b"\xff", 400, "cannot be read as JSON"),
        (b"[" * 100_000, 400, "cannot be read as JSON"),
        (b'{"text": "\\ud800"}', 400, "cannot be read as JSON"),
        (b"null", 422, "A JSON object is needed"),
        (b"[]", 422, "A JSON object is needed"),
        (b'"text"', 422, "A JSON object is needed"),
        (b"{}", 422, "person is missing"),
        (b'{"person": null, "place": 1, "text": []}', 422, "not there any more"),
    ],
)
async def test_what_is_not_meant_for_the_page_is_answered_with_a_sentence(
    url: str, caplog: pytest.LogCaptureFixture, sent: bytes, status: int, told: str
):
    """A slip in a command at a shell is told; no traceback reaches the terminal, and the page goes on."""
    headers = {"Content-Type": "application/json"}
    async with aiohttp.ClientSession(headers=headers) as session:
        async with session.post(f"{url}do/say", data=sent) as answer:
            assert (answer.status, told in await answer.text()) == (status, True)
        async with session.get(f"{url}events") as events:
            assert (await events.content.readline()).startswith(b"data: {")
    assert [record for record in caplog.records if record.exc_info] == []


@pytest.mark.parametrize("number", ["9" * 5000, "²", "-1", "1e3", "x"])
async def test_a_number_that_no_exchange_has_is_not_found(url: str, number: str):
    """However long it is, and whatever stands in its place."""
    async with aiohttp.ClientSession() as session, session.get(f"{url}traffic/{number}") as answer:
        assert (answer.status, await answer.text()) == (404, "That is no longer kept.")
