"""Game day: made-up instances that are stopped like real ones, in the same channel, and that are nowhere else.

An instance of the practice pool is known by its identifier alone. What became of it is in the audit, so that every
replica sees the same, and nothing else has to be kept.
"""

import secrets
from dataclasses import dataclass, replace
from http import HTTPStatus

from bot.domain.api_key import ApiKey, KeyFacts
from bot.domain.audit import Event
from bot.domain.errors import Definite, NotRunning
from bot.domain.instance import Instance, Page
from bot.domain.practice import PRACTICE_KEY, PREFIX, Scene
from bot.domain.reference import unmistakable
from bot.ports.store import AuditStore
from bot.ports.workflows import Workflows

STEP_MS = 20_000
"""How long the step of a busy one takes to finish, once it was stopped softly."""
STUCK_MS = 10 * 60 * 1000
_LETTERS = 6


@dataclass(frozen=True, slots=True)
class _State:
    team: str
    channel: str
    scene: Scene
    started_at: int
    stopped_at: int | None = None
    forced: bool = False


async def make_instance(store: AuditStore, scene: Scene, *, team: str, channel: str, by: str) -> str:
    """Make up a running instance; returns its identifier."""
    # Every identifier holds a digit.
    workflow_id = f"{PREFIX}{scene}-{unmistakable(_LETTERS)}{secrets.randbelow(10)}"
    await store.record(
        Event(
            event="practice_started",
            team=team,
            channel=channel,
            user=by,
            workflow_id=workflow_id,
            reference=workflow_id,
            detail={"scene": scene, "at": await store.now()},
        )
    )
    return workflow_id


class PracticePool:
    """Serves made-up instances as Vibecode serves real ones; what became of each is read from the audit.

    A key sees one instance alone: see ``practice_key``.
    """

    def __init__(self, store: AuditStore) -> None:
        self._store = store

    async def terminate(self, key: ApiKey, workflow_id: str, *, force: bool, reason: str) -> None:  # noqa: ARG002 -- as Workflows wants it
        state = await self._state(workflow_id)
        now = await self._store.now()
        if state is None or _is_gone(state, now):
            raise NotRunning("ENTITY_NOT_FOUND", HTTPStatus.NOT_FOUND)
        if state.scene is Scene.DENIED:
            raise Definite("BITRIX_ACCESS_DENIED", HTTPStatus.FORBIDDEN)
        await self._store.record(
            Event(
                event="practice_stopped",
                team=state.team,
                channel=state.channel,
                user="haltbot",
                workflow_id=workflow_id,
                reference=workflow_id,
                detail={"force": force, "at": now},
            )
        )

    async def running(
        self,
        key: ApiKey,
        *,
        template_id: str | None = None,  # noqa: ARG002 -- as Workflows wants it
        started_by: str | None = None,  # noqa: ARG002
        offset: int = 0,
    ) -> Page:
        workflow_id = key.session or ""
        state, now = await self._state(workflow_id), await self._store.now()
        if state is None or _is_gone(state, now):
            return Page((), total=0, received=0)
        rows = (_instance(workflow_id, state, now),)[offset:]
        return Page(rows, total=1, received=len(rows))

    async def describe_key(self, key: ApiKey) -> KeyFacts:  # noqa: ARG002 -- as Workflows wants it
        return KeyFacts()

    async def _state(self, workflow_id: str) -> _State | None:
        state: _State | None = None
        async for line in self._store.events(reference=workflow_id):
            detail = line["detail"]
            match line["event"]:
                case "practice_started":
                    scene = Scene(detail["scene"])
                    state = _State(line["team"], line["channel"], scene, detail["at"])
                case "practice_stopped" if state is not None:
                    first = detail["at"] if state.stopped_at is None else state.stopped_at
                    state = replace(state, stopped_at=first, forced=state.forced or detail["force"])
        return state


class RoutedWorkflows:
    """The one place where made-up instances part from real ones: by the key that was opened for them."""

    def __init__(self, real: Workflows, practice: Workflows) -> None:
        self._real = real
        self._practice = practice

    async def terminate(self, key: ApiKey, workflow_id: str, *, force: bool, reason: str) -> None:
        await self._served_by(key).terminate(key, workflow_id, force=force, reason=reason)

    async def running(
        self, key: ApiKey, *, template_id: str | None = None, started_by: str | None = None, offset: int = 0
    ) -> Page:
        return await self._served_by(key).running(
            key, template_id=template_id, started_by=started_by, offset=offset
        )

    async def describe_key(self, key: ApiKey) -> KeyFacts:
        return await self._served_by(key).describe_key(key)

    def _served_by(self, key: ApiKey) -> Workflows:
        return self._practice if key.value == PRACTICE_KEY else self._real


def _is_gone(state: _State, now: int) -> bool:
    if state.stopped_at is None:
        return False
    match state.scene:
        case Scene.WAITS:
            return True
        case Scene.BUSY:
            return state.forced or now >= state.stopped_at + STEP_MS
        case _:
            return state.forced


def _instance(workflow_id: str, state: _State, now: int) -> Instance:
    locks = {Scene.BUSY: (state.stopped_at or now) + STEP_MS, Scene.STUCK: state.started_at - STUCK_MS}
    return Instance(
        workflow_id,
        template_id="PRACTICE",
        document_id="DEAL_0",
        started_at=state.started_at - STUCK_MS,
        started_by="0",
        modified_at=state.started_at - STUCK_MS,
        locked_until=locks.get(state.scene),
    )
