"""The settings, and what they configure: the vault, the database's address, proxies."""
