"""All repositories over one database: what the bot and the command line work with."""

from typing import Self

from bot.store.access import Access
from bot.store.audit import Audit
from bot.store.channels import Channels
from bot.store.terminations import Terminations


class SqlStore(Terminations, Channels, Access, Audit):
    """The whole store in an SQL database."""

    async def now(self) -> int:
        return await self.database.now()

    async def close(self) -> None:
        await self.database.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()
