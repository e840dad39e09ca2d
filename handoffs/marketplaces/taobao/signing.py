"""TOP's signature (formats.md 1.6): sorted keys and values joined, hashed with the app secret, in capitals."""

import hashlib
import hmac
from collections.abc import Mapping

METHODS = ("md5", "hmac", "hmac-sha256")


def sign(params: Mapping[str, str], secret: str, method: str) -> str:
    """The signature of a call's text parameters (files have no part in it). Raises ValueError for another method.

    The md5 kinds are the marketplace's choice; what they protect travels under TLS.
    """
    pairs = sorted((key, value) for key, value in params.items() if key != "sign" and key and value)
    text = "".join(key + value for key, value in pairs).encode()
    key = secret.encode()
    if method == "md5":
        digest = hashlib.md5(key + text + key, usedforsecurity=False).hexdigest()
    elif method == "hmac":
        digest = hmac.new(key, text, "md5").hexdigest()
    elif method == "hmac-sha256":
        digest = hmac.new(key, text, "sha256").hexdigest()
    else:
        raise ValueError(f"No such way to sign: {method}")
    return digest.upper()
