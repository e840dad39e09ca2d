"""The month with each carrier as a workbook."""

import io
from collections.abc import Iterable
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.utils.translation import gettext as _
from openpyxl import Workbook
from openpyxl.styles import Font

from handoffs.flow.statement import Account, Line
from handoffs.intake.rejects import neutral

BOLD = Font(bold=True)
WIDTH = 18


def workbook(accounts: Iterable[Account], *, zone: ZoneInfo, amounts: bool) -> bytes:
    """A summary, then a sheet a carrier with its claims. Amounts are numbers in yuan; ids keep their digits as text."""
    rows = list(accounts)
    book = Workbook()
    summary = book.active
    summary.title = _("Summary")
    _head(summary, [_("carrier"), *_totals_of(None, amounts=amounts)])
    for account in rows:
        summary.append([neutral(_name(account)), *_totals_of(account, amounts=amounts)])
    for number, account in enumerate(rows, 1):
        sheet = book.create_sheet(_title(account, number))
        _head(sheet, _columns(amounts=amounts))
        for line in account.lines:
            sheet.append(_cells(line, zone, amounts=amounts))
    stream = io.BytesIO()
    book.save(stream)
    return stream.getvalue()


def _head(sheet: Any, names: list[Any]) -> None:
    sheet.append([str(name) for name in names])
    sheet.freeze_panes = "A2"
    for cell in sheet[1]:
        cell.font = BOLD
        sheet.column_dimensions[cell.column_letter].width = WIDTH


def _name(account: Account) -> str:
    return str(account.carrier) if account.carrier else _("carrier unknown")


def _title(account: Account, number: int) -> str:
    """A name that a workbook takes: unique, at most 31 characters, none of []:*?/\\ ."""
    return f"{number} " + "".join(letter for letter in neutral(_name(account)) if letter not in "[]:*?/\\'")[:27]


def _totals_of(account: Account | None, *, amounts: bool) -> list[Any]:
    """The totals' headings, or their values for one carrier."""
    columns = [
        ("paid_out", _("paid to buyers (yuan)")),
        ("open_before", _("open before (yuan)")),
        ("claimed", _("claimed (yuan)")),
        ("recovered", _("recovered (yuan)")),
        ("given_up", _("given up (yuan)")),
        ("refused", _("refused (yuan)")),
        ("withdrawn", _("withdrawn (yuan)")),
        ("still_open", _("still open (yuan)")),
    ]
    shown = [column for column in columns if amounts or column[0] != "paid_out"]
    return [getattr(account, name) if account else label for name, label in shown]


def _columns(*, amounts: bool) -> list[Any]:
    names = [_("waybill"), _("Refund"), _("shop"), _("cause"), _("opened at"), _("paid to buyers (yuan)"),
             _("claimed (yuan)"), _("accepted (yuan)"), _("recovered (yuan)"), _("status"), _("settled at"),
             _("carrier's number"), _("note")]  # fmt: skip
    return names if amounts else [name for place, name in enumerate(names) if place != 5]


def _cells(line: Line, zone: ZoneInfo, *, amounts: bool) -> list[Any]:
    claim = line.claim
    cells = [
        neutral(claim.parcel.waybill), neutral(claim.case.refund_id), neutral(claim.case.shop.name),
        claim.get_cause_display(), _day(claim.opened_at, zone), line.paid_out, claim.amount, claim.accepted,
        claim.recovered, claim.get_status_display(), _day(claim.settled_at, zone), neutral(claim.reference),
        neutral(claim.note),
    ]  # fmt: skip
    return cells if amounts else [cell for place, cell in enumerate(cells) if place != 5]


def _day(moment: datetime | None, zone: ZoneInfo) -> str:
    return f"{moment.astimezone(zone):%Y-%m-%d %H:%M}" if moment else ""
