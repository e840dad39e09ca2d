"""A scene that is dear to build is built once for the tests of a file, and each finds it as it was built."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from django.conf import settings
from django.db import transaction
from django.utils import timezone, translation
from pytest_django.plugin import DjangoDbBlocker

Scene = TypeVar("Scene")


@contextmanager
def built(build: Callable[[], Scene], blocker: DjangoDbBlocker) -> Iterator[Scene]:
    """For a fixture of the module: what it writes is there for every test, whose own writes are taken back as ever.

    A test must take a deep copy, since objects are not taken back as rows are.
    """
    with blocker.unblock(), transaction.atomic():
        with translation.override(settings.LANGUAGE_CODE), timezone.override(None):  # not the last reader's
            made = build()
        yield made
        transaction.set_rollback(True)
