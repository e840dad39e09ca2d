"""How often somebody may call: counted by the minute in the cache, which is one for all processes where it is Redis."""

import logging
from ipaddress import IPv6Address, IPv6Network, ip_address

from django.conf import settings
from django.core.cache import cache
from django.http import HttpRequest
from django.utils import timezone
from redis import RedisError

MINUTE = 60
logger = logging.getLogger(__name__)


def address(request: HttpRequest) -> str:
    """Where a call comes from: the connection's address, or what the proxy in front says it is."""
    header: str = settings.CLIENT_ADDRESS_HEADER
    told = request.headers.get(header, "").strip() if header else ""
    try:
        return str(ip_address(told))
    except ValueError:
        return str(request.META.get("REMOTE_ADDR", ""))


def caller(request: HttpRequest) -> str:
    """The address as calls are counted: of IPv6 the network that one customer gets, whose addresses are without end."""
    text = address(request)
    try:
        found = ip_address(text)
    except ValueError:
        return text
    if not isinstance(found, IPv6Address):
        return text
    return str(found.ipv4_mapped or IPv6Network((found, 64), strict=False).network_address)


def wait(what: str, who: object, most: int) -> int:
    """Count one call of this minute; the seconds to wait where there were too many, else 0.

    A cache that does not answer lets everybody through: a limit must not be what stops the desk.
    """
    if not most:
        return 0
    now = int(timezone.now().timestamp())
    key = f"rate:{what}:{who}:{now // MINUTE}"
    try:
        cache.add(key, 0, 2 * MINUTE)
        made = cache.incr(key)
    except (RedisError, ValueError, OSError):
        logger.warning("calls are not counted: the cache does not answer")
        return 0
    return MINUTE - now % MINUTE if made > most else 0
