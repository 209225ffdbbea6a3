"""A local Slack with Slack's rules, for the tests, the demo and anyone without a workspace."""

from sandbox.slack.delivery import Delivery
from sandbox.slack.records import Call, TrafficRecord
from sandbox.slack.sandbox import SlackSandbox
from sandbox.slack.workspace import Channel, Message, Person, UserGroup, View

__all__ = [
    "Call",
    "Channel",
    "Delivery",
    "Message",
    "Person",
    "SlackSandbox",
    "TrafficRecord",
    "UserGroup",
    "View",
]
