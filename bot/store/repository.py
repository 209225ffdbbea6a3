"""What every repository is: some of the database's tables, in the terms of the use cases."""

from bot.store.database import Database


class Repository:
    """Several of them may share one database."""

    def __init__(self, database: Database) -> None:
        self.database = database
