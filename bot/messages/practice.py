"""What is said of made-up instances, and in a channel when a game day begins."""

from bot.domain.practice import Scene, is_practice
from bot.messages.blocks import private
from bot.messages.language import N_, _
from bot.ports.messenger import Message

_TASKS = N_(
    {
        Scene.WAITS: "`{command} {workflow} game day`: it waits for somebody. You should see that it is gone at once, verified.",
        Scene.BUSY: "`{command} {workflow} game day`: its step is executing. You should see that the stop is accepted and watched, and that it is gone when the step ends.",
        Scene.STUCK: "`{command} {workflow} force game day`: it hangs. You should see a question that says what would be destroyed: confirm it, or keep it running.",
        Scene.DENIED: "`{command} {workflow} game day`: the key may not stop it. You should see why it was refused, and whom to ask.",
    }
)


def banner(workflow_id: str) -> list[str]:
    """Say first that an instance is made up; nothing for a real one."""
    if not is_practice(workflow_id):
        return []
    return [_(":construction: *PRACTICE:* this workflow is made up, and nothing real is touched.")]


def sheet(instances: dict[Scene, str]) -> Message:
    """Tell everybody in the channel what can be tried, and what should be seen."""
    opening = _(
        ":construction: *PRACTICE:* a game day begins. These workflows are made up, and nothing real is touched. Everybody who may stop workflows here may take part. Type:"
    )
    tasks = [f"• {_(_TASKS[scene], workflow=workflow_id)}" for scene, workflow_id in instances.items()]
    ending = _("`{command} show` with one of these IDs tells what it is.")
    return private("\n".join([opening, *tasks, ending]))
