"""A local Vibecode with a portal behind it, for the demo and the tests."""

from bot.sandbox.vibecode.instances import Instance, Step
from bot.sandbox.vibecode.keys import Key, Session
from bot.sandbox.vibecode.server import Call, VibecodeSandbox
from bot.sandbox.vibecode.trouble import STATUSES

__all__ = ["STATUSES", "Call", "Instance", "Key", "Session", "Step", "VibecodeSandbox"]
