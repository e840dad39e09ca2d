"""An export of 100,000 applications taken in, against a bare `bulk_create` of the same rows into the same tables.

The desk reads the file, tells rows apart, decides paths, deals owners, starts clocks, opens the questions to the
warehouse and notes each arrival. The bare insert writes what came of that, ready made and in the same order: cases,
received rows, parcels and their links, questions, clocks and timeline.
"""

import argparse
import csv
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import perf_counter
from typing import Any

from benchmarks.bench import desk, in_turn, peak_megabytes, table

AT = datetime(2026, 11, 11, 4, 0, tzinfo=UTC)
HEADER = next(csv.reader([
    "订单编号,退款编号,支付宝交易号,订单付款时间,商品编码,买家会员名称,买家实际支付金额,宝贝标题,买家退款金额,"
    "手工退款/系统退款,是否需要退货,退款的申请时间,超时时间,退款状态,货物状态,退货物流信息,发货物流信息,"
    "客服介入状态,买家退款原因,买家退款说明,售中或售后"
]))  # fmt: skip
# Where the goods are, in the export's words: the four paths, in the shares of a busy day.
GOODS = (
    ("不需要退货", "未发货"),
    ("不需要退货", "未收到货"),
    ("不需要退货", "已收到货"),
    ("需要退货", "已收到货"),
)
SUPPORT = 10


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rows", type=int, default=100_000)
    options.add_argument("--many", type=int, default=1_000_000, help="rows of the file whose memory is compared")
    options.add_argument("--rounds", type=int, default=5)
    given = options.parse_args()
    desk()
    shop = _shop()
    with tempfile.TemporaryDirectory() as folder:
        path = _file(Path(folder), given.rows)
        _fresh(shop, path, given.rows)
        memory = peak_megabytes()
        ready = _ready()
        took = in_turn(
            {
                "import": lambda: _fresh(shop, path, given.rows),
                "the same file again": lambda: _again(shop, path, given.rows),
                "bulk_create": lambda: _bare(ready),
            },
            rounds=given.rounds,
        )
        written = sum(len(rows) for _model, rows in ready)
        rows = [
            ("rows a second", f"{given.rows / took['import']:,.0f}"),
            ("bulk_create of the same rows, applications a second", f"{given.rows / took['bulk_create']:,.0f}"),
            ("rows written an application", f"{written / given.rows:.1f}"),
            ("rate ÷ rate of bulk_create", f"{took['bulk_create'] / took['import']:.2f}"),
            (
                "first time ÷ the same file again (nothing is written)",
                f"{took['import'] / took['the same file again']:.1f}",
            ),
            ("peak memory", f"{memory:.0f} MB"),
        ]
        if given.many:
            rows.append((f"peak memory at {given.many:,} rows", _memory(Path(folder), given.many)))
    table(f"{given.rows:,} applications out of a file", rows)


def _memory(folder: Path, rows: int) -> str:
    """In a process of its own, whose peak is not that of the rounds before."""
    import multiprocessing

    from django.db import connections

    connections.close_all()
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        few, many = pool.apply(_two_sizes, (folder, rows))
    return f"{many:.0f} MB, {many / few:.2f} of that at {rows // 10:,}"


def _two_sizes(folder: Path, rows: int) -> tuple[float, float]:
    desk()
    shop = _shop()
    _fresh(shop, _file(folder, rows // 10), rows // 10)
    few = peak_megabytes()
    _fresh(shop, _file(folder, rows), rows)
    return few, peak_megabytes()


def _shop() -> Any:
    from accounts.models import DutyShift, Membership, Shop, User

    shop, _new = Shop.objects.get_or_create(code="bench", defaults={"name": "bench", "marketplace": "taobao"})
    for role, count in (("support", SUPPORT), ("warehouse", 3)):
        for number in range(count):
            email = f"{role}{number}@example.test"
            user, _new = User.objects.get_or_create(email=email, defaults={"name": email, "wants_mail": False})
            Membership.objects.get_or_create(user=user, role=role, shop=shop)
            DutyShift.objects.get_or_create(user=user, defaults={"starts_at": AT - timedelta(hours=4)})
    return shop


def _file(folder: Path, rows: int) -> Path:
    path = folder / f"export-{rows}.csv"
    if path.exists():
        return path
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(HEADER)
        writer.writerows(_row(number) for number in range(rows))
    return path


def _row(number: int) -> list[str]:
    kind, goods = GOODS[number % len(GOODS)]
    applied = (AT + timedelta(hours=8, minutes=-(number % 20))).strftime("%Y-%m-%d %H:%M:%S")
    deadline = (AT + timedelta(hours=56)).strftime("%Y-%m-%d %H:%M:%S")
    parcel = f"中通快递:7{number:013d}" if goods != "未发货" else ""
    return [f"38{number:016d}\t", f"19{number:016d}\t", f"2026111122001{number:012d}", "2026-11-09 21:14:05",
            f"TS-{number % 900:04d}-M", f"买家{number:07d}", "128.00", f"纯棉短袖T恤 第{number % 900}款 宽松", "128.00",
            "", kind, applied, deadline, "买家已经申请退款，等待卖家同意", goods, "", parcel, "",
            ("不想要了", "质量问题", "尺码拍错")[number % 3], f"{number}：颜色与图片不同", "售中"]  # fmt: skip


def _fresh(shop: Any, path: Path, rows: int) -> float:
    _clear()
    return _import(shop, path, rows, "created")


def _again(shop: Any, path: Path, rows: int) -> float:
    return _import(shop, path, rows, "unchanged")


def _import(shop: Any, path: Path, rows: int, result: str) -> float:
    from handoffs import imports

    record = imports.new_run(shop, path, name=path.name, as_of=AT, at=AT)
    record.save()
    start = perf_counter()
    imports.run(record.pk, at=AT)
    took = perf_counter() - start
    record.refresh_from_db()
    if getattr(record, result) != rows:
        raise SystemExit(f"{result} {getattr(record, result)} of {rows}: {record.error}")
    return took


def _tables() -> list[Any]:
    from handoffs.models import Case, CaseSource, Clock, Handoff, Parcel, TimelineEntry

    return [Case, CaseSource, Parcel, Parcel.cases.through, Handoff, Clock, TimelineEntry]


def _clear() -> None:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE handoffs_case, handoffs_parcel, handoffs_importrun, handoffs_outboxmessage CASCADE")
        cursor.execute("CHECKPOINT")


def _ready() -> list[tuple[Any, list[Any]]]:
    """What the import wrote, as instances that are ready to be written again."""
    return [(model, list(model._default_manager.order_by("pk"))) for model in _tables()]


def _bare(ready: list[tuple[Any, list[Any]]]) -> float:
    from django.db import transaction

    _clear()
    start = perf_counter()
    for model, rows in ready:
        for first in range(0, len(rows), 500):
            with transaction.atomic():
                model._default_manager.bulk_create(rows[first : first + 500])
    return perf_counter() - start


if __name__ == "__main__":
    main()
