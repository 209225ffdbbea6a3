"""What belongs to a channel: rights, settings, keys, connected accounts, and what happens to the channel itself."""
