"""Batch refunds: plan, choose, confirm by typing the sum, watch it run, see what became of each row."""

import csv
from collections.abc import Iterable
from decimal import Decimal, InvalidOperation
from itertools import groupby
from typing import Any

from django.contrib import messages
from django.db.models import Count, QuerySet, Sum
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext as _

from handoffs import permissions
from handoffs.admin.page import draw, hand_over, page, person
from handoffs.exact import wholes
from handoffs.flow import batch as batches
from handoffs.flow.cap import is_certain
from handoffs.flow.eligible import WHY
from handoffs.flow.errors import FlowError, Invalid, Stale
from handoffs.intake.rejects import neutral
from handoffs.marketplaces.base import CAPS
from handoffs.models import BatchRow, Connection, RefundBatch

SHOWN = 30
State = BatchRow.State
# What a reader wants first of a running batch: what needs a person, then what is done.
ORDER = (
    State.UNKNOWN, State.NEEDS_CODE, State.FAILED, State.BY_HAND, State.SENT, State.WAITING, State.ACCEPTED, State.PAID,
)  # fmt: skip


@page("GET", "POST", verb="propose")
def batch_list(request: HttpRequest) -> HttpResponse:
    """The last batches; POST plans a new one: of the cases named, else of all that may be ripe."""
    user = person(request)
    if request.method == "POST":
        chosen = wholes(request.POST.getlist("case"))
        try:
            made = batches.plan(chosen or None, by=user, at=timezone.now())
        except Invalid as error:
            messages.warning(request, str(error))
            return redirect("admin:handoffs_batches")
        return redirect("admin:handoffs_batch", made.pk)
    rows = list(batches.visible(user).select_related("by", "confirmed_by")[:SHOWN])
    done = _paid_of(rows)
    shown = [{"batch": row, "done": done.get(row.pk, 0)} for row in rows]
    return draw(request, "handoffs/money/batches.html", title=_("Batch refund"), rows=shown)


def _paid_of(rows: list[RefundBatch]) -> dict[int, int]:
    paid = BatchRow.objects.filter(batch__in=rows, state__in=(State.ACCEPTED, State.PAID))
    return dict(paid.order_by().values_list("batch_id").annotate(n=Count("pk")))


@page("GET", "POST", verb="propose")
def one_batch(request: HttpRequest, batch_id: int) -> HttpResponse:
    """The plan with its second confirmation, or the run with its progress."""
    user = person(request)
    batch = batches.seen(batch_id, by=user)
    error: FlowError | None = None
    if request.method == "POST":
        try:
            batch = _act(request, batch)
        except (Invalid, Stale) as declined:
            error = declined
        else:
            return redirect("admin:handoffs_batch", batch.pk)
    planned = batch.status == RefundBatch.Status.PLANNED
    context = _plan(batch) if planned else _run(batch)
    may_approve = batch.confirmed_by_id != user.pk and permissions.may(user, "approve")
    typed = {name: request.POST.get(name, "") for name in ("typed", "reason")} if error else {}
    return draw(
        request, f"handoffs/money/{'plan' if planned else 'run'}.html", title=_("Batch refund"), batch=batch,
        error=error, typed=typed, may_approve=may_approve, status=error.status if error else 200, **context,
    )  # fmt: skip


def _act(request: HttpRequest, batch: RefundBatch) -> RefundBatch:
    """One button of the page."""
    user, at, verb = person(request), timezone.now(), request.POST.get("verb", "")
    if verb == "confirm":
        chosen = wholes(request.POST.getlist("row"))
        batches.leave_out(batch.pk, keep=chosen, by=user)
        batch = batches.confirm(batch.pk, typed=_typed(request), reason=request.POST.get("reason", ""), by=user, at=at)
    elif verb == "approve":
        batch = batches.approve(batch.pk, by=user, at=at)
    elif verb == "pause":
        batch = batches.pause(batch.pk, by=user)
    elif verb == "resume":
        batch = batches.resume(batch.pk, by=user, sms_code=request.POST.get("code", ""))
    elif verb == "cancel":
        batch = batches.cancel(batch.pk, by=user, at=at)
    elif verb == "again":
        return batches.what_is_left(batch.pk, by=user, at=at)
    elif verb == "by_hand":
        declined = batches.record_by_hand(batch.pk, reference=request.POST.get("reference", ""), by=user, at=at)
        for refund_id, why in declined.items():
            messages.error(request, f"{refund_id}: {why}")
    else:
        raise Invalid(_("There is no such button."))
    if batch.status == RefundBatch.Status.RUNNING:
        hand_over("run_batch", batch.pk)
    return batch


def _typed(request: HttpRequest) -> Decimal | None:
    text = request.POST.get("typed", "").strip().lstrip("¥￥").replace(",", "")
    try:
        amount = Decimal(text)
    except InvalidOperation:
        return None
    return amount if amount.is_finite() else None


def _rows(batch: RefundBatch) -> QuerySet[BatchRow]:
    return batch.rows.select_related("case__shop", "order").order_by("case__shop", "pk")


