"""Where others' services are: addresses as people type them, known by their host, and secrets that stay there."""

import re
from collections.abc import Container, Iterable
from typing import Any
from urllib.parse import urlsplit

from django import forms
from django.utils.translation import gettext as _

LOCAL = frozenset({"127.0.0.1", "localhost"})
PORTS = {"https": 443, "http": 80}
# Readers of addresses disagree about what is beyond: blanks, backslashes, other alphabets.
PLAIN = re.compile(r"[!-\[\]-~]+")


def place(address: str) -> tuple[str, str, int]:
    """Scheme, host and port, by which one service is told from another. Raises ValueError for what is no address."""
    parts = urlsplit(address)
    if not PLAIN.fullmatch(address) or "@" in parts.netloc or not parts.hostname:
        raise ValueError(address)
    return parts.scheme, parts.hostname, parts.port or PORTS.get(parts.scheme, 0)


def checked(typed: str, *, unencrypted: Container[str] = LOCAL) -> str:
    """The address, or nothing for the service's own. Only these hosts are spoken to without TLS."""
    address = typed.strip()
    if not address:
        return ""
    try:
        scheme, host, _port = place(address)
    except ValueError as error:
        said = _(
            "This is no address of a service: https:// and a host, without a user name, blanks or other alphabets."
        )
        raise forms.ValidationError(said) from error
    if scheme != "https" and not (scheme == "http" and host in unencrypted):
        raise forms.ValidationError(_("The address begins with https://."))
    return address


def keep_secrets_here(form: Any, field: str, secrets: Iterable[str]) -> None:
    """What was sealed for one service is never sent to another: there it is asked for anew."""
    address, kept = form.cleaned_data.get(field), form.instance
    if address is None or _same(getattr(kept, field), address):
        return
    for name in secrets:
        if getattr(kept, f"sealed_{name}") and not form.cleaned_data.get(name, "").strip():
            form.add_error(name, _("The address is another one. What is kept was given for the old address and is not "
                                   "sent elsewhere: enter it anew, or leave the address as it was."))  # fmt: skip


def _same(one: str, other: str) -> bool:
    try:
        return one == other or place(one) == place(other)
    except ValueError:
        return False
