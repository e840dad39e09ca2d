"""People and files as the API shows them, and what of free-form details is left out for whom."""

import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from rest_framework import serializers
from rest_framework.reverse import reverse

from accounts.models import User
from handoffs.api.fields import Moment
from handoffs.api.reading import days
from handoffs.models import Attachment

# Keys under which details and timeline entries carry money, and under which they carry the buyer's own words or name.
MONEY_KEYS = frozenset({"amount", "amounts", "asked_amount", "before", "total_fee", "paid", "payment", "refund_fee"})
BUYER_KEYS = frozenset({"buyer_nick", "buyer_name", "buyer_phone", "buyer_address", "description"})


class PersonOut(serializers.Serializer[User]):
    """A colleague."""

    id = serializers.IntegerField()
    name = serializers.CharField()
    email = serializers.EmailField()


class AttachmentOut(serializers.Serializer[Attachment]):
    """A photo or document; `url` serves it to those who may see the case."""

    id = serializers.IntegerField()
    name = serializers.CharField()
    content_type = serializers.CharField()
    size = serializers.IntegerField(help_text="Bytes.")
    handoff = serializers.IntegerField(source="handoff_id", allow_null=True)
    by = PersonOut()
    at = Moment()
    url = serializers.SerializerMethodField()

    def get_url(self, attachment: Attachment) -> str:
        return reverse("api:attachment", args=[attachment.pk])


def _context(user: User) -> dict[str, Any]:
    return {"user": user, "days": days()}


class _Kept(threading.local):
    """A serializer of each kind, made once a thread: to copy its fields is dearer than what it then does."""

    def __init__(self) -> None:
        self.of: dict[type[serializers.Serializer[Any]], serializers.Serializer[Any]] = {}


_kept = _Kept()


@contextmanager
def _serializer(kind: type[serializers.Serializer[Any]], user: User) -> Iterator[serializers.Serializer[Any]]:
    found = _kept.of.pop(kind, None) or kind()  # out while it is used, in case a field shows another of its kind
    found._context = _context(user)
    try:
        yield found
    finally:
        found._context = {}
        _kept.of[kind] = found


def shown(kind: type[serializers.Serializer[Any]], record: Any, *, user: User) -> dict[str, Any]:
    """One record in the form of `kind`, as this person may see it."""
    with _serializer(kind, user) as serializer:
        return dict(serializer.to_representation(record))


def all_shown(kind: type[serializers.Serializer[Any]], records: Iterable[Any], *, user: User) -> list[dict[str, Any]]:
    with _serializer(kind, user) as serializer:
        return [dict(serializer.to_representation(record)) for record in records]


def without(details: Any, keys: frozenset[str]) -> Any:
    """The details with everything under these keys left out, however deep."""
    if isinstance(details, Mapping):
        return {name: without(value, keys) for name, value in details.items() if name not in keys}
    if isinstance(details, list):
        return [without(value, keys) for value in details]
    return details
