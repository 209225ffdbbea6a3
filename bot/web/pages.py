"""The pages that one-time links open: one form for a channel's key, and the way to Vibecode's consent."""

import asyncio
import base64
import hashlib
import hmac
import html
import logging
import re
import secrets
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from http import HTTPStatus
from urllib.parse import parse_qsl, urlsplit

from aiohttp import web

from bot.channels.connections import Connections
from bot.channels.key_service import HandedIn, KeyService
from bot.domain.api_key import KeyReport
from bot.domain.connection import Link
from bot.domain.errors import KeyUnusable, Refused, StoreError
from bot.messages import replies

log = logging.getLogger(__name__)

Handler = Callable[[web.Request], Awaitable[web.Response]]

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
            return self._ask(link, "The form was not the one that Haltbot sent you. Please send it again.")
        key = sent.get("key", "").strip()
        if not key:
            return self._ask(link, "Nothing was entered.")
        handed_in = await self._keys.hand_in(link, key)
        if not handed_in.stored:
            return self._ask(link, _why_not(handed_in.report), handed_in.report)
        return _page("The key is stored", _stored(handed_in, link))

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
            try:
                return await handler(request)
            except Refused as refused:
                text = _spoken(replies.refusal(refused))
                return _page("Not done", f'<p role="alert">{text}</p>', status=HTTPStatus.FORBIDDEN)
            except StoreError as error:
                log.warning("A one-time link could not be looked up: %s", error)
                text = "Haltbot's database does not answer. Nothing was stored; try again in a minute."
                return _page("Not now", f'<p role="alert">{text}</p>', status=HTTPStatus.SERVICE_UNAVAILABLE)

        return answer

    def _ask(self, link: Link, problem: str | None = None, report: KeyReport | None = None) -> web.Response:
        form = secrets.token_urlsafe(24)
        alert = f'<p role="alert">{html.escape(problem)}</p>' if problem else ""
        body = f"""{alert}{_facts(report) if report else ""}
<p>The key is for Slack channel <code>{html.escape(link.channel)}</code>, and for nothing else. Haltbot checks it with
Vibecode first, stores it encrypted, and never shows it again.</p>
<form method="post" autocomplete="off">
<input type="hidden" name="form" value="{form}">
<label for="key">Vibecode API key</label>
<input id="key" name="key" type="password" required maxlength="600" autocomplete="off" spellcheck="false" autofocus>
<button>Check and store</button>
</form>
<p>This page works once, until ten minutes after you asked for it.</p>"""
        answer = _page(
            "Hand in an API key", body, status=HTTPStatus.UNPROCESSABLE_ENTITY if problem else HTTPStatus.OK
        )
        answer.set_cookie(
            self._cookie,
            form,
            max_age=_COOKIE_SECONDS,
            path="/",
            secure=self._secure,
            httponly=True,
            samesite="Strict",
        )
        return answer

    def _gone(self) -> web.Response:
        text = _spoken(replies.refusal(Refused("link_gone")))
        return _page("This link has ended", f"<p>{text}</p>", status=HTTPStatus.GONE)


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


def _stored(handed_in: HandedIn, link: Link) -> str:
    if handed_in.report.facts.kind == "app":
        then = (
            "It is an application's key: everybody who uses it there connects once with <code>connect</code>."
        )
    else:
        then = f"Vibecode accepts it; {handed_in.report.running} workflows are running."
    return (
        f'<p role="status"><code>{html.escape(handed_in.hint)}</code> is stored for Slack channel'
        f" <code>{html.escape(link.channel)}</code>. {then}</p>{_facts(handed_in.report)}<p>You may close this page.</p>"
    )


def _facts(report: KeyReport) -> str:
    facts = report.facts
    expires = datetime.fromtimestamp(facts.expires_at / 1000, UTC) if facts.expires_at else None
    known = {
        "Kind": facts.kind,
        "Portal": facts.portal,
        "Acts as user": facts.owner,
        "Scopes": ", ".join(facts.scopes) if facts.scopes else None,
        "Access": facts.access_mode,
        "Expires": f"{expires:%Y-%m-%d %H:%M} UTC" if expires else None,
    }
    rows = "".join(f"<dt>{name}</dt><dd>{html.escape(value)}</dd>" for name, value in known.items() if value)
    return f"<dl>{rows}</dl>" if rows else ""


def _why_not(report: KeyReport) -> str:
    if report.unreachable:
        return f"The key could not be checked, so it was not stored: {report.problem} Try again in a minute."
    return f"The key was not stored: {report.problem}"


def _spoken(text: str) -> str:
    """Write one of our sentences without Slack's marks."""
    bare = (
        re.sub(r"[`*]|<[@!][^>]*>", "", text).replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
    )
    return html.escape(bare)


def _page(title: str, body: str, *, status: HTTPStatus = HTTPStatus.OK) -> web.Response:
    whole = (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title} · Haltbot</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><style>{_STYLE}</style></head>'
        f"<body><main><h1>{title}</h1>{body}</main></body></html>"
    )
    return web.Response(text=whole, content_type="text/html", status=status, headers=_HEADERS)
