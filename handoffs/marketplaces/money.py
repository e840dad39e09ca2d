"""Yuan inside, fen at the wires that want it. Nothing is rounded: an amount finer than a fen is a mistake upstream."""

from decimal import Decimal

_FEN = Decimal("0.01")


def fen(amount: Decimal) -> int:
    """Yuan in fen, exactly. Raises ValueError for anything that is no positive amount of whole fen."""
    if not isinstance(amount, Decimal) or not amount.is_finite():
        raise ValueError(f"No amount of money: {amount!r}")
    if amount <= 0:
        raise ValueError(f"Not above nothing: {amount}")
    scaled = amount.scaleb(2)
    whole = int(scaled)
    if whole != scaled:
        raise ValueError(f"Finer than a fen: {amount}")
    return whole


def yuan(amount: int) -> Decimal:
    """Fen in yuan, with its two decimals."""
    return Decimal(amount) * _FEN
