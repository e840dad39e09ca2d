"""The sellers a gateway knows, and the keys they call with."""

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Seller:
    """A shop's key. `sub_account`: the session is that of a sub-account, the only one that may agree to pay."""

    nick: str
    tmall: bool
    app_key: str = "12345678"
    app_secret: str = "helloworld"  # noqa: S105  a key to a toy
    session: str = "session-taobao"
    operator: str = "客服一号"
    sub_account: bool = True


class Sellers:
    """By session; the first of each kind is the one tests speak of."""

    def __init__(self) -> None:
        self.by_session: dict[str, Seller] = {}
        self.add(Seller("sandbox_c_1", tmall=False))
        self.add(Seller("sandbox_b_1", tmall=True, session="session-tmall"))

    def add(self, seller: Seller) -> Seller:
        self.by_session[seller.session] = seller
        return seller

    def of(self, *, tmall: bool) -> Seller:
        return next(seller for seller in self.by_session.values() if seller.tmall == tmall)

    def make_main_account(self, *, tmall: bool) -> None:
        """The session is now that of the main account, which may not agree to pay."""
        seller = self.of(tmall=tmall)
        self.by_session[seller.session] = replace(seller, sub_account=False)

    def secret_of(self, app_key: str) -> str | None:
        return next((s.app_secret for s in self.by_session.values() if s.app_key == app_key), None)
