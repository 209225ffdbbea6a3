"""What is said in a channel when a game day begins: the made-up instances, and what to try on each."""

from bot.domain.command import COMMAND
from bot.domain.practice import Scene
from bot.messages.blocks import private
from bot.ports.core import Message

_TASKS = {
    Scene.WAITS: ("It waits for somebody.", "", "it is gone at once, verified"),
    Scene.BUSY: ("Its step is executing.", "", "accepted, watched, and gone when the step ends"),
    Scene.STUCK: (
        "It hangs.",
        " force",
        "a question with what would be destroyed; confirm it, or keep it running",
    ),
    Scene.DENIED: ("The key may not stop it.", "", "why it was refused, and whom to ask"),
}


def sheet(instances: dict[Scene, str]) -> Message:
    """Tell everybody in the channel what can be tried, and what should be seen."""
    lines = [
        ":construction: *PRACTICE:* a game day begins. These workflows are made up, and nothing real is touched.",
        "Everybody who may stop workflows here may take part. Type:",
    ]
    for scene, workflow_id in instances.items():
        about, how, expected = _TASKS[scene]
        lines.append(f"• `{COMMAND} {workflow_id}{how} game day`: {about} You should see: {expected}.")
    lines.append(f"`{COMMAND} show` with one of these IDs tells what it is.")
    return private("\n".join(lines))
