"""The demo shop."""

import json
import time
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from handoffs.demo import people, play


class Command(BaseCommand):
    help = (
        "Fills an empty desk with two demo shops, a person in each role and two days of cases, and prints the logins."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="print shops and logins as one line of JSON, last")
        parser.add_argument("--reset", action="store_true", help="empty a desk that holds nothing but the demo, anew")
        parser.add_argument("--logins", action="store_true", help="only print the logins of the demo that is there")

    def handle(self, *_args: Any, **options: Any) -> None:
        if not options["logins"]:
            self.make(reset=options["reset"])
        logins = people.logins()
        if not logins["users"]:
            raise CommandError("There is no demo on this desk.")
        if options["json"]:
            self.stdout.write(json.dumps(logins, ensure_ascii=False))
        else:
            self.show(logins)

    def make(self, *, reset: bool) -> None:
        if play.in_use():
            if not reset:
                raise CommandError("This desk is in use. The demo runs on an empty one; --reset replaces a demo.")
            if not play.holds_only_the_demo():
                raise CommandError("This desk has shops of its own. --reset only ever replaces a demo.")
            self.stderr.write("Emptying the desk: every shop, person, case and setting on it is deleted.")
            play.clear()
        self.stderr.write("Making the demo shop: two days of refunds, played through the desk ...", style_func=str)
        begun = time.monotonic()
        counts = play.build(at=timezone.now())
        seconds = time.monotonic() - begun
        self.stderr.write(f"{counts['cases']} cases, {counts['acts']} acts, {seconds:.0f} s", style_func=str)

    def show(self, logins: dict[str, list[dict[str, str]]]) -> None:
        for shop in logins["shops"]:
            self.stdout.write(f"{shop['name']} ({shop['code']}, {shop['marketplace']})")
        for user in logins["users"]:
            self.stdout.write(f"{user['role']:<11} {user['email']:<36} {user['password']}  token {user['token']}")
