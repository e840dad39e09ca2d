"""From a shop to the client that speaks to its marketplace. A shop without a working connection is worked by hand."""

from datetime import datetime

from django.utils.translation import gettext as _

from accounts import vault
from accounts.models import Shop
from handoffs.marketplaces.base import Credentials, Marketplace, MarketplaceError
from handoffs.marketplaces.jd.client import Jd
from handoffs.marketplaces.taobao.client import Taobao
from handoffs.models import Case, Connection


def connected(shop: Shop) -> Connection | None:
    """The shop's connection in use; None: by hand."""
    return Connection.objects.filter(shop=shop, active=True).select_related("shop").first()


def pays(case: Case) -> bool:
    """Whether the marketplace's gateway can pay this kind of application: JD takes cancelled orders only.

    A JD service has numbers of its own, which may be those of a cancelled order: it is never read or paid by number.
    """
    return case.source_kind != Case.Source.SERVICE


def client_of(connection: Connection) -> Marketplace:
    """A client with the shop's credentials. Raises vault.Sealed where the key to them is gone."""
    credentials = Credentials(
        app_key=connection.app_key,
        app_secret=vault.unseal(connection.sealed_secret),
        session=vault.unseal(connection.sealed_session),
        gateway=connection.gateway,
        operator=connection.operator,
    )
    marketplace = connection.shop.marketplace
    if marketplace == Shop.Marketplace.JD:
        return Jd(credentials)
    return Taobao(credentials, tmall=marketplace == Shop.Marketplace.TMALL)


def test(connection: Connection, *, at: datetime) -> Connection:
    """Try the connection with a harmless read and keep what came of it."""
    try:
        connection.test_result, connection.test_ok = client_of(connection).test()[:255], True
    except vault.Sealed:
        connection.test_ok = False
        connection.test_result = _("The secrets cannot be opened with the key at hand. Enter them again.")
    except MarketplaceError as error:
        connection.test_ok = False
        connection.test_result = f"{error.message} {error.code} {error.sub_code}".strip()[:255]
    connection.tested_at = at
    connection.save(update_fields=["test_ok", "test_result", "tested_at"])
    return connection
