"""Yuan to fen and back, exactly or not at all."""

from decimal import Decimal
from typing import Any

import pytest

from handoffs.marketplaces.money import fen, yuan


@pytest.mark.parametrize(
    ("amount", "expected"),
    [("0.01", 1), ("0.1", 10), ("0.10", 10), ("1", 100), ("1E+2", 10000), ("252.77", 25277), ("0.29", 29),
     ("999999.99", 99999999), ("1.230", 123), ("10000000000000000.01", 1000000000000000001)],
)  # fmt: skip
def test_whole_fen(amount: str, expected: int) -> None:
    assert fen(Decimal(amount)) == expected
    assert yuan(expected) == Decimal(amount)


@pytest.mark.parametrize("amount", ["0.001", "1.005", "999999.999", "0", "0.00", "-0.01", "NaN", "Infinity"])
def test_what_is_no_positive_whole_fen_is_turned_down(amount: str) -> None:
    with pytest.raises(ValueError, match=r"fen|nothing|No amount"):
        fen(Decimal(amount))


@pytest.mark.parametrize("amount", [1.1, "1.10", 1, None])
def test_only_a_decimal_is_an_amount(amount: Any) -> None:
    with pytest.raises(ValueError, match="No amount"):
        fen(amount)


def test_yuan_has_two_decimals() -> None:
    assert str(yuan(10)) == "0.10"
