"""A desk that has grown: shops, people and as many cases as wanted, written by SQL as the desk itself would have.

Every `every`th case is open and waits for the seller, the others were refunded; each has what an application leaves
behind: the row it came as, its clock, three timeline rows, every second a parcel and every second open one a question.
"""

import json
from datetime import datetime, timedelta
from typing import Any

SHOPS, SUPPORT = 3, 10


def people(at: datetime) -> None:
    """Three shops, support on duty, one person of each other role; all work for all shops."""
    from accounts.models import DutyShift, Membership, Shop, User

    shops = [
        Shop.objects.get_or_create(code=f"shop{n}", defaults={"name": f"{n}号店", "marketplace": "taobao"})[0]
        for n in range(SHOPS)
    ]
    roles = [("support", n) for n in range(SUPPORT)] + [(r, 0) for r in ("supervisor", "manager", "warehouse")]
    for role, number in roles:
        email = f"{role}{number}@example.test"
        user, _new = User.objects.get_or_create(email=email, defaults={"name": email, "wants_mail": False})
        for shop in shops:
            Membership.objects.get_or_create(user=user, role=role, shop=shop)
        DutyShift.objects.get_or_create(user=user, defaults={"starts_at": at - timedelta(hours=4)})


def person(role: str) -> Any:
    from accounts.models import User

    return User.objects.get(email=f"{role}0@example.test")


def cases(count: int, *, every: int, at: datetime) -> None:
    """So many cases, the youngest a minute old."""
    from handoffs.models import Case, CaseSource, Clock, Handoff, Parcel, Terms, TimelineEntry

    terms, _new = Terms.objects.get_or_create(digest="grown", defaults={"data": {"minutes": 30, "steps": []}})
    opened, moment = f"n % {every} = 0", "g.moment"
    fill(Case, {
        "shop_id": f"s.ids[1 + n % {SHOPS}]", "refund_id": "(19e15::bigint + n)::text",
        "order_id": "(38e15::bigint + n)::text", "line_id": "(39e15::bigint + n)::text",
        "title": "'纯棉短袖T恤第' || n % 900", "sku": "'TS-' || n % 900",
        "amount": "128", "total_fee": "128", "paid": "128", "dispute_type": "'refund_only'",
        "marketplace_status": "'WAIT_SELLER_AGREE'",
        "phase": f"CASE WHEN {opened} THEN 'wait_seller' ELSE 'success' END",
        "good_status": "'BUYER_RECEIVED'", "order_status": "'WAIT_BUYER_CONFIRM_GOODS'", "has_good_return": "false",
        "reason": "'质量问题'", "buyer_nick": "'买家' || n % 300000", "applied_at": moment,
        "status": f"CASE WHEN {opened} THEN 'in_progress' ELSE 'closed' END", "path": "3", "path_rule": "'signed_for'",
        "goods": "'with_buyer'", "money": f"CASE WHEN {opened} THEN 'none' ELSE 'confirmed' END",
        "owner_id": f"CASE WHEN n / {every} % 11 > 0 OR NOT {opened} THEN u.ids[1 + n / {every} % {SUPPORT}] END",
        "due_at": f"CASE WHEN {opened} THEN {moment} + interval '30 minutes' END",
        "created_at": moment, "changed_at": moment,
    }, f"""(SELECT n, '{at.isoformat()}'::timestamptz - (1 + ({count} - n) * 200000.0 / {count}) * interval '1 minute'
             AS moment FROM generate_series(1, {count}) n) g,
           (SELECT array_agg(id ORDER BY id) AS ids FROM accounts_shop) s,
           (SELECT array_agg(id ORDER BY id) AS ids FROM accounts_user WHERE email LIKE 'support%') u""")  # fmt: skip
    of_cases = "handoffs_case k"
    fill(CaseSource, {"case_id": "k.id", "digest": "md5(k.id::text)"}, of_cases)
    fill(TimelineEntry, {"case_id": "k.id", "at": "k.created_at + i * interval '1 minute'", "kind": "'arrived'"},
          f"{of_cases}, generate_series(1, 3) i")  # fmt: skip
    fill(Clock, {
        "case_id": "k.id", "kind": "'first_response'", "owner_role": "'support'", "terms_id": str(terms.pk),
        "state": "CASE WHEN k.due_at IS NULL THEN 'met' ELSE 'running' END", "started_at": "k.applied_at",
        "due_at": "k.applied_at + interval '30 minutes'",
        "next_action_at": "CASE WHEN k.due_at IS NOT NULL THEN k.applied_at + interval '300 days' END",
        "ended_at": "CASE WHEN k.due_at IS NULL THEN k.applied_at + interval '5 minutes' END",
    }, of_cases)  # fmt: skip
    fill(Handoff, {
        "case_id": "k.id", "kind": "'stop_parcel'", "from_role": "'support'", "to_role": "'warehouse'",
        "created_at": "k.created_at", "due_at": "k.due_at",
    }, f"{of_cases} WHERE k.due_at IS NOT NULL AND k.id / {every} % 2 = 0")  # fmt: skip
    number = "'7' || lpad(k.id::text, 13, '0')"
    fill(Parcel, {"shop_id": "k.shop_id", "waybill": number, "carrier_text": "'中通'", "created_at": "k.created_at"},
          f"{of_cases} WHERE k.id % 2 = 0")  # fmt: skip
    fill(Parcel.cases.through, {"parcel_id": "p.id", "case_id": "k.id"},
          f"{of_cases} JOIN handoffs_parcel p ON p.waybill = {number}")  # fmt: skip
    _settle()


def fill(model: Any, given: dict[str, str], source: str) -> None:
    """Insert what is given; every other column gets what the model would give it."""
    from django.db import connection

    fields = [field for field in model._meta.concrete_fields if not field.primary_key or field.column in given]
    values = {field.column: given.get(field.column, _plain(field)) for field in fields}
    columns, told = ", ".join(values), ", ".join(values.values())
    with connection.cursor() as cursor:
        cursor.execute(f"INSERT INTO {model._meta.db_table} ({columns}) SELECT {told} FROM {source}")


def _plain(field: Any) -> str:
    default = field.get_default()
    if default is None:
        return "NULL" if field.null else "''"
    if isinstance(default, bool | int):
        return str(default)
    return f"'{json.dumps(default) if isinstance(default, dict | list) else default}'"


def _settle() -> None:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
        cursor.execute("CHECKPOINT")
