"""Slack: what it sends us, and what we send to it."""
