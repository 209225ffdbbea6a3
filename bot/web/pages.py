"""The pages that one-time links open: one form for a channel's key, and the way to Vibecode's consent."""

import asyncio
import base64
import hashlib
import hmac
import logging
import secrets
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from urllib.parse import parse_qsl, urlsplit

from aiohttp import web

from bot.channels.connections import Connections
from bot.channels.key_service import KeyService
from bot.domain.api_key import KeyReport
from bot.domain.connection import Link
from bot.domain.errors import KeyUnusable, Refused, StoreError
from bot.messages import pages
from bot.messages.language import ENGLISH, speaking
from bot.messages.pages import Page

log = logging.getLogger(__name__)

Handler = Callable[[web.Request], Awaitable[web.Response]]

_LANGUAGE = ENGLISH
_COOKIE = "haltbot_form"
_COOKIE_SECONDS = 600
_MOST_BYTES = 8 * 1024
_MOST_FIELDS = 10
_READ_SECONDS = 5.0

_STYLE = """
body{font:1rem/1.5 system-ui,sans-serif;max-width:36rem;margin:3rem auto;padding:0 1rem;color:#1f2937;background:#fff}
label{display:block;font-weight:600;margin-top:1.5rem}
input{font:inherit;width:100%;box-sizing:border-box;padding:.6rem;border:1px solid #6b7280;border-radius:.3rem}
button{font:inherit;margin-top:1rem;padding:.6rem 1.2rem;border:0;border-radius:.3rem;background:#1f2937;color:#fff}
[role=alert]{border-left:.3rem solid #b91c1c;padding-left:.8rem}
[role=status]{border-left:.3rem solid #15803d;padding-left:.8rem}
dt{font-weight:600}dd{margin:0 0 .5rem}
@media (prefers-color-scheme:dark){body{background:#111827;color:#f3f4f6}button{background:#f3f4f6;color:#111827}}
"""
_STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()

_HEADERS = {
    "Content-Security-Policy": (
        f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; form-action 'self'; base-uri 'none';"
        " frame-ancestors 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "X-Robots-Tag": "noindex",
}


class KeyPages:
    """``public_url`` tells how browsers come here: with HTTPS the form's cookie goes over nothing else."""

    def __init__(self, keys: KeyService, connections: Connections, public_url: str) -> None:
        self._keys = keys
        self._connections = connections
        self._secure = urlsplit(public_url).scheme == "https"
        # A browser takes a cookie of this name from no other host and over nothing but HTTPS.
        self._cookie = f"__Host-{_COOKIE}" if self._secure else _COOKIE

    def add_to(self, app: web.Application) -> None:
        """Answer below the address to which links lead."""
        app.router.add_get("/key/{secret}", self._told(self._form))
        app.router.add_post("/key/{secret}", self._told(self._submit))
        app.router.add_get("/connect/{secret}", self._told(self._connect))

    async def _form(self, request: web.Request) -> web.Response:
        link = await self._keys.link(request.match_info["secret"])
        return self._gone() if link is None else self._ask(link)

    async def _submit(self, request: web.Request) -> web.Response:
        link = await self._keys.link(request.match_info["secret"])
        if link is None:
            return self._gone()
        sent = await _read(request)
        if not hmac.compare_digest(
            request.cookies.get(self._cookie, "").encode(errors="replace"),
            sent.get("form", "-").encode(errors="replace"),
        ):
            return self._ask(link, pages.other_form())
        key = sent.get("key", "").strip()
        if not key:
            return self._ask(link, pages.nothing_entered())
        handed_in = await self._keys.hand_in(link, key)
        if not handed_in.stored:
            return self._ask(link, pages.not_stored(handed_in.report), handed_in.report)
        return _served(pages.stored(link, handed_in.report, handed_in.hint))

    async def _connect(self, request: web.Request) -> web.Response:
        try:
            address = await self._connections.follow(request.match_info["secret"])
        except KeyUnusable:
            address = None
        if address is None:
            return self._gone()
        return web.Response(status=HTTPStatus.FOUND, headers={**_HEADERS, "Location": address})

    def _told(self, handler: Handler) -> Handler:
        """Let every answer say what is the matter; nothing of a request is repeated or logged."""

        async def answer(request: web.Request) -> web.Response:
            with speaking(_LANGUAGE):
                try:
                    return await handler(request)
                except Refused as refused:
                    return _served(pages.not_done(refused), HTTPStatus.FORBIDDEN)
                except StoreError as error:
                    log.warning("A one-time link could not be looked up: %s", error)
                    return _served(pages.not_now(), HTTPStatus.SERVICE_UNAVAILABLE)

        return answer

    def _ask(self, link: Link, alert: str | None = None, report: KeyReport | None = None) -> web.Response:
        token = secrets.token_urlsafe(24)
        status = HTTPStatus.UNPROCESSABLE_ENTITY if alert else HTTPStatus.OK
        answer = _served(pages.form(link, token, alert, report), status)
        answer.set_cookie(
            self._cookie,
            token,
            max_age=_COOKIE_SECONDS,
            path="/",
            secure=self._secure,
            httponly=True,
            samesite="Strict",
        )
        return answer

    def _gone(self) -> web.Response:
        return _served(pages.ended(), HTTPStatus.GONE)


async def _read(request: web.Request) -> dict[str, str]:
    """Read the form; empty for what is too large, too slow or none."""
    try:
        async with asyncio.timeout(_READ_SECONDS):
            raw = await request.content.read(_MOST_BYTES + 1)
        if len(raw) > _MOST_BYTES:
            return {}
        return dict(parse_qsl(raw.decode(), keep_blank_values=True, max_num_fields=_MOST_FIELDS))
    except (TimeoutError, ValueError):
        return {}


def _served(page: Page, status: HTTPStatus = HTTPStatus.OK) -> web.Response:
    whole = (
        f'<!doctype html><html lang="{_LANGUAGE}"><head><meta charset="utf-8"><title>{page.title} · Haltbot</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><style>{_STYLE}</style></head>'
        f"<body><main><h1>{page.title}</h1>{page.body}</main></body></html>"
    )
    return web.Response(text=whole, content_type="text/html", status=status, headers=_HEADERS)
