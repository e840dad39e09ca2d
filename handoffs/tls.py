"""Whom the desk trusts when it calls out."""

import ssl
from functools import cache

import httpx


@cache
def trusted() -> ssl.SSLContext:
    """The usual authorities, read once a process: they take longer to load than a call takes."""
    return httpx.create_ssl_context()
