"""Slack, inbound and outbound."""
