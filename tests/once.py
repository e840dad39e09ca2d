"""A scene that is dear to build is built once for the tests of a file, and each finds it as it was built."""

from collections.abc import Callable, Iterator
from typing import TypeVar

import pytest
from django.conf import settings
from django.core.cache import cache
from django.db import transaction
from django.utils import timezone, translation
from pytest_django.plugin import DjangoDbBlocker

Scene = TypeVar("Scene")


def a_file(build: Callable[[], Scene]) -> Callable[..., Iterator[Scene]]:
    """A fixture of the module: what `build` writes is there for every test, whose own writes are taken back as ever.

    A test must take a deep copy, since objects are not taken back as rows are.
    """

    @pytest.fixture(scope="module")
    def staged(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[Scene]:
        with django_db_blocker.unblock(), transaction.atomic():
            with translation.override(settings.LANGUAGE_CODE), timezone.override(None):  # not the last reader's
                made = build()
            cache.clear()
            yield made
            transaction.set_rollback(True)

    return staged
