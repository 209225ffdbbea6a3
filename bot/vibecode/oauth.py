"""Vibecode's way to a person's session with an application key: the page to open, and the poll for what it gave."""

from urllib.parse import quote, urlencode

import httpx

from bot.domain.api_key import ApiKey
from bot.domain.connection import Granted
from bot.domain.errors import UpstreamFailed
from bot.vibecode.client import VibecodeClient

_LONGEST_NAME = 200
_DAY_SECONDS = 86_400
_LONGEST_SECONDS = 30 * _DAY_SECONDS


class VibecodeAuthorisation:
    """Uses the client's own calls, and so its errors, limits and silence about secrets."""

    def __init__(self, client: VibecodeClient, base_url: httpx.URL) -> None:
        self._client = client
        self._base = str(base_url).rstrip("/")

    def address(self, application: str, state: str) -> str:
        query = urlencode({"app_key": application, "state": state}, quote_via=quote)
        return f"{self._base}/v1/oauth/authorize?{query}"

    async def poll(self, application: str, state: str) -> Granted | None:
        answer = await self._client.get_json(
            "/v1/oauth/poll", {"app_key": application, "state": state}, ApiKey(application)
        )
        if not isinstance(answer, dict) or answer.get("status") == "pending":
            return None
        token, seconds = answer.get("access_token"), answer.get("expires_in")
        if not isinstance(token, str) or not token:
            raise UpstreamFailed("INVALID_ANSWER", httpx.codes.OK)
        user = answer.get("user")
        name = user.get("name") or user.get("id") if isinstance(user, dict) else None
        lasts = _DAY_SECONDS
        if isinstance(seconds, int) and not isinstance(seconds, bool) and seconds > 0:
            lasts = min(seconds, _LONGEST_SECONDS)
        return Granted(token, lasts, str(name or "")[:_LONGEST_NAME])
