"""Turning pages of a narrowed list: earlier and later, with the filters kept."""

from dataclasses import dataclass
from urllib.parse import urlencode

from django.core.paginator import Paginator
from django.http import HttpRequest
from django.utils.functional import cached_property

from handoffs.admin.narrowing import Narrowing
from handoffs.exact import whole

COUNTED_TO = 1000
ON_A_PAGE = 50


class BoundedPaginator(Paginator):
    """Counts no further than a bound: count(*) on a million cases is not worth a number."""

    @cached_property
    def count(self) -> int:
        rows = self.object_list
        return len(rows.order_by().values_list("pk", flat=True)[:COUNTED_TO])  # type: ignore[union-attr]


@dataclass(frozen=True)
class Pages:
    """Where one is in a list. The addresses are empty where there is no such page."""

    number: int
    last: int
    total: str
    before: str
    after: str


def pages(paginator: Paginator, number: int, only: Narrowing, **more: str) -> Pages:
    """Page `number` of the paginator's, with addresses that keep the filters and what else was asked for."""
    asked = {**only.values, **{name: value for name, value in more.items() if value}}

    def address(page: int) -> str:
        return f"?{urlencode({**asked, 'p': page})}" if 1 <= page <= paginator.num_pages else ""

    total = f"{COUNTED_TO}+" if paginator.count >= COUNTED_TO else str(paginator.count)
    return Pages(number, paginator.num_pages, total, address(number - 1), address(number + 1))


def number_of(request: HttpRequest) -> int:
    """The page that is asked for; the first for whatever is no number."""
    return whole(request.GET.get("p", "")[:6]) or 1
