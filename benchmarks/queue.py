"""The queue page with many people watching: what a look at an unchanged queue costs, and one at a queue that changed.

Each person's browser asks every eight seconds. Unchanged it is answered 304; changed it gets the page anew. Both are
put beside the cheapest view there is that checks the session, and beside a whole page.
"""

import argparse
from time import perf_counter
from typing import Any

from benchmarks.bench import desk, in_turn, table

EVERY = 8.0  # seconds between two looks of one browser
FEW = 40  # of the people, those whose looks are timed
urlpatterns: list[Any] = []


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--people", type=int, default=200)
    options.add_argument("--cases", type=int, default=1000)
    options.add_argument("--rounds", type=int, default=5)
    given = options.parse_args()
    desk()
    from django.test.utils import override_settings

    _with_a_session_check()
    with override_settings(ROOT_URLCONF="benchmarks.queue", ALLOWED_HOSTS=["*"], DEBUG=False):
        _run(given)


def _run(given: argparse.Namespace) -> None:
    people, shop = _people(given.people), _shop()
    _cases(shop, given.cases)
    watchers = [Watcher(user) for user in people[:FEW]]
    for watcher in watchers:
        watcher.whole()
    took = in_turn(
        {
            "session": lambda: _often(watchers, Watcher.session),
            "unchanged": lambda: _often(watchers, Watcher.look, expected=304),
            "changed": lambda: _changed(shop, watchers),
            "whole page": lambda: _all(watchers, Watcher.whole),
        },
        rounds=given.rounds,
    )
    each = {name: seconds / len(watchers) for name, seconds in took.items()}
    table(
        f"The queue with {given.people} people watching, {given.cases:,} open cases",
        [
            ("a look at an unchanged queue ÷ the cheapest view that checks the session",
             f"{each['unchanged'] / each['session']:.2f}"),
            ("a look at a changed queue ÷ a whole page", f"{each['changed'] / each['whole page']:.2f}"),
            ("a look: unchanged, changed", f"{each['unchanged'] * 1000:.1f} ms, {each['changed'] * 1000:.1f} ms"),
            ("statements a look: unchanged, changed", f"{_statements(watchers[0], shop)}"),
            (f"one core that {given.people} people keep busy, unchanged", _busy(each["unchanged"], given.people)),
            (f"one core that {given.people} people keep busy, changing all the time",
             _busy(each["changed"], given.people)),
        ],
    )  # fmt: skip


def _busy(look: float, people: int) -> str:
    return f"{look * people / EVERY:.0%}"


class Watcher:
    """One person's browser at the queue."""

    def __init__(self, user: Any) -> None:
        from django.test import Client

        self.client, self.stamp = Client(), ""
        self.client.force_login(user, backend="accounts.backends.RoleBackend")

    def session(self) -> int:
        return int(self.client.get("/bench/session/").status_code)

    def look(self) -> int:
        answer = self.client.get("/", headers={"X-Live": "1", "If-None-Match": self.stamp})
        self.stamp = answer.headers.get("ETag", self.stamp)
        return int(answer.status_code)

    def whole(self) -> int:
        answer = self.client.get("/")
        self.stamp = answer.headers["ETag"]
        return int(answer.status_code)


def _all(watchers: list[Watcher], look: Any, *, expected: int = 200) -> float:
    start = perf_counter()
    answers = {look(watcher) for watcher in watchers}
    took = perf_counter() - start
    if answers - {expected, 204}:
        raise SystemExit(f"answered {answers}, not {expected}")
    return took


def _often(watchers: list[Watcher], look: Any, *, expected: int = 200) -> float:
    """The mean of a minute's looks: once a minute a look also notes that the person was seen."""
    times = int(60 / EVERY)
    return sum(_all(watchers, look, expected=expected) for _time in range(times)) / times


def _changed(shop: Any, watchers: list[Watcher]) -> float:
    _change(shop)
    return _all(watchers, Watcher.look)


def _change(shop: Any) -> None:
    """A new application, as an import brings it; and the seconds for which counts are kept are over."""
    from django.core.cache import cache

    _cases(shop, 1)
    cache.clear()


def _statements(watcher: Watcher, shop: Any) -> str:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    watcher.whole()
    with CaptureQueriesContext(connection) as unchanged:
        watcher.look()
    _change(shop)
    with CaptureQueriesContext(connection) as changed:
        watcher.look()
    return f"{len(unchanged)}, {len(changed)}"


def _shop() -> Any:
    from accounts.models import Shop

    return Shop.objects.get_or_create(code="bench", defaults={"name": "bench", "marketplace": "taobao"})[0]


def _people(count: int) -> list[Any]:
    from accounts.models import Membership, User

    made = []
    for number in range(count):
        user, _new = User.objects.get_or_create(email=f"q{number}@example.test", defaults={"name": f"q{number}"})
        Membership.objects.get_or_create(user=user, role="support", shop=_shop())
        made.append(user)
    return made  # nobody on duty: what comes lies in everybody's open queue


def _cases(shop: Any, count: int) -> None:
    """Applications that wait for the seller, taken in as a file's rows are."""
    from decimal import Decimal

    from django.utils import timezone

    from handoffs.flow import intake
    from handoffs.intake.rows import Row
    from handoffs.models import Case

    now, first = timezone.now(), Case.objects.count()
    base = {"title": "商品", "amount": Decimal("50.00"), "total_fee": Decimal("50.00"), "dispute_type": "refund_only",
            "marketplace_status": "WAIT_SELLER_AGREE", "phase": "wait_seller", "good_status": "BUYER_RECEIVED",
            "order_status": "WAIT_BUYER_CONFIRM_GOODS", "has_good_return": False, "reason": "协商一致退款"}  # fmt: skip
    rows = (
        Row(
            n,
            "refund",
            f"9{n:011d}",
            base | {"order_id": f"8{n:011d}", "line_id": f"7{n:011d}", "applied_at": now},
            {},
            None,
        )
        for n in range(first, first + count)
    )
    origin = intake.Origin(as_of=now, name="bench", key=f"bench{first}")
    for _outcome in intake.take(rows, shop=shop, origin=origin, by=None, at=now):
        pass


def _with_a_session_check() -> None:
    from django.http import HttpRequest, HttpResponse
    from django.urls import include, path

    def session(request: HttpRequest) -> HttpResponse:
        return HttpResponse(status=204 if request.user.is_authenticated else 403)

    urlpatterns[:] = [path("bench/session/", session), path("", include("refunddesk.urls"))]


if __name__ == "__main__":
    import sys

    sys.modules["benchmarks.queue"] = sys.modules["__main__"]
    main()
