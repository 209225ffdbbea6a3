"""Haltbot's own pages in the browser."""
