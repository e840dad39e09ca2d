"""Reply templates with their variables filled for one case."""

from collections.abc import Collection

from django.db.models import F, Q

from accounts.models import User
from handoffs.admin.words import answer_label
from handoffs.flow import wording
from handoffs.flow.buyer import masked
from handoffs.flow.transport import latest_inspection
from handoffs.models import Case, Parcel, ReplyTemplate

BUYERS = "zh-hans"
# The templates that fit most often, by path; offered as buttons before the whole list.
FIRST: dict[int | None, tuple[str, ...]] = {
    1: ("looking", "not_shipped_agreed", "compensation_checking", "parcel_stopped", "parcel_left"),
    2: ("looking", "recall_promised", "recall_impossible", "refuse_delivery", "parcel_lost"),
    3: ("looking", "not_received_check", "change_type", "offline_return", "offer_partial"),
    4: ("looking", "agree_return", "return_number_coupon", "return_received", "inspection_result"),
    None: ("looking", "delay", "exchange_return", "exchange_zero", "exchange_confirm"),
}


def values(case: Case, user: User) -> dict[str, str]:
    """What the variables stand for. The buyer is named as the marketplace shows them, masked."""
    parcel = case.parcels.order_by("-pk").first()
    back = case.parcels.filter(leg=Parcel.Leg.RETURN).order_by("-pk").first()
    shown = back or parcel
    return {
        "buyer": masked(case.buyer_nick), "order_id": case.order_id, "refund_id": case.refund_id,
        "amount": str(case.amount), "title": case.title, "shop": case.shop.name, "agent": user.name,
        "waybill": shown.waybill if shown else "", "carrier": str(shown.carrier or shown.carrier_text) if shown else "",
        "date": "", "coupon": "", "address": case.shop.return_address, "reason": case.reason,
        "inspection": _inspected(case),
    }  # fmt: skip


def _inspected(case: Case) -> str:
    """The outcome of the latest inspection, line by line where there are several."""
    asked = latest_inspection(case)
    if asked is None:
        return ""
    lines = asked.data.get("lines") or []
    said = [f"{line.get('line', '')} {answer_label(asked.kind, line.get('outcome', ''))}".strip() for line in lines]
    return "；".join(said) or answer_label(asked.kind, asked.answer)


def templates_for(case: Case, user: User) -> list[dict[str, str]]:
    """The templates, the shop's own before the common ones, filled as far as the case goes; gaps stay as {variables}.

    Chinese first, which buyers read; the other languages after it, named.
    """
    rows = ReplyTemplate.objects.filter(Q(shop=case.shop_id) | Q(shop=None))
    chosen: dict[tuple[bool, str, str], ReplyTemplate] = {}
    for row in rows.order_by("code", "shop_id"):
        key = (row.language != BUYERS, row.language, row.code)
        if key not in chosen or row.shop_id is not None:
            chosen[key] = row
    known = values(case, user)
    return [
        {"code": row.code, "title": _titled(row), "body": _fill(row.body, known)} for _, row in sorted(chosen.items())
    ]


def first_of(templates: list[dict[str, str]], case: Case, wanted: str = "") -> list[dict[str, str]]:
    """Up to five of the templates: the one an act calls for, then those that fit the case's path."""
    codes = dict.fromkeys([wanted, *FIRST.get(case.path, FIRST[None])])
    by_code = {row["code"]: row for row in reversed(templates)}  # of several languages the buyers'
    return [by_code[code] for code in codes if code in by_code][:5]


def _titled(row: ReplyTemplate) -> str:
    return row.title if row.language == BUYERS else f"{row.title} ({row.get_language_display()})"


def bodies(shops: Collection[int]) -> list[dict[str, str]]:
    """The templates as they are written, with their variables: of the one shop and the common ones."""
    own = Q(shop__in=shops) if len(shops) == 1 else Q(pk=None)
    chosen: dict[tuple[bool, str, str], ReplyTemplate] = {}
    for row in ReplyTemplate.objects.filter(own | Q(shop=None)).order_by("code", F("shop").asc(nulls_first=True)):
        chosen[(row.language != BUYERS, row.language, row.code)] = row
    return [{"code": row.code, "title": _titled(row), "body": row.body} for _, row in sorted(chosen.items())]


def filled(case: Case, code: str, user: User) -> str:
    """One template by its code; nothing when there is none."""
    return next((row["body"] for row in templates_for(case, user) if row["code"] == code), "")


def _fill(body: str, known: dict[str, str]) -> str:
    """Fill what is known; leave the rest in braces so that the agent sees what to write."""
    present = {name: value for name, value in known.items() if value}
    gaps = {name: "{" + name + "}" for name in wording.variables(body) if name not in present}
    return wording.fill(body, present | gaps)