def _plan(batch: RefundBatch) -> dict[str, Any]:
    """Per shop what will be paid and in how many calls; and, by reason, what will not."""
    rows = list(_rows(batch))
    ready = [row for row in rows if row.state == State.WAITING or row.why == "left_out"]
    connected = {connection.shop_id: connection for connection in Connection.objects.filter(active=True)}
    return {
        "shops": [_shop(list(group), connected) for _shop_id, group in groupby(ready, lambda row: row.case.shop_id)],
        "reasons": _reasons(row for row in rows if row.state == State.EXCLUDED and row.why != "left_out"),
    }


def _shop(rows: list[BatchRow], connected: dict[int, Connection]) -> dict[str, Any]:
    shop, caps = rows[0].case.shop, CAPS[rows[0].case.shop.marketplace]
    taken, connection = [row for row in rows if row.state == State.WAITING], connected.get(shop.pk)
    calls = batches.chunks(taken, shop.marketplace)
    for row in rows:
        row.unsure = row.decision_id is None and not (is_certain(row.case) or row.case.basis_confirmed)  # type: ignore[attr-defined]
    return {
        "shop": shop,
        "rows": rows,
        "count": len(taken),
        "total": sum((row.amount for row in taken), Decimal(0)),
        "calls": len(calls),
        "caps": caps,
        "by_hand": connection is None,
        "unsure": sum(1 for row in rows if row.unsure),  # type: ignore[attr-defined]
        "code_from": connection.code_from if connection else None,
        "need_code": _asking_for_code(calls, connection),
    }


def _asking_for_code(calls: list[list[BatchRow]], connection: Connection | None) -> int:
    """How many calls carry as much as one for which the marketplace asked for its SMS code before."""
    if connection is None or connection.code_from is None:
        return 0
    return sum(1 for rows in calls if sum((row.amount for row in rows), Decimal(0)) >= connection.code_from)


def _reasons(rows: Iterable[BatchRow]) -> list[dict[str, Any]]:
    found: dict[str, list[BatchRow]] = {}
    for row in rows:
        found.setdefault(row.why, []).append(row)
    return [{"words": WHY.get(why, why), "rows": group} for why, group in found.items()]


def _run(batch: RefundBatch) -> dict[str, Any]:
    """How far it is, with the rows that need a person on top."""
    labels, rank = dict(State.choices), {state: place for place, state in enumerate(ORDER)}
    counted = batch.rows.exclude(state=State.EXCLUDED).order_by().values("state")
    sums = {row["state"]: row for row in counted.annotate(n=Count("pk"), amount=Sum("amount"))}
    states = [
        {"code": state, "label": labels[state], "n": sums[state]["n"],
         "amount": Decimal(sums[state]["amount"]).quantize(Decimal("0.01"))}
        for state in ORDER if state in sums
    ]  # fmt: skip
    rows = sorted(_rows(batch).exclude(state=State.EXCLUDED), key=lambda row: (rank[State(row.state)], row.pk))
    for row in rows:
        row.words = row.message or WHY.get(row.why, row.why)  # type: ignore[attr-defined]
    total = sum(state["n"] for state in states)
    ended = sum(s["n"] for s in states if s["code"] not in (State.WAITING, State.SENT))
    left = {state["code"] for state in states} & {*BatchRow.LEFT}
    return {
        "states": states,
        "rows": rows,
        "percent": round(100 * ended / total) if total else 0,
        "needs_code": State.NEEDS_CODE in left,
        "by_hand": any(state["code"] == State.BY_HAND for state in states),
        "any_left": bool(left) and batch.status in (RefundBatch.Status.DONE, RefundBatch.Status.CANCELLED),
    }


@page("GET", verb="propose")
def download(request: HttpRequest, batch_id: int) -> HttpResponse:
    """Every row with its result, as csv that a spreadsheet opens with its Chinese right."""
    batch = batches.seen(batch_id, by=person(request))
    response = HttpResponse("\ufeff", content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="batch-{batch.pk}.csv"'
    table = csv.writer(response, quoting=csv.QUOTE_ALL)
    table.writerow([_("shop"), _("refund no."), _("order no."), _("amount (yuan)"), _("state"), _("why"), _("when")])
    for row in _rows(batch).iterator(chunk_size=500):
        case, words = row.case, row.message or str(WHY.get(row.why, row.why))
        when = timezone.localtime(row.at).strftime("%Y-%m-%d %H:%M:%S") if row.at else ""
        # The quote keeps a spreadsheet from rounding long numbers, as the marketplaces' own files do it.
        numbers = [f"'{case.refund_id}", f"'{case.order_id}"]
        told = neutral(case.shop.name), *numbers, row.amount, row.get_state_display(), neutral(words), when
        table.writerow(told)
    return response


PAGES = (
    ("batches/", batch_list, "handoffs_batches"),
    ("batches/<int:batch_id>/", one_batch, "handoffs_batch"),
    ("batches/<int:batch_id>/rows.csv", download, "handoffs_batch_rows"),
)
