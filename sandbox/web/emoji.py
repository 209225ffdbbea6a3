"""The emoji names that messages of a bot on call use; any other name stays as it was typed."""

import re

_NAME = re.compile(r":([a-z0-9_+-]+):")

EMOJI = {
    "+1": "👍",
    "bell": "🔔",
    "bulb": "💡",
    "eyes": "👀",
    "fire": "🔥",
    "gear": "⚙️",
    "heavy_check_mark": "✔️",
    "hourglass": "⌛",
    "hourglass_flowing_sand": "⏳",
    "information_source": "ℹ️",
    "key": "🔑",
    "large_green_circle": "🟢",
    "large_yellow_circle": "🟡",
    "lock": "🔒",
    "mag": "🔍",
    "octagonal_sign": "🛑",
    "ok": "🆗",
    "question": "❓",
    "red_circle": "🔴",
    "robot_face": "🤖",
    "rotating_light": "🚨",
    "tada": "🎉",
    "wave": "👋",
    "warning": "⚠️",
    "white_check_mark": "✅",
    "x": "❌",
}


def with_emoji(text: str) -> str:
    """Replace the names that are known."""
    return _NAME.sub(lambda found: EMOJI.get(found[1], found[0]), text)
