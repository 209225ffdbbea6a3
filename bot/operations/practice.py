"""Game day: made-up instances that are stopped like real ones, in the same channel, and that are nowhere else.

An instance of the practice pool is known by its identifier alone. What became of it is in the audit, so that every
replica sees the same, and nothing else has to be kept.
"""

import secrets
from dataclasses import dataclass, replace
from http import HTTPStatus

from bot.domain.api_key import ApiKey, KeyFacts, OpenedKey
from bot.domain.audit import Event
from bot.domain.errors import Definite, NotRunning
from bot.domain.instance import Instance, Page, Sighting
from bot.domain.practice import PREFIX, Scene, is_practice
from bot.domain.reference import unmistakable
from bot.instances.finder import MAX_PAGES, Lookout, Watch
from bot.ports.core import Store, Workflows

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


async def make_instance(store: Store, scene: Scene, *, team: str, channel: str, by: str) -> str:
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


class _Pool:
    """The made-up instances, read from the audit and stopped by adding to it."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def sighting(self, workflow_id: str) -> Sighting:
        state = await self._state(workflow_id)
        now = await self._store.now()
        if state is None or _is_gone(state, now):
            return Sighting(None, certain=True, total=0)
        return Sighting(_instance(workflow_id, state, now), certain=True, total=1)

    async def stop(self, workflow_id: str, *, force: bool) -> None:
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


class PracticeWorkflows:
    """Vibecode, but for what is made up: that never gets there."""

    def __init__(self, real: Workflows, store: Store) -> None:
        self._real = real
        self._pool = _Pool(store)

    async def terminate(self, key: ApiKey, workflow_id: str, *, force: bool, reason: str) -> None:
        if is_practice(workflow_id):
            return await self._pool.stop(workflow_id, force=force)
        return await self._real.terminate(key, workflow_id, force=force, reason=reason)

    async def running(
        self, key: ApiKey, *, template_id: str | None = None, started_by: str | None = None, offset: int = 0
    ) -> Page:
        return await self._real.running(key, template_id=template_id, started_by=started_by, offset=offset)

    async def describe_key(self, key: ApiKey) -> KeyFacts:
        return await self._real.describe_key(key)


class PracticeLookout(Lookout):
    """The lookout, but for what is made up: nobody asks Vibecode for that."""

    def __init__(
        self,
        workflows: Workflows,
        store: Store,
        calls_per_second: float,
    ) -> None:
        super().__init__(workflows, store, calls_per_second)
        self._pool = _Pool(store)

    async def find(
        self, key: OpenedKey, workflow_id: str, *, like: Instance | None = None, pages: int = MAX_PAGES
    ) -> Sighting:
        if is_practice(workflow_id):
            return await self._pool.sighting(workflow_id)
        return await super().find(key, workflow_id, like=like, pages=pages)

    async def patrol(
        self, key: OpenedKey, workflow_id: str, watch: Watch, *, like: Instance | None
    ) -> Sighting:
        if is_practice(workflow_id):
            return await self._pool.sighting(workflow_id)
        return await super().patrol(key, workflow_id, watch, like=like)


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
