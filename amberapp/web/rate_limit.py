"""Telling senders without accounts apart for an hour, and not knowing who they are.

An address is never stored or logged: only a keyed hash of it stands in the cache until its window ends. The key is
drawn anew every day and stands in the cache alone, which is in memory (ADR 33): who has the disk, the database and the
site's secret key cannot go through all addresses to find the one that gives a hash.
"""

import hashlib
import hmac
import ipaddress
import secrets
import time

from django.conf import settings
from django.core.cache import cache
from django.http import HttpRequest
from django.utils import timezone
from rest_framework.request import Request
from rest_framework.throttling import AnonRateThrottle, UserRateThrottle

HOUR = 3600
DAY = 24 * HOUR


def sender_of(request: HttpRequest) -> str:
    """A name for the request's sender that nobody can trace to an address after today, nor today without the cache.

    Behind HTTPS a proxy stands before the site and the last entry of X-Forwarded-For is the one that it wrote;
    otherwise the header is anybody's to write and the connection's own address counts.
    """
    address = request.META.get("REMOTE_ADDR", "")
    if settings.AMBER["AMBER_HTTPS"]:
        forwarded = request.META.get("HTTP_X_FORWARDED_FOR", "").rpartition(",")[2].strip()
        address = forwarded or address
    return _hashed(_household(address))


def may_send(sender: str, *, most: int) -> bool:
    """Count one more from this sender; False when that is more than `most` in this hour."""
    key = f"reports:{sender}:{int(time.time()) // HOUR}"
    cache.add(key, 0, HOUR)
    try:
        return cache.incr(key) <= most
    except ValueError:  # it ran out between the two calls: the hour is new
        cache.set(key, 1, HOUR)
        return most >= 1


def _household(address: str) -> str:
    """One IPv6 line has 2^64 addresses: they count as one."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address[:64]
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped:
        # A server that listens to both kinds tells IPv4 so: all of the world would be one household.
        return str(parsed.ipv4_mapped)
    if parsed.version == 6:
        return str(ipaddress.ip_network((parsed, 64), strict=False))
    return str(parsed)


def _hashed(address: str) -> str:
    day = timezone.now().date().isoformat()
    key = cache.get_or_set(f"sender-key:{day}", lambda: secrets.token_hex(32), DAY)
    return hmac.new(bytes.fromhex(str(key)), address.encode(), hashlib.sha256).hexdigest()[:32]


class _Nameless:
    """What DRF counts strangers by: not their address."""

    def get_ident(self, request: Request) -> str:
        return sender_of(request._request)


class NamelessThrottle(_Nameless, AnonRateThrottle):
    """DRF's limit for strangers, without putting their address into the cache."""


class PersonThrottle(_Nameless, UserRateThrottle):
    """DRF's limit for those who are logged in, and its second one for strangers, likewise."""
