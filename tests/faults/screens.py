"""What the console says: `python -m tests.faults.screens PERSON PATH …` opens pages as a person and prints their words.

At the moment of AT where that is given: the desk of a fault lives at another time than this machine.
"""

import json
import os
import re
import sys
from contextlib import nullcontext
from html import unescape

import django


def main(person: str, *paths: str) -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "refunddesk.settings")
    django.setup()
    import time_machine

    at = os.environ.get("AT")
    with time_machine.travel(at, tick=False) if at else nullcontext():
        print(json.dumps(words(person, paths)))  # noqa: T201


def words(person: str, paths: tuple[str, ...]) -> list[str]:
    """The words of each page, without what is markup."""
    from django.test import Client

    from accounts.models import User

    client = Client(HTTP_HOST="localhost")
    client.force_login(User.objects.get(email=person))
    return [plain(client.get(path).content.decode()) for path in paths]


def plain(page: str) -> str:
    without = re.sub(r"<(script|style).*?</\1>|<[^>]+>", " ", page, flags=re.DOTALL)
    return " ".join(unescape(without).split())


if __name__ == "__main__":
    main(*sys.argv[1:])
