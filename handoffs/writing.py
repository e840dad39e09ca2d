"""Sending a person's act to the marketplace while they wait: recorded, called once, the answer written."""

import io
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from django.utils.translation import gettext as _
from PIL import Image, ImageDraw

from accounts import vault
from accounts.models import Shop, User
from handoffs import connections
from handoffs.flow import market_call
from handoffs.flow.errors import Invalid, Stale
from handoffs.flow.market_call import Said
from handoffs.marketplaces.base import Later, MarketplaceError, Refused, Unknown
from handoffs.marketplaces.taobao.acts import Acts, Reason, ReturnAddress
from handoffs.marketplaces.taobao.client import Taobao
from handoffs.marketplaces.taobao.proof import fitted
from handoffs.models import Attachment, Case, MarketCall

NEVER_ANSWERED = timedelta(minutes=10)
Operation = MarketCall.Operation


def can_write(shop: Shop) -> bool:
    """Whether the shop's marketplace takes messages, refusals and returns through its gateway."""
    return shop.marketplace != Shop.Marketplace.JD and connections.connected(shop) is not None


def send(case: Case, said: Said, *, by: User, at: datetime, now: Callable[[], datetime]) -> MarketCall:
    """Send one act. Raises Invalid with the marketplace's words when it was not taken, Stale when that is not known."""
    acts = _acts(case.shop)
    call = market_call.begin(case.pk, said, by=by, at=at)
    try:
        _call(acts, case, call)
    except ValueError as error:
        market_call.refused(call.pk, at=now(), answer=str(error))
        raise Invalid(str(error), field="message") from error
    except (Refused, Later) as error:
        market_call.refused(call.pk, at=now(), answer=_in_words(error))
        raise Invalid(_("The marketplace did not take it: %(said)s") % {"said": _in_words(error)}) from error
    except (Unknown, MarketplaceError) as error:
        market_call.doubted(call.pk, at=now(), answer=_in_words(error))
        text = _("Whether the marketplace took it is not known. Look there, then say so under “To settle”.")
        raise Stale(text, code="unknown") from error
    return market_call.done(call.pk, at=now())


def _in_words(error: MarketplaceError) -> str:
    return f"{error.message} {error.sub_code or error.code}".strip()[:255]


def _acts(shop: Shop) -> Acts:
    connection = connections.connected(shop)
    try:
        client = connections.client_of(connection) if connection else None
    except vault.Sealed as error:
        text = _("The secrets cannot be opened with the key at hand. Enter them again.")
        raise Invalid(text) from error
    if not isinstance(client, Taobao):
        raise Invalid(_("This shop is not connected to its marketplace."))
    return client.acts


def _call(acts: Acts, case: Case, call: MarketCall) -> None:
    said: dict[str, Any] = call.data
    if call.operation == Operation.MESSAGE:
        acts.add_message(case.refund_id, said["message"], image=_picture(said, 500_000) or _card(call))
    elif call.operation == Operation.REFUSE:
        acts.refuse(case.refund_id, message=said["message"], reason_id=said.get("reason_id", ""),
                    proof=_picture(said, 130_000), version=case.refund_version)  # fmt: skip
    else:
        to = ReturnAddress(**said.get("to", {}))
        acts.agree_return(case.refund_id, to=to, remark=said["message"], version=case.refund_version,
                          buyer_pays_postage=said.get("freight") == "buyer")  # fmt: skip


def _picture(said: dict[str, Any], limit: int) -> bytes | None:
    """The first photo given with it, made to fit."""
    rows = Attachment.objects.filter(pk__in=said.get("attachments", ()))
    photo = next((row for row in rows if row.is_photo), None)
    if photo is None:
        return None
    with photo.file.open() as file:
        return fitted(file.read(), limit)


def _card(call: MarketCall) -> bytes:
    """The image that the documentation wants with every message, where the agent gave none: number and time."""
    card = Image.new("RGB", (480, 96), "white")
    words = f"{call.case.refund_id}   {call.at:%Y-%m-%d %H:%M} UTC"
    ImageDraw.Draw(card).text((16, 40), words, fill="black")
    file = io.BytesIO()
    card.save(file, "PNG")
    return file.getvalue()


def return_to(shop: Shop, address: str = "") -> dict[str, str]:
    """The shop's return address as the marketplace wants it."""
    connection = connections.connected(shop)
    if connection is None:
        return {}
    return {
        "id": connection.return_address_id, "name": connection.return_name, "post": connection.return_post,
        "address": address or shop.return_address, "tel": connection.return_phone, "mobile": connection.return_phone,
    }  # fmt: skip


def refuse_reasons(case: Case) -> list[Reason]:
    """The marketplace's reasons for refusing this application; none where it cannot be asked."""
    try:
        return _acts(case.shop).refuse_reasons(case.refund_id, case.refund_phase)
    except (MarketplaceError, Invalid):
        return []


def not_allowed(case: Case) -> list[str]:
    """What the marketplace says may not be done now, in its words; nothing where it cannot be asked."""
    try:
        said = _acts(case.shop).allowed(case.refund_id)
    except (MarketplaceError, Invalid):
        return []
    return [tips for tips in said.cannot.values() if tips]


def open_calls(shops: frozenset[int], *, at: datetime) -> list[MarketCall]:
    """Acts whose answer never came, for the list of what is to be settled."""
    open_ones = (MarketCall.Status.SENT, MarketCall.Status.UNKNOWN)
    rows = MarketCall.objects.filter(case__shop__in=shops, status__in=open_ones)
    waiting = rows.select_related("case__shop", "by").order_by("at", "pk")[:100]
    return [call for call in waiting if call.status == MarketCall.Status.UNKNOWN or at - call.at > NEVER_ANSWERED]
