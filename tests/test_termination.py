"""A person types the command and sees the workflow stopped."""

from workspace import Workspace

from bot.sandbox.vibecode import Step

WAITING = Step(3600, locked=False)


async def test_a_soft_termination_stops_the_workflow_and_says_so(either: Workspace):
    """One DELETE, one message: the instance is gone, and the channel reads that it is."""
    instance = either.vibecode.start_instance(steps=[WAITING])

    delivery = await either.command(f"{instance} looping since 2 a.m.")
    message = await either.told("is gone")

    (call,) = either.vibecode.deletes(instance)
    assert delivery.status == 200
    assert call.query == {"status": "looping since 2 a.m."}
    assert "looping since 2 a.m." in message.text
    assert ["requested", "attempted", "outcome"] == await either.events()


async def test_a_forced_one_asks_first_and_then_aborts(either: Workspace):
    """Nothing is sent before the click; after it the instance is gone at once."""
    instance = either.vibecode.start_instance()

    await either.command(f"{instance} force deadlock")
    question = await either.told("Force-terminate")
    before = either.vibecode.deletes(instance)
    await either.click("termination_force")
    message = await either.told("is gone")

    (call,) = either.vibecode.deletes(instance)
    assert before == []
    assert call.query == {"force": "true", "status": "deadlock"}
    assert question.ts == message.ts
    assert ["requested", "confirmed", "attempted", "outcome"] == await either.events()
