"""JOS's signature (formats.md 2.4): sorted keys and values joined between the app secret, hashed, in capitals."""

import hashlib
from collections.abc import Mapping


def sign(params: Mapping[str, str], secret: str) -> str:
    """The signature of a call. MD5 is the marketplace's choice; what it protects travels under TLS."""
    text = "".join(key + value for key, value in sorted(params.items()) if key != "sign" and key and value)
    return hashlib.md5(f"{secret}{text}{secret}".encode(), usedforsecurity=False).hexdigest().upper()
