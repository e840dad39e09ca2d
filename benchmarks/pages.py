"""The console's pages, the API's lists and intake at 1,000,000 cases against the same at 1,000, and a list of cases
against a bare list of the theme with the same columns.

Two databases on one server, of one make: every twentieth case of the large one is open, every case of the small one is,
so that the pages of both are full. They are asked for in turn, on the one and on the other.
"""

import argparse
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from itertools import count
from time import perf_counter
from typing import Any

from benchmarks import grown
from benchmarks.bench import desk, in_turn, table

TIMES = 12  # a page is asked for so often in a round
TAKEN = {"one application taken in": 1, "500 applications taken in": 500}
NUMBERS = count(1)
COLUMNS = ("time_left", "need", "refund_id", "shop", "title", "path", "amount", "status", "next_step", "owner")


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--cases", type=int, default=1_000_000)
    options.add_argument("--few", type=int, default=1_000)
    options.add_argument("--rounds", type=int, default=5)
    given = options.parse_args()
    desk()
    from django.test.utils import override_settings

    _with_a_bare_list()
    with override_settings(ALLOWED_HOSTS=["*"], DEBUG=False):
        _run(given)


def _run(given: argparse.Namespace) -> None:
    few, many = Desk("few", given.few, every=1), Desk("many", given.cases, every=20)
    acts: dict[str, Callable[[], float]] = {}
    for name in few.pages:
        for one in (few, many):
            acts[f"{name} · {one.name}"] = lambda one=one, name=name: one.ask(name)
    for name, number in TAKEN.items():
        for one in (few, many):
            acts[f"{name} · {one.name}"] = lambda one=one, number=number: one.take(number)
    took = in_turn(acts, rounds=given.rounds)

    def ratio(name: str, other: str = "") -> str:
        return f"{took[f'{name} · many'] / took[other or f'{name} · few']:.2f} ({took[f'{name} · many'] * 1000:.0f} ms)"

    rows = [
        (f"{name} ÷ the same at {given.few:,}", ratio(name)) for name in (*few.pages, *TAKEN) if name != "bare list"
    ]
    rows += [
        ("list of cases ÷ a bare list of the theme, same columns", ratio("list of cases", "bare list · many")),
        ("list of cases, page 20 ÷ page 1", ratio("list of cases, page 20", "list of cases · many")),
        ("API list, last page ÷ first page", ratio("API list, last page", "API list · many")),
    ]
    table(f"Pages at {given.cases:,} cases", rows)


class Desk:
    """One database, and the addresses of its pages."""

    def __init__(self, name: str, cases: int, *, every: int) -> None:
        from django.core.management import call_command
        from django.db import connection

        self.name, self.database, self.home = name, f"pages_{name}", connection.settings_dict["NAME"]
        with connection.cursor() as cursor:
            cursor.execute(f"CREATE DATABASE {self.database}")
        with self.entered():
            call_command("migrate", verbosity=0)
            now = datetime.now(tz=UTC)
            grown.people(now)
            grown.cases(cases, every=every, at=now)
            self.clients = {role: _client(role) for role in ("support", "supervisor", "warehouse")}
            self.pages = _pages()

    @contextmanager
    def entered(self) -> Iterator[None]:
        from django.db import connection

        connection.close()
        connection.settings_dict["NAME"] = self.database
        try:
            yield
        finally:
            connection.close()
            connection.settings_dict["NAME"] = self.home

    def ask(self, name: str) -> float:
        """The mean seconds of one such page, the first left out."""
        from django.core.cache import cache

        cache.clear()
        with self.entered():
            took = [self._ask(name) for _time in range(TIMES + 1)]
        return sum(took[1:]) / TIMES

    def take(self, number: int) -> float:
        """The mean seconds in which so many new applications are taken in, the first time left out."""
        with self.entered():
            took = [_take(number) for _time in range(4)]
        return sum(took[1:]) / 3

    def _ask(self, name: str) -> float:
        role, address = self.pages[name]
        start = perf_counter()
        answer = self.clients[role].get(address)
        took = perf_counter() - start
        if answer.status_code not in (200, 302):
            raise SystemExit(f"{address}: {answer.status_code}")
        return took


