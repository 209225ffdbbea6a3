"""The use cases: one method for each thing a person can do."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, replace
from typing import Any, NoReturn, TypeVar

from bot.channels.authority import Authority
from bot.channels.refusals import record_refusal, refusals_recorded
from bot.domain.admission import Admission
from bot.domain.audit import Event, event
from bot.domain.command import Order
from bot.domain.errors import Refused, StoreError
from bot.domain.job import Job
from bot.domain.permissions import Actor
from bot.domain.press import Press
from bot.domain.reference import new_reference
from bot.domain.termination import Approval, MessageRef, Outcome, Phase, Question, Request, Termination
from bot.domain.transitions import is_requester
from bot.observability import context
from bot.ports.store import Duplicate, Store, Submitted
from bot.ports.vault import Vault
from bot.terminations.click import ClickAuthorizer, Dialog

T = TypeVar("T")

RECORD_SECONDS = 1.2
"""How long the database may take before the person is told that nothing is certain.

Slack waits 3 s, and a balancer 1.5 s (``deploy/nginx.conf``) before it asks the next replica.
"""

ASK_MS = 60 * 60 * 1000
"""How long after a refusal those who may approve can be asked."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Command:
    """A command that stops something. ``delivery`` is the same when Slack delivers it again."""

    asker: Actor
    order: Order
    delivery: str
    response_url: str | None


class Terminations:
    """Requests and decides terminations; what is on disk then belongs to the worker."""

    def __init__(
        self,
        store: Store,
        vault: Vault,
        authority: Authority,
        *,
        start: Callable[[Job], None],
        has_room: Callable[[], bool],
    ) -> None:
        self._store = store
        self._authority = authority
        self._clicks = ClickAuthorizer(store, authority)
        self._vault = vault
        self._start = start
        self._has_room = has_room
        self._under_way: set[asyncio.Task[Any]] = set()

    async def refuse(self, asker: Actor, refused: Refused) -> NoReturn:
        """Record a command that was not understood, without its text. Raises Refused."""
        await self._in_time(record_refusal(self._store, asker.attempt(), refused.reply))
        raise refused

    async def request(self, command: Command) -> Submitted | Duplicate:
        """Record a termination before anything else happens. Raises Refused, which is recorded too."""
        return await self._in_time(self._request(command))

    async def press(self, press: Press, *, seen_at: MessageRef, response_url: str | None) -> Job | Dialog:
        """Decide a question, or say what has to be typed first. Raises Refused, which is recorded too."""
        if response_url is not None:
            press = replace(press, response_url=self._vault.seal(response_url, press.reference))
        return await self._in_time(self._press(press, seen_at))

    async def ask_approvers(
        self, reference: str, clicker: Actor, *, response_url: str | None
    ) -> Submitted | Duplicate:
        """Turn a refused request into a question to those who may approve it. Raises Refused, recorded too."""
        return await self._in_time(self._ask_approvers(reference, clicker, response_url))

    async def _request(self, command: Command) -> Submitted | Duplicate:
        order = command.order
        attempt = replace(
            command.asker.attempt(), workflow_id=order.workflow_id, force=order.force, reason=order.reason
        )
        async with refusals_recorded(self._store, attempt):
            return await self._submit(command, order)

    async def _press(self, press: Press, seen_at: MessageRef) -> Job | Dialog:
        context.reference.set(press.reference)
        attempt = Event(
            event="refused",
            team=press.team,
            channel=press.channel,
            user=press.user,
            reference=press.reference,
            detail={"choice": press.choice},
        )
        async with refusals_recorded(self._store, attempt):
            authorized = await self._clicks.authorize(press, seen_at)
            if isinstance(authorized, Dialog):
                return authorized
            job = await self._store.decide(authorized, seen_at=seen_at, run_here=self._has_room())
        if job.owner is not None:
            self._start(job)
        return job

    async def _ask_approvers(
        self, reference: str, clicker: Actor, response_url: str | None
    ) -> Submitted | Duplicate:
        attempt = replace(clicker.attempt(wanted="approval"), reference=reference)
        async with refusals_recorded(self._store, attempt):
            return await self._ask(await self._askable(reference, clicker), response_url)

    async def _askable(self, reference: str, clicker: Actor) -> Termination:
        """Find the refused request that somebody else may be asked about. Raises Refused."""
        found = await self._store.find(reference)
        refused = found.termination if found else None
        if (
            refused is None
            or refused.result.outcome is not Outcome.REFUSED
            or refused.result.code != "not_granted"
        ):
            raise Refused("question_gone")
        if not is_requester(refused, user=clicker.user, home=clicker.home):
            raise Refused("not_the_requester", requester=refused.request.user)
        if await self._store.now() - (refused.result.ended_at or 0) > ASK_MS:
            raise Refused("asked_too_late")
        return refused

    async def _ask(self, refused: Termination, response_url: str | None) -> Submitted | Duplicate:
        asked = new_reference()
        termination = Termination(
            id=asked,
            request=replace(
                refused.request,
                requested_at=0,
                response_url=self._vault.seal(response_url, asked) if response_url else None,
                admitted=False,
            ),
            question=Question(approval=Approval.ASKED),
        )
        return await self._record(
            termination, Phase.AWAITING_CONFIRMATION, idempotency_key=f"ask {refused.id}"
        )

    async def _submit(self, command: Command, order: Order) -> Submitted | Duplicate:
        asker, reference = command.asker, new_reference()
        context.reference.set(reference)
        sealed = self._vault.seal(command.response_url, reference) if command.response_url else None
        termination = Termination(
            id=reference,
            request=Request(
                team=asker.place,
                channel=asker.channel,
                user=asker.user,
                workflow_id=order.workflow_id,
                force=order.force,
                reason=order.reason,
                requested_at=0,
                response_url=sealed,
            ),
        )
        phase = Phase.AWAITING_CONFIRMATION if order.force else Phase.REQUESTED
        idempotency_key = f"command {asker.place} {command.delivery}"
        admission = Admission(self._authority.facts_by_heart(asker))
        return await self._record(termination, phase, idempotency_key=idempotency_key, admission=admission)

    async def _record(
        self,
        termination: Termination,
        phase: Phase,
        *,
        idempotency_key: str,
        admission: Admission | None = None,
    ) -> Submitted | Duplicate:
        submitted = await self._store.submit(
            termination,
            phase,
            idempotency_key=idempotency_key,
            run_here=self._has_room(),
            admission=admission,
        )
        match submitted:
            case Submitted(job=Job() as job):
                self._start(job)
            case Duplicate(termination=earlier, same_request=False):
                attempt = replace(event(termination, "refused"), reference=earlier.id)
                await record_refusal(self._store, attempt, "duplicate")
        return submitted

    async def _in_time(self, work: Coroutine[Any, Any, T]) -> T:
        # A task of its own: what is recorded too late for its acknowledgement is carried out all the same.
        task = asyncio.create_task(work)
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)
        try:
            async with asyncio.timeout(RECORD_SECONDS):
                return await asyncio.shield(task)
        except (TimeoutError, StoreError) as trouble:
            raise Refused("not_recorded") from trouble
