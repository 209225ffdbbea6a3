"""The sandbox as a web page: a Slack to look at, the portal behind it, and what passes between them."""

from sandbox.web.cast import add_cast
from sandbox.web.page import Sandboxes, open_page

__all__ = ["Sandboxes", "add_cast", "open_page"]
