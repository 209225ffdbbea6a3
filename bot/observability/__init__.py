"""Logs, metrics and spans, and the filter that keeps secrets out of them."""
