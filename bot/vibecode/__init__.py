"""The Vibecode API: its client, its answers in our terms, and the way to a person's session."""
