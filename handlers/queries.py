"""The words that look something up: ``status`` and ``show``."""

from bot.messages import replies
from bot.messages.blocks import permalink, private
from bot.ports.messenger import Message
from bot.terminations.queries import Queries
from handlers.bodies import Body, asker


async def status(body: Body, queries: Queries) -> Message:
    """Tell what is under way in the channel. Raises Refused."""
    jobs = await queries.status(asker(body))
    links = [permalink(body.get("team_domain"), job.termination.posting.message) for job in jobs]
    return private(replies.under_way(jobs, links))


async def show(body: Body, queries: Queries, typed: str) -> Message:
    """Tell what an instance is. Raises Refused."""
    return replies.found(await queries.show(asker(body), typed))
