"""100,000 parcel events as carriers' services push them, against a bare insert of the same rows.

The messages are whole traces, as they come: each parcel is told of several times, and every telling repeats the rows of
the ones before. The bare insert writes each row once, with the same indexes, knowing that none is there yet.
"""

import argparse
import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from time import perf_counter

from benchmarks.bench import desk, in_turn, peak_megabytes, table

ROWS, TELLINGS = 10, 2  # events of a parcel; messages in which they come
START = datetime(2026, 11, 11, 4, 0, tzinfo=UTC)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--events", type=int, default=100_000)
    options.add_argument("--rounds", type=int, default=5)
    given = options.parse_args()
    desk()
    from accounts.models import Shop

    shop, _new = Shop.objects.get_or_create(code="bench", defaults={"name": "bench", "marketplace": "taobao"})
    parcels = given.events // ROWS
    _take(shop, "W", parcels // 10)  # warm, and the memory that a tenth needs
    _clear()
    tenth = peak_megabytes()
    took = in_turn({"take": lambda: _fresh(shop, parcels), "bare insert": lambda: _bare(shop, parcels)},
                   rounds=given.rounds)  # fmt: skip
    whole = peak_megabytes()
    again = _again(shop, parcels)
    rate = {name: given.events / seconds for name, seconds in took.items()}
    table(
        f"{given.events:,} parcel events of {parcels:,} parcels, in {parcels * TELLINGS:,} messages",
        [
            ("events a second", f"{rate['take']:,.0f}"),
            ("bare insert of the same rows, rows a second", f"{rate['bare insert']:,.0f}"),
            ("time ÷ time of the bare insert", f"{took['take'] / took['bare insert']:.2f}"),
            ("the same messages again: time ÷ first time, rows written", f"{again / took['take']:.2f}, 0"),
            ("peak memory ÷ that of a tenth", f"{whole / tenth:.2f} ({whole:.0f} MB)"),
        ],
    )


def _trace(number: int, upto: int) -> list[tuple[datetime, str]]:
    first = START + timedelta(seconds=number)
    return [
        (first + timedelta(hours=3 * row), f"快件到达第{row}站，下一站转运中心{number % 97}") for row in range(upto)
    ]


def _messages(prefix: str, parcels: int) -> Iterator[object]:
    from handoffs.carriers.base import Event, State, Track
    from handoffs.flow.tracking import Heard

    for telling in range(1, TELLINGS + 1):
        for number in range(parcels):
            waybill = f"{prefix}{number:012d}"
            rows = _trace(number, ROWS * telling // TELLINGS)
            events = tuple(Event(at, State.IN_TRANSIT, "0", words, "", waybill) for at, words in rows)
            yield Heard(number, Track("zhongtong", waybill, State.IN_TRANSIT, "0", events))


def _take(shop: object, prefix: str, parcels: int) -> float:
    from handoffs.flow import tracking

    start = perf_counter()
    for _outcome in tracking.take(
        _messages(prefix, parcels), tracking.Origin("push", shop), at=START + timedelta(days=2)
    ):  # type: ignore[arg-type]
        pass
    return perf_counter() - start


def _fresh(shop: object, parcels: int) -> None:
    _clear()
    _known(shop, parcels)
    _take(shop, "P", parcels)


def _known(shop: object, parcels: int) -> None:
    from handoffs.models import Parcel

    Parcel.objects.bulk_create(
        [
            Parcel(shop=shop, waybill=f"P{number:012d}", carrier_text="zhongtong", created_at=START)
            for number in range(parcels)
        ],
        batch_size=500,
    )


def _bare(shop: object, parcels: int) -> None:
    from handoffs.models import Parcel, ParcelEvent

    _clear()
    _known(shop, parcels)
    ids = dict(Parcel.objects.values_list("waybill", "pk"))
    batch: list[ParcelEvent] = []
    for number in range(parcels):
        for at, words in _trace(number, ROWS):
            key = hashlib.md5(f"{at.timestamp()}|{words}".encode(), usedforsecurity=False).hexdigest()
            kept = {"state": "in_transit", "raw_state": "0", "source": "push", "received_at": START}
            batch.append(ParcelEvent(parcel_id=ids[f"P{number:012d}"], at=at, text=words, digest=key, **kept))
        if len(batch) >= 500:
            ParcelEvent.objects.bulk_create(batch)
            batch = []
    ParcelEvent.objects.bulk_create(batch)


def _again(shop: object, parcels: int) -> float:
    from handoffs.models import ParcelEvent

    _fresh(shop, parcels)
    before = ParcelEvent.objects.count()
    took = _take(shop, "P", parcels)
    assert ParcelEvent.objects.count() == before == parcels * ROWS
    return took


def _clear() -> None:
    from django.db import connection

    with connection.cursor() as cursor:
        for name in ("handoffs_parcelevent", "handoffs_parcel_cases", "handoffs_parcel"):
            cursor.execute(f"DELETE FROM {name}")


if __name__ == "__main__":
    main()
