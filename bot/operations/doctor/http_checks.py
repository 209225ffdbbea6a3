"""Asks the running bot itself, here and at the address at which others reach it."""

from http import HTTPStatus

import httpx

from bot.config.settings import Settings
from bot.domain.findings import Finding, fail, ok, warn

_SECONDS = 5


async def check_http(settings: Settings) -> list[Finding]:
    """Check what can be checked over HTTP."""
    # A proxy is on the way to others; what listens here is asked directly.
    async with httpx.AsyncClient(timeout=_SECONDS, trust_env=False) as http:
        found = [await _running(http, settings)]
    if settings.haltbot_public_url is not None:
        async with httpx.AsyncClient(timeout=_SECONDS) as http:
            found.append(await _public(http, settings, settings.haltbot_public_url.rstrip("/")))
    return found


async def _running(http: httpx.AsyncClient, settings: Settings) -> Finding:
    host = settings.haltbot_host
    url = f"http://{f'[{host}]' if ':' in host else host}:{settings.haltbot_port}/readyz"
    try:
        answer = await http.get(url)
        checks: dict[str, bool] = answer.json()
    except (httpx.HTTPError, httpx.InvalidURL, ValueError):
        return warn("running", "not_running", url=url)
    if answer.is_success:
        return ok("running", "running")
    away = ", ".join(name for name, good in checks.items() if not good)
    return fail("running", "not_ready", parts=away)


async def _public(http: httpx.AsyncClient, settings: Settings, url: str) -> Finding:
    """Haltbot has a page for a link that has ended, and refuses what Slack did not sign: so both got there."""
    try:
        page = await http.get(f"{url}/key/doctor")
        if page.status_code != HTTPStatus.GONE or "Haltbot" not in page.text:
            return _strange(f"{url}/key/", page)
        if not settings.socket_mode:
            events = await http.post(f"{url}/slack/events")
            if events.status_code != HTTPStatus.UNAUTHORIZED:
                return _strange(f"{url}/slack/events", events)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        return fail("public", "public_unreachable", url=url, code=type(error).__name__)
    return ok("public", "public", url=url)


def _strange(address: str, answer: httpx.Response) -> Finding:
    return fail("public", "public_is_another", url=address, status=answer.status_code)
