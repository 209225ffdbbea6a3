"""The databases behind ``bot.ports.Store``."""
