"""The endpoints that an API key opens: its workflows and itself."""

from collections.abc import Awaitable, Callable

from aiohttp import web

from sandbox.vibecode.instances import Instances
from sandbox.vibecode.keys import Key, Keys
from sandbox.vibecode.trouble import Troubles

WORKFLOWS = "/v1/workflows"


class _Refused(Exception):
    def __init__(self, code: str, headers: dict[str, str], retry_after: float | None = None) -> None:
        super().__init__(code)
        self.code = code
        self.headers = headers
        self.retry_after = retry_after


class Api:
    """Answers in the shapes that Vibecode documents."""

    def __init__(self, portal: str, instances: Instances, keys: Keys, troubles: Troubles) -> None:
        self._portal = portal
        self._instances = instances
        self._keys = keys
        self._troubles = troubles

    def routes(self) -> list[web.RouteDef]:
        return [
            web.delete(WORKFLOWS + "/{id}", self._refusing(self._delete)),
            web.get(WORKFLOWS, self._refusing(self._list)),
            web.get("/v1/me", self._refusing(self._me)),
        ]

    def _refusing(
        self, handler: Callable[[web.Request], web.Response]
    ) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def answer(request: web.Request) -> web.StreamResponse:
            try:
                return handler(request)
            except _Refused as refused:
                told = self._troubles.error(refused.code, retry_after=refused.retry_after)
                told.headers.update(refused.headers)
                return told

        return answer

    def _caller(self, request: web.Request) -> tuple[Key, dict[str, str]]:
        key, code = self._keys.caller(request.headers)
        if key is None or code is not None:
            raise _Refused(code or "INVALID_API_KEY", {})
        headers, code = self._keys.count(key)
        if code is not None:
            raise _Refused(code, headers, self._keys.seconds_until_free(key))
        return key, headers

    def _workflow_caller(self, request: web.Request, *, write: bool) -> dict[str, str]:
        key, headers = self._caller(request)
        if code := self._keys.refusal(key, write=write):
            raise _Refused(code, headers)
        return headers

    def _delete(self, request: web.Request) -> web.Response:
        headers = self._workflow_caller(request, write=True)
        force = request.query.get("force")
        if force not in (None, "true"):
            raise _Refused("VALIDATION_ERROR", headers)
        if not self._instances.terminate(request.match_info["id"], force=force == "true"):
            raise _Refused("ENTITY_NOT_FOUND", headers)
        return web.Response(status=204, headers=headers)

    def _list(self, request: web.Request) -> web.Response:
        headers = self._workflow_caller(request, write=False)
        offset = request.query.get("offset", "0")
        if not (offset.isascii() and offset.isdecimal()):
            raise _Refused("VALIDATION_ERROR", headers)
        template, started_by = request.query.get("templateId"), request.query.get("startedBy")
        rows, total = self._instances.page(int(offset), template, started_by)
        return web.json_response({"success": True, "data": rows, "meta": {"total": total}}, headers=headers)

    def _me(self, request: web.Request) -> web.Response:
        key, headers = self._caller(request)
        return web.json_response({"success": True, "data": key.describe(self._portal)}, headers=headers)
