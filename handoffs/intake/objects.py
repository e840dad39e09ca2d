"""Tables whose columns are the fields of the marketplaces' JSON: rejected objects, written as a sheet, come back so."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from handoffs import exact
from handoffs.intake import jd_api, top
from handoffs.intake.headers import OWN_COLUMNS, Header, is_blank
from handoffs.intake.rows import Reject, Row
from handoffs.intake.values import text

TOP = ("refund_id", "status", "created", "refund_fee", "tid", "oid", "modified", "total_fee", "order_status",
       "good_status", "has_good_return", "refund_phase", "refund_version", "reason", "desc", "title", "num",
       "sku", "outer_id", "sid", "company_name", "buyer_nick", "buyer_open_uid", "payment", "price", "address",
       "good_return_time", "end_time", "refund_remind_timeout", "cs_status", "advance_status",
       "operation_contraint", "dispute_type", "special_refund_type", "attribute", "seller_nick", "alipay_no",
       "num_iid", "shipping_type")  # fmt: skip
CANCEL = ("id", "orderId", "applyRefundSum", "status", "applyTime", "buyerId", "buyerName", "reason", "modified",
          "checkTime", "checkUserName", "checkRemark", "systemId")  # fmt: skip
SERVICE = ("sameOrderServiceBill", "status", "afsRefundId", "completeTime", "refoundAmount", "expressNo",
           "expressCompany")  # fmt: skip


@dataclass(frozen=True)
class Table:
    """A reader of such a table; it looks like the readers of exports."""

    REQUIRED: tuple[str, ...]
    fields: tuple[str, ...]
    translate: Callable[[Any, int], Row | Reject]

    @property
    def ALIASES(self) -> dict[str, tuple[str, ...]]:  # noqa: N802  the readers' common name
        return {name: (name,) for name in self.fields}

    def rows(self, header: Header, records: Iterator[tuple[int, list[Any]]]) -> Iterator[Row | Reject]:
        """Each row as the object it was. An empty cell is a field the object did not have."""
        for number, record in records:
            if not is_blank(record):
                cells = header.cells(record).items()
                yield self.translate({n: _value(c) for n, c in cells if n not in OWN_COLUMNS and text(c)}, number)


def _value(cell: Any) -> Any:
    """A cell that holds an object or a list in JSON is that; any other stays what it is."""
    if isinstance(cell, str) and cell.startswith(("{", "[")):
        try:
            return exact.loads(cell)
        except ValueError:
            return cell
    return cell.strip("'") if isinstance(cell, str) else cell


TABLES: dict[str, tuple[Table, ...]] = {
    "top": (Table(("refund_id", "status", "created"), TOP, top.row),),
    "jd_api": (
        Table(("id", "orderId", "applyRefundSum"), CANCEL, jd_api.row),
        Table(("sameOrderServiceBill",), SERVICE, jd_api.row),
    ),
}
