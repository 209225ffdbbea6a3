"""Game day: made-up workflows in a real channel."""
