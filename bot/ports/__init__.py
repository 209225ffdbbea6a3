"""What the core needs of the world: one protocol a concern, which adapters fulfil."""
