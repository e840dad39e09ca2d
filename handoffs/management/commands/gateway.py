"""`python manage.py gateway`: a marketplace on this machine that holds a shop's applications, to try payments."""

import threading
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from accounts import vault
from accounts.models import Shop
from handoffs.gateway import Gateway
from handoffs.models import Case, CaseSource, Connection


class Command(BaseCommand):
    """Connects the shop to a local gateway while it runs, and takes the connection away when it ends."""

    help = "Run a local marketplace gateway and connect a Taobao or Tmall shop to it until Ctrl-C."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--shop", help="code of the shop; without it the first Taobao or Tmall shop")
        parser.add_argument("--port", type=int, default=8900)

    def handle(self, *_args: Any, **options: Any) -> None:
        shop = _shop(options["shop"])
        if not vault.is_ready():
            raise CommandError("CREDENTIALS_KEY is not set, so no connection can be kept.")
        if Connection.objects.filter(shop=shop).exclude(gateway__startswith="http://127.0.0.1").exists():
            raise CommandError(f"{shop.code} is connected to a real marketplace. Nothing was changed.")
        with Gateway(port=options["port"]) as gateway:
            count = hold(gateway, shop)
            connection = connect(gateway, shop)
            self.stdout.write(f"{gateway.url}/router/rest holds {count} applications of {shop.name}. Ctrl-C ends it.")
            try:
                threading.Event().wait()
            except KeyboardInterrupt:
                self.stdout.write("")
            finally:
                connection.delete()


def _shop(code: str | None) -> Shop:
    rows = Shop.objects.filter(marketplace__in=("taobao", "tmall")).order_by("pk")
    found = rows.filter(code=code).first() if code else rows.first()
    if found is None:
        raise CommandError("There is no such Taobao or Tmall shop. `python manage.py demo` makes one.")
    return found


def hold(gateway: Gateway, shop: Shop) -> int:
    """Give the gateway the shop's open applications as the desk knows them. Returns how many."""
    seller = gateway.seller(tmall=shop.marketplace == Shop.Marketplace.TMALL)
    raws = dict(CaseSource.objects.filter(case__shop=shop).values_list("case_id", "raw"))
    open_cases = Case.objects.filter(shop=shop, phase__in=("wait_seller", "wait_buyer_return", "wait_seller_confirm"))
    for case in open_cases.iterator(chunk_size=500):
        raw = {name: value for name, value in raws.get(case.pk, {}).items() if name.isascii()}
        gateway.taobao.refunds.add(seller, **{**raw, **_told(case), "seller_nick": seller.nick})
    return len(gateway.taobao.refunds.held)


def _told(case: Case) -> dict[str, Any]:
    """What the desk knows, in TOP's shape."""
    moment = timezone.localtime(case.modified or case.applied_at, case.shop.zone).strftime("%Y-%m-%d %H:%M:%S")
    created = timezone.localtime(case.applied_at, case.shop.zone).strftime("%Y-%m-%d %H:%M:%S")
    status = {"wait_seller": "WAIT_SELLER_AGREE", "wait_buyer_return": "WAIT_BUYER_RETURN_GOODS"}
    return {
        "refund_id": case.refund_id, "tid": case.order_id, "oid": case.line_id or case.order_id, "title": case.title,
        "refund_fee": str(case.amount), "total_fee": str(case.total_fee or case.paid or case.amount),
        "status": status.get(case.phase, "WAIT_SELLER_CONFIRM_GOODS"), "order_status": case.order_status,
        "good_status": case.good_status, "has_good_return": bool(case.has_good_return), "reason": case.reason,
        "desc": case.description, "refund_phase": case.refund_phase or "onsale", "buyer_nick": case.buyer_nick,
        "created": created, "modified": moment, "at": moment,
        **({"refund_version": case.refund_version} if case.refund_version.isdigit() else {}),
    }  # fmt: skip


def connect(gateway: Gateway, shop: Shop) -> Connection:
    """The shop's connection to the local gateway."""
    seller = gateway.seller(tmall=shop.marketplace == Shop.Marketplace.TMALL)
    Connection.objects.filter(shop=shop).delete()
    connection = Connection(
        shop=shop, app_key=seller.app_key, gateway=f"{gateway.url}/router/rest", operator=seller.operator,
        pulled_until=timezone.now(), changed_at=timezone.now(), return_address_id="77", return_name="售后部",
        return_post="310000", return_phone="0571-00000000",
    )  # fmt: skip
    connection.keep(secret=seller.app_secret, session=seller.session)
    connection.save()
    return connection
