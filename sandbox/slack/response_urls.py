"""The addresses through which a command or a click may be answered: five times, for thirty minutes."""

import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus

from aiohttp import web

from sandbox.slack.block_kit import parsed_blocks
from sandbox.slack.errors import ConnectionCut, SlackRefusal
from sandbox.slack.faults import Faults
from sandbox.slack.installation import Installation
from sandbox.slack.records import Call, Json
from sandbox.slack.web_api import RecordCall, cut, refused
from sandbox.slack.workspace import Channel, Message, Person, Workspace

MOST_USES = 5
LIFETIME_SECONDS = 30 * 60
FAULT_NAME = "response_url"


@dataclass
class ResponseAddress:
    """Where one interaction may be answered; ``original`` is the message that was clicked, if one was."""

    person: Person
    channel: Channel
    issued_at: float
    original: Message | None
    uses: int = 0


class ResponseUrls:
    """Issues the addresses and answers /response/SECRET."""

    def __init__(
        self,
        workspace: Workspace,
        installation: Installation,
        faults: Faults,
        record: RecordCall,
        base_url: Callable[[], str],
    ) -> None:
        self._workspace = workspace
        self._installation = installation
        self._faults = faults
        self._record = record
        self._base_url = base_url
        self.issued: dict[str, ResponseAddress] = {}

    def issue(self, person: Person, channel: Channel, *, original: Message | None = None) -> str:
        secret = secrets.token_urlsafe(18)
        self.issued[secret] = ResponseAddress(person, channel, self._workspace.clock(), original)
        return f"{self._base_url()}/response/{secret}"

    async def handle(self, request: web.Request) -> web.StreamResponse:
        at = self._workspace.clock()
        body: Json = {}
        headers: dict[str, str] = {}
        try:
            body = await _sent_body(request)
            cut_afterwards = await self._faults.before(FAULT_NAME)
            self._answer(request.match_info["secret"], body)
            answer, status = {"ok": True}, HTTPStatus.OK.value
        except SlackRefusal as refusal:
            cut_afterwards = False
            answer, status, headers = refused(refusal)
        except ConnectionCut:
            self._record(Call(FAULT_NAME, body, at, None, None))
            return cut(request)
        if cut_afterwards:
            self._record(Call(FAULT_NAME, body, at, None, None))
            return cut(request)
        self._record(Call(FAULT_NAME, body, at, answer, status))
        if status == HTTPStatus.OK:
            return web.Response(text="ok")
        return web.json_response(answer, status=status, headers=headers)

    def _answer(self, secret: str, body: Json) -> None:
        address = self.issued.get(secret)
        if address is None:
            raise SlackRefusal("invalid_url", status=404)
        if self._workspace.clock() - address.issued_at > LIFETIME_SECONDS:
            raise SlackRefusal("expired_url", status=404)
        if address.uses >= MOST_USES:
            raise SlackRefusal("used_url", status=404)
        try:
            self._say(address, body)
        except SlackRefusal as refusal:
            refusal.status = 400
            raise
        address.uses += 1

    def _say(self, address: ResponseAddress, body: Json) -> None:
        original = address.original if address.original and not address.original.deleted else None
        if body.get("delete_original"):
            if original is not None:
                self._workspace.delete(original)
            return
        blocks = parsed_blocks(body.get("blocks"))
        text = str(body.get("text") or "")
        if not text.strip() and not blocks:
            raise SlackRefusal("no_text")
        if body.get("replace_original") and original is not None:
            self._workspace.edit(original, text=text if "text" in body else None, blocks=blocks)
            return
        self.post_answer(
            address.person, address.channel, body, text=text, blocks=blocks or [], via="response_url"
        )

    def post_answer(
        self, person: Person, channel: Channel, body: Json, *, text: str, blocks: list[Json], via: str
    ) -> Message:
        """Show an answer as its ``response_type`` says: to everyone, or (as usual) to the person alone."""
        in_channel = body.get("response_type") == "in_channel"
        message = self._workspace.post(
            channel,
            text=text,
            blocks=blocks,
            user=self._installation.bot_user,
            via=via,
            visible_to=None if in_channel else person.id,
            thread_ts=body.get("thread_ts") if in_channel else None,
        )
        message.unfurl_links = body.get("unfurl_links")
        message.unfurl_media = body.get("unfurl_media")
        return message


async def _sent_body(request: web.Request) -> Json:
    raw = await request.text()
    try:
        body = json.loads(raw)
    except ValueError:
        raise SlackRefusal("invalid_payload", status=400) from None
    if not isinstance(body, dict):
        raise SlackRefusal("invalid_payload", status=400)
    return body
