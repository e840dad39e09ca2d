"""After a restore: what the desk had told and begun before it was lost is not told and not begun a second time."""

from dataclasses import dataclass
from datetime import datetime

from handoffs import digests, handover, notifying, sweep
from handoffs.flow import stopping
from handoffs.models import ChannelPost, Interception, OutboxMessage, RefundBatch, WarehouseOrder

Mail = OutboxMessage.Mail
WHY = "restored from a backup"


@dataclass(frozen=True)
class Settled:
    """What was kept from going out again, and what waits for a person."""

    mails: int
    posts: int
    batches: int
    stops: int


def settle(*, until: datetime) -> Settled:
    """Catch up to `until`, the last moment at which the lost desk worked, without a word to anybody.

    Steps that came due by then are done, with their rows in timeline and bell; their mails and chat messages went out
    from the lost desk. Payments stand still until a person who has seen what the marketplace says lets them go on.
    What warehouse systems said of orders is forgotten: the lost desk has heard more.
    Parcels that were to be stopped by wire may have been asked for: unknown, as when no answer came, and people go on.
    """
    WarehouseOrder.objects.all().delete()
    running = RefundBatch.objects.filter(status=RefundBatch.Status.RUNNING)
    batches = running.update(status=RefundBatch.Status.PAUSED, error=WHY, lease=None, holder="")
    sweep.run(at=until)
    digests.prepare(at=until)
    handover.prepare(at=until)
    notifying.collect(at=until)
    told = OutboxMessage.objects.filter(mail__in=(Mail.QUEUED, Mail.RETRY, Mail.INFLIGHT), created_at__lte=until)
    mails = told.update(mail=Mail.NONE, next_try_at=None, error=WHY)
    posted = ChannelPost.objects.filter(state__in=ChannelPost.WAITING, created_at__lte=until)
    posts = posted.update(state=ChannelPost.State.SENT, next_try_at=None, error=WHY)
    return Settled(mails, posts, batches, _stops(until))


def _stops(until: datetime) -> int:
    """Those that waited in the backup, and those that the lost desk has begun by itself since."""
    while stopping.offer_to_systems(at=until):
        pass
    waiting = Interception.objects.filter(state=Interception.State.ASKED, sent_at=None, at__lte=until)
    ids = list(waiting.order_by("pk").values_list("pk", flat=True))
    for pk in ids:
        stopping.settle(pk, Interception.State.UNKNOWN, said=WHY, at=until)
    return len(ids)
