"""A local Vibecode with a portal behind it, for the demo and the tests."""

from sandbox.vibecode.call_log import Call
from sandbox.vibecode.instances import Instance, Step
from sandbox.vibecode.keys import Key, Session
from sandbox.vibecode.server import VibecodeSandbox
from sandbox.vibecode.trouble import STATUSES

__all__ = ["STATUSES", "Call", "Instance", "Key", "Session", "Step", "VibecodeSandbox"]
