"""The Web API over HTTP: who is calling, with which rights, and Slack's answer in JSON."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from http import HTTPStatus

from aiohttp import web

from sandbox.slack import methods_chat, methods_lookup, methods_views
from sandbox.slack.errors import ConnectionCut, SlackRefusal
from sandbox.slack.faults import Faults
from sandbox.slack.installation import Arguments, Backend
from sandbox.slack.rate_limits import RateLimits
from sandbox.slack.records import Call, Json

Method = Callable[[Backend, Arguments], Json]
RecordCall = Callable[[Call], None]


@dataclass(frozen=True)
class Entry:
    """A method, the scope it needs whatever it is asked, and whether it wants the app-level token."""

    method: Method
    scope: str | None = None
    app_level: bool = field(default=False, kw_only=True)


METHODS: dict[str, Entry] = {
    "apps.connections.open": Entry(methods_lookup.connections_open, app_level=True),
    "auth.test": Entry(methods_lookup.auth_test),
    "bots.info": Entry(methods_lookup.bots_info, "users:read"),
    "chat.delete": Entry(methods_chat.delete, "chat:write"),
    "chat.getPermalink": Entry(methods_chat.get_permalink),
    "chat.postEphemeral": Entry(methods_chat.post_ephemeral, "chat:write"),
    "chat.postMessage": Entry(methods_chat.post_message, "chat:write"),
    "chat.update": Entry(methods_chat.update, "chat:write"),
    "conversations.history": Entry(methods_lookup.conversations_history),
    "conversations.info": Entry(methods_lookup.conversations_info),
    "conversations.members": Entry(methods_lookup.conversations_members),
    "conversations.open": Entry(methods_lookup.conversations_open, "im:write"),
    "usergroups.list": Entry(methods_lookup.usergroups_list, "usergroups:read"),
    "usergroups.users.list": Entry(methods_lookup.usergroups_users_list, "usergroups:read"),
    "users.info": Entry(methods_lookup.users_info, "users:read"),
    "views.open": Entry(methods_views.open_view),
    "views.publish": Entry(methods_views.publish_view),
    "views.push": Entry(methods_views.push_view),
    "views.update": Entry(methods_views.update_view),
}


async def sent_arguments(request: web.Request) -> Json:
    """The arguments of a request: from its query, and its form or JSON body."""
    arguments: Json = dict(request.query)
    if request.content_type == "application/json":
        try:
            body = await request.json()
        except ValueError:
            raise SlackRefusal("invalid_json") from None
        if not isinstance(body, dict):
            raise SlackRefusal("json_not_object")
        return arguments | body
    return arguments | dict(await request.post())


def cut(request: web.Request) -> web.Response:
    """Hang up without an answer."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=503)


class WebApi:
    """Answers /api/METHOD."""

    def __init__(
        self, backend: Backend, faults: Faults, record: RecordCall, *, limits: RateLimits | None = None
    ) -> None:
        self._backend = backend
        self._faults = faults
        self._record = record
        self._limits = limits

    async def handle(self, request: web.Request) -> web.StreamResponse:
        name = request.match_info["method"]
        arguments: Json = {}
        headers: dict[str, str] = {}
        at = self._backend.workspace.clock()
        try:
            arguments = await sent_arguments(request)
            token = self._token(request, arguments)
            cut_afterwards = await self._faults.before(name)
            answer, status = {"ok": True} | self._act(name, token, arguments), HTTPStatus.OK.value
        except SlackRefusal as refusal:
            cut_afterwards = False
            answer, status, headers = refused(refusal)
        except ConnectionCut:
            self._record(Call(name, arguments, at, None, None))
            return cut(request)
        if cut_afterwards:
            self._record(Call(name, arguments, at, None, None))
            return cut(request)
        self._record(Call(name, arguments, at, answer, status))
        headers["x-oauth-scopes"] = ",".join(sorted(self._backend.installation.bot_scopes))
        return web.json_response(answer, status=status, headers=headers)

    def _token(self, request: web.Request, arguments: Json) -> str:
        kind, _, token = request.headers.get("Authorization", "").partition(" ")
        in_body = str(arguments.pop("token", "") or "")
        return token.strip() if kind.lower() == "bearer" and token.strip() else in_body

    def _act(self, name: str, token: str, arguments: Json) -> Json:
        entry = METHODS.get(name)
        if entry is None:
            raise SlackRefusal("unknown_method")
        self._authorise(entry, token)
        if self._limits is not None:
            self._limits.spend(name, str(arguments.get("channel", "")))
        return entry.method(self._backend, Arguments(arguments))

    def _authorise(self, entry: Entry, token: str) -> None:
        installed = self._backend.installation
        if not token:
            raise SlackRefusal("not_authed")
        if token not in {installed.bot_token, installed.app_token}:
            raise SlackRefusal("invalid_auth")
        if entry.app_level:
            if token != installed.app_token:
                raise SlackRefusal("not_allowed_token_type")
            if "connections:write" not in installed.app_scopes:
                refusal = SlackRefusal("missing_scope")
                refusal.extra = {"needed": "connections:write", "provided": ",".join(installed.app_scopes)}
                raise refusal
        elif token == installed.app_token and entry.method is not methods_lookup.auth_test:
            raise SlackRefusal("not_allowed_token_type")
        if entry.scope is not None:
            self._backend.require_scope(entry.scope)


def refused(refusal: SlackRefusal) -> tuple[Json, int, dict[str, str]]:
    """The answer to a refused call: its body, status and headers."""
    answer: Json = {"ok": False, "error": refusal.code, **refusal.extra}
    if refusal.messages:
        answer["errors"] = [message.removeprefix("[ERROR] ") for message in refusal.messages]
        answer["response_metadata"] = {"messages": refusal.messages}
    headers = {} if refusal.retry_after is None else {"Retry-After": str(refusal.retry_after)}
    return json.loads(json.dumps(answer)), refusal.status, headers
