"""After a restore: what the desk had told and begun before it was lost is not told and not begun a second time."""

from dataclasses import dataclass
from datetime import datetime

from handoffs import digests, handover, notifying, sweep
from handoffs.models import ChannelPost, OutboxMessage, RefundBatch

Mail = OutboxMessage.Mail
WHY = "restored from a backup"


@dataclass(frozen=True)
class Settled:
    """What was kept from going out again, and what waits for a person."""

    mails: int
    posts: int
    batches: int


def settle(*, until: datetime) -> Settled:
    """Catch up to `until`, the last moment at which the lost desk worked, without a word to anybody.

    Steps that came due by then are done, with their rows in timeline and bell; their mails and chat messages went out
    from the lost desk. Payments stand still until a person who has seen what the marketplace says lets them go on.
    """
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
    return Settled(mails, posts, batches)
