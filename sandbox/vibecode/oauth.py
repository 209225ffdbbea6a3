"""How an application's key gets its user session: a page to approve, then a poll or a code."""

import html
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from aiohttp import web

from sandbox.vibecode.keys import Keys, Session, new_value
from sandbox.vibecode.trouble import Troubles

_SESSION_SECONDS = 86_399
_SHORTEST_STATE = 16

_PAGE = """<!doctype html><meta charset="utf-8"><title>Vibecode sandbox</title>
<h1>{heading}</h1>{form}"""
_FORM = """<p>The application asks for access to your portal.</p>
<form method="post" action="/v1/oauth/authorize?{query}"><button>Allow</button></form>"""


@dataclass(slots=True)
class _Consent:
    app_key: str
    redirect_uri: str | None
    code: str
    user: str | None = None
    name: str = ""


class OAuth:
    """The three endpoints; a state is approved once and its session fetched once."""

    def __init__(self, keys: Keys, troubles: Troubles, clock: Callable[[], float]) -> None:
        self._keys = keys
        self._troubles = troubles
        self._clock = clock
        self._consents: dict[str, _Consent] = {}

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/v1/oauth/authorize", self._authorize),
            web.post("/v1/oauth/authorize", self._allow),
            web.get("/v1/oauth/poll", self._poll),
            web.post("/v1/oauth/token", self._token),
        ]

    def approve(self, state: str, *, user: str, name: str) -> str | None:
        """Allow what was asked for under this state; tells where the browser is sent, if anywhere."""
        consent = self._consents[state]
        consent.user, consent.name = user, name
        if consent.redirect_uri is None:
            return None
        separator = "&" if "?" in consent.redirect_uri else "?"
        return consent.redirect_uri + separator + urlencode({"code": consent.code, "state": state})

    async def _authorize(self, request: web.Request) -> web.Response:
        app_key, state = request.query.get("app_key", ""), request.query.get("state", "")
        redirect_uri = request.query.get("redirect_uri")
        key = self._keys.keys.get(app_key)
        if key is None or key.kind != "app":
            return self._troubles.error("INVALID_APP_KEY")
        if len(state) < _SHORTEST_STATE:
            return self._troubles.error("VALIDATION_ERROR")
        if redirect_uri is not None and redirect_uri not in key.redirect_uris:
            return self._troubles.error("INVALID_REDIRECT_URI")
        self._consents.setdefault(state, _Consent(app_key, redirect_uri, secrets.token_hex(16)))
        form = _FORM.format(query=html.escape(request.query_string))
        return _page("Allow access?", form)

    async def _allow(self, request: web.Request) -> web.Response:
        state = request.query.get("state", "")
        if state not in self._consents:
            return self._troubles.error("VALIDATION_ERROR")
        target = self.approve(state, user="1", name="Demo Administrator")
        if target is None:
            return _page("Done. You may close this page.", "")
        return web.Response(status=302, headers={"Location": target})

    async def _poll(self, request: web.Request) -> web.Response:
        state = request.query.get("state", "")
        consent = self._consents.get(state)
        if consent is None or consent.user is None or consent.app_key != request.query.get("app_key"):
            return web.json_response({"status": "pending"})
        return web.json_response({"status": "complete"} | self._session(state))

    async def _token(self, request: web.Request) -> web.Response:
        try:
            asked = await request.json()
        except ValueError:
            asked = None
        wanted = asked if isinstance(asked, dict) else {}
        for state, consent in self._consents.items():
            known = {"app_key": consent.app_key, "code": consent.code, "redirect_uri": consent.redirect_uri}
            if consent.user is not None and known == {name: wanted.get(name) for name in known}:
                return web.json_response(self._session(state))
        return self._troubles.error("VALIDATION_ERROR")

    def _session(self, state: str) -> dict[str, Any]:
        consent = self._consents.pop(state)
        token, user = new_value("session"), consent.user or ""
        self._keys.sessions[token] = Session(consent.app_key, token, user, self._clock() + _SESSION_SECONDS)
        return {
            "access_token": token,
            "expires_in": _SESSION_SECONDS,
            "user": {"id": user, "name": consent.name},
        }


def _page(heading: str, form: str) -> web.Response:
    return web.Response(text=_PAGE.format(heading=heading, form=form), content_type="text/html")
