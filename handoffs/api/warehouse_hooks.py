"""Where a shop's warehouse system reports to. Signed over parameters and body; answered in the system's own form."""

import logging

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from accounts import vault
from handoffs import warehousing
from handoffs.api.throttles import limited
from handoffs.carriers.base import BadSignature, Unreadable
from handoffs.flow import reported
from handoffs.flow.errors import FlowError
from handoffs.models import WarehouseSystem
from handoffs.warehouses import qimen

logger = logging.getLogger(__name__)


@csrf_exempt
@limited
@require_POST
def qimen_report(request: HttpRequest, code: str) -> HttpResponse:
    """A step of an order, a return put into stock or signed for. The same again changes nothing."""
    system = WarehouseSystem.objects.select_related("shop").filter(code=code, kind="qimen", active=True).first()
    if system is None:
        return _said("no such account", 404)
    at = timezone.now()
    try:
        method, body = qimen.opened(request.GET.dict(), request.body, warehousing.account_of(system), at=at)
    except vault.Sealed:
        logger.exception("the secret of %s cannot be opened with the key at hand", code)
        return _said("no such account", 404)
    except BadSignature as error:
        return _said(error.message, 403)
    except Unreadable as error:
        return _said(error.message, 400)
    WarehouseSystem.objects.filter(pk=system.pk).update(heard_at=at, error="")
    try:
        if method == "orderprocess.report":
            reported.step(system, qimen.report_of(body), at=at)
        elif method == "returnorder.confirm":
            reported.stocked(system, qimen.stocked_of(body), at=at)
        elif method == "returnpackage.report":
            waybill, carrier = qimen.signed_of(body)
            if waybill:
                reported.signed(system, waybill, carrier, at=at)
        else:
            return _said(f"no such method: {method[:40]}", 400)
    except (Unreadable, FlowError) as error:
        return _said(str(error), 400)
    return _said("", 200)


def _said(why: str, status: int) -> HttpResponse:
    return HttpResponse(qimen.answer(why=why), status=status, content_type="text/xml; charset=utf-8")
