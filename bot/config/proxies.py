"""Chooses the proxy by which a host is reached: the one that the environment names, unless NO_PROXY names the host."""

from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass


def proxy_for(url: str) -> str | None:
    """Return the proxy's address, None where the host is reached directly."""
    address = urlsplit(url)
    if proxy_bypass(address.hostname or ""):
        return None
    proxies = getproxies()
    proxy = proxies.get(address.scheme) or proxies.get("all")
    # Like every other program: a host and a port alone are an HTTP proxy's.
    return f"http://{proxy}" if proxy and "://" not in proxy else proxy