def _take(number: int) -> float:
    from accounts.models import Shop
    from handoffs.flow import intake

    shop, at = Shop.objects.order_by("pk")[0], datetime.now(tz=UTC)
    rows = [_row(next(NUMBERS), at) for _row_of in range(number)]
    start = perf_counter()
    made = list(intake.take(rows, shop=shop, origin=intake.Origin(at, key=rows[0].refund_id), by=None, at=at))
    took = perf_counter() - start
    if {each.result for each in made} != {"created"}:
        raise SystemExit(str(made[0]))
    return took


def _row(number: int, at: datetime) -> Any:
    """A new application, not shipped, on the way or signed for."""
    from handoffs.intake.rows import Row

    sent, received = number % 3 > 0, number % 3 == 2  # noqa: PLR2004
    fields = {
        "order_id": f"58{number:016d}", "line_id": f"59{number:016d}", "title": "纯棉短袖T恤", "amount": Decimal(128),
        "total_fee": Decimal(128), "dispute_type": "refund_only", "marketplace_status": "WAIT_SELLER_AGREE",
        "phase": "wait_seller", "good_status": "BUYER_RECEIVED" if received else "BUYER_NOT_RECEIVED",
        "order_status": "WAIT_BUYER_CONFIRM_GOODS" if sent else "WAIT_SELLER_SEND_GOODS", "has_good_return": False,
        "reason": "不想要了", "applied_at": at, "buyer_nick": f"买家{number}",
        "outbound": [("中通快递", f"7{number:013d}")] if sent else [],
    }  # fmt: skip
    return Row(number, "refund", f"57{number:016d}", fields, {"number": number}, None)


def _client(role: str) -> Any:
    from django.test import Client

    client = Client()
    client.force_login(grown.person(role), backend="accounts.backends.RoleBackend")
    return client


def _pages() -> dict[str, tuple[str, str]]:
    """By name: whose page it is and where."""
    from handoffs.models import Case, Parcel

    cases = Case.objects.order_by("pk")
    first, one = cases[0].pk, cases.exclude(status="closed")[100]
    owner, waybill = grown.person("support").pk, Parcel.objects.order_by("pk")[200].waybill
    api = "/api/v1/cases/"
    return {
        "queue of support": ("support", "/"),
        "queue of the warehouse": ("warehouse", "/"),
        "home of a supervisor": ("supervisor", "/"),
        "board": ("supervisor", "/board/"),
        "case page": ("support", f"/handoffs/case/{one.pk}/change/"),
        "search by refund number": ("support", f"/find/?q={one.refund_id}"),
        "search by waybill": ("support", f"/find/?q={waybill}"),
        "list of cases": ("support", "/handoffs/case/?all=1"),
        "list of cases, page 20": ("support", "/handoffs/case/?all=1&p=20"),
        "list of cases of one owner": ("support", f"/handoffs/case/?owner={owner}"),
        "API list": ("support", api),
        "API list, last page": ("support", f"{api}?cursor={first + 51}"),
        "API list of one status": ("support", f"{api}?status=in_progress"),
        "API list of one owner": ("support", f"{api}?owner={owner}"),
        "API search": ("support", f"{api}?q={one.refund_id}"),
        "API queue": ("support", "/api/v1/queue/"),
        "bare list": ("supervisor", "/handoffs/barecase/"),
    }


def _with_a_bare_list() -> None:
    """The theme's own list, as it is when nothing is done about it: same columns, same order, same length."""
    from django.utils import timezone
    from unfold.admin import ModelAdmin

    from handoffs.admin import shown
    from handoffs.admin.site import desk as site
    from handoffs.flow import next_step
    from handoffs.flow.clock import overdue_first
    from handoffs.models import Case

    class BareCase(Case):
        class Meta:
            proxy, app_label = True, "handoffs"

    class Bare(ModelAdmin):
        list_display, list_per_page = COLUMNS, 50

        def get_queryset(self, _request: Any) -> Any:
            return shown.with_steps(BareCase.objects.all())

        def get_ordering(self, _request: Any) -> Any:
            return overdue_first()

        def has_view_permission(self, *_given: Any) -> bool:
            return True

        def time_left(self, case: Any) -> str:
            left = shown.time_left(case.applied_at, case.due_at, at=timezone.now())
            return left.words if left else ""

        def need(self, case: Any) -> str:
            return str(case.reason or case.description)

        def next_step(self, case: Any) -> str:
            return str(next_step.next_step(case).label)

    site.register(BareCase, Bare)


if __name__ == "__main__":
    main()
