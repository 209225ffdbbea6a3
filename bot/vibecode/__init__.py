"""The Vibecode API."""
