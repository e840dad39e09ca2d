"""Secrets at rest: what a shop's marketplace gave us is kept sealed with a key from the environment.

`CREDENTIALS_KEY` holds one key or several, separated by commas: the first seals, all open, so a key can be changed.
"""

import base64
import hashlib

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings


class Sealed(Exception):
    """None of the keys at hand opens this."""


def _keys() -> MultiFernet:
    keys = [key.strip() for key in settings.CREDENTIALS_KEY.split(",") if key.strip()]
    return MultiFernet([Fernet(base64.urlsafe_b64encode(hashlib.sha256(key.encode()).digest())) for key in keys])


def is_ready() -> bool:
    """Whether there is a key to seal with."""
    return bool(settings.CREDENTIALS_KEY)


def seal(text: str) -> str:
    """The text as only a holder of the key can read it; nothing stays nothing."""
    return _keys().encrypt(text.encode()).decode() if text else ""


def unseal(token: str) -> str:
    """The text again. Raises Sealed where the key is not the one it was sealed with."""
    if not token:
        return ""
    try:
        return _keys().decrypt(token.encode()).decode()
    except (InvalidToken, ValueError) as error:
        raise Sealed from error
