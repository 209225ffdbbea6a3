"""Everything that can go wrong with an answer: the documented codes, and connections that misbehave."""

import json
from dataclasses import dataclass

from aiohttp import web

#: Every documented code with the status that it comes with.
STATUSES = {
    "VALIDATION_ERROR": 400,
    "INVALID_REDIRECT_URI": 400,
    "MISSING_API_KEY": 401,
    "INVALID_API_KEY": 401,
    "KEY_EXPIRED": 401,
    "KEY_INACTIVE": 401,
    "TOKEN_MISSING": 401,
    "TOKEN_EXPIRED": 401,
    "INVALID_APP_KEY": 401,
    "INVALID_SESSION": 401,
    "SESSION_APP_MISMATCH": 401,
    "BILLING_EXHAUSTED": 402,
    "TRIAL_EXPIRED": 402,
    "SCOPE_DENIED": 403,
    "BITRIX_ACCESS_DENIED": 403,
    "WRITE_BLOCKED_READONLY_KEY": 403,
    "KEY_POLICY_READONLY_REQUIRED": 403,
    "OAUTH_REQUIRED": 403,
    "MANAGEMENT_KEY_NO_ENTITY_ACCESS": 403,
    "B24_TARIFF_RESTRICTION": 403,
    "ENTITY_NOT_FOUND": 404,
    "ROUTE_NOT_FOUND": 404,
    "BITRIX_ERROR": 422,
    "RATE_LIMITED": 429,
    "QUEUE_OVERFLOW": 429,
    "ERROR_LOOP_DETECTED": 429,
    "INTERNAL_ERROR": 500,
    "BITRIX_UNAVAILABLE": 502,
    "BITRIX_TIMEOUT": 504,
    "QUEUE_TIMEOUT": 504,
}

# Statuses that tell the caller how long to wait, even if the test does not say so.
_WAIT_SECONDS = {429: 1.0, 504: 2.0}

# Nobody may depend on the message, so it comes in one language or the other.
_MESSAGES = {
    400: ("The request is not valid", "Запрос неверен"),
    401: ("Authentication failed", "Ошибка авторизации"),
    402: ("Payment is required", "Требуется оплата"),
    403: ("Access denied", "Доступ запрещён"),
    404: ("Not found", "Ничего не найдено"),
    422: ("Bitrix24 refused the call", "Портал отклонил вызов"),
    429: ("Too many requests", "Слишком много запросов"),
}
_OTHER_MESSAGE = ("The service had a problem", "Внутренняя ошибка сервиса")

_HTML = "<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>"
_BODIES = {
    "empty": (b"", "application/json"),
    "html": (_HTML.encode(), "text/html"),
    "not_utf8": ('{"success": false, "error": {"code": "Ошибка"}}'.encode("cp1251"), "application/json"),
    "truncated": (b'{"success": false, "error": {"code": "BITRIX_UNAV', "application/json"),
}
UNANSWERED = frozenset({"hang", "drop"})
_UNKNOWN = "SOMETHING_NEW"


@dataclass(slots=True)
class Trouble:
    """One kind of trouble, for the next calls that fit."""

    what: str
    times: int
    method: str | None
    instance: str | None
    status: int | None
    retry_after: float | None
    after: float
    executes: bool

    def __post_init__(self) -> None:
        if self.what not in STATUSES and self.what not in _BODIES | {"unknown_code": 0} | dict.fromkeys(
            UNANSWERED
        ):
            raise ValueError(f"there is no trouble called {self.what}")

    def fits(self, method: str, instance: str | None) -> bool:
        wanted = (self.method is None or self.method == method) and self.instance in (None, instance)
        return self.times > 0 and wanted


class Troubles:
    """What was scripted and is still to come, and how many errors were told so far."""

    def __init__(self) -> None:
        self.scripted: list[Trouble] = []
        self._told = 0

    def next(self, method: str, instance: str | None) -> Trouble | None:
        """Take the oldest one that fits this call."""
        trouble = next((one for one in self.scripted if one.fits(method, instance)), None)
        if trouble is not None:
            trouble.times -= 1
        return trouble

    def answer(self, trouble: Trouble) -> web.Response:
        if trouble.what not in _BODIES:
            code = _UNKNOWN if trouble.what == "unknown_code" else trouble.what
            return self.error(code, status=trouble.status, retry_after=trouble.retry_after)
        body, content_type = _BODIES[trouble.what]
        answer = web.Response(status=trouble.status or 502, body=body, content_type=content_type)
        if trouble.retry_after is not None:
            answer.headers["Retry-After"] = f"{trouble.retry_after:g}"
        return answer

    def error(
        self, code: str, *, status: int | None = None, retry_after: float | None = None
    ) -> web.Response:
        """Answer as Vibecode does when something is wrong."""
        status = status or STATUSES.get(code, 418)
        retry_after = _WAIT_SECONDS.get(status) if retry_after is None else retry_after
        self._told += 1
        error: dict[str, object] = {
            "code": code,
            "message": _MESSAGES.get(status, _OTHER_MESSAGE)[self._told % 2],
        }
        headers = {}
        if retry_after is not None:
            error["retryAfter"] = retry_after
            headers["Retry-After"] = f"{retry_after:g}"
        body = json.dumps({"success": False, "error": error}, ensure_ascii=False)
        return web.Response(status=status, text=body, content_type="application/json", headers=headers)
