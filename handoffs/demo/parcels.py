"""What carriers tell in the demo, and the parcels that reach its warehouse without anybody expecting them."""

from datetime import timedelta

from accounts.models.people import Role
from handoffs.carriers.base import Event, State, Track
from handoffs.demo.desk import Desk
from handoffs.demo.stage import Story
from handoffs.flow import receiving, tracking
from handoffs.models import Case, Clock, Parcel, ParcelEvent
from handoffs.models.clock import ClockKind

# Hours before now, what happened, in a carrier's words.
WAY = (
    (40.0, State.PICKED_UP, "已揽收"),
    (33.5, State.IN_TRANSIT, "离开杭州转运中心，发往上海转运中心"),
    (9.2, State.IN_TRANSIT, "到达上海转运中心"),
    (2.6, State.OUT_FOR_DELIVERY, "快件正在派送，请保持电话畅通"),
)
NOBODYS = (("YT9000000001", "圆通速递", 640, "外箱无姓名，内有一个杯子"), ("ZT9000000002", "中通快递", 210, ""))


def tell(d: Desk) -> Story:
    """Parcels that are on their way, with their traces: some half way, some out for delivery."""
    yield 0
    watched = Clock.objects.filter(kind=ClockKind.PARCEL_SILENCE, ended_at=None).values("case")
    quiet = Case.objects.filter(path=2, facts=None).exclude(status=Case.Status.CLOSED).exclude(pk__in=watched)
    parcels = Parcel.objects.filter(leg=Parcel.Leg.OUTBOUND, state="", cases__in=quiet).order_by("pk").distinct()
    for number, parcel in enumerate(parcels):
        upto = WAY[: 2 + number % 3]
        events = tuple(
            Event(d.stage.at - timedelta(hours=ago), state, "", words, "", parcel.waybill) for ago, state, words in upto
        )
        track = Track(parcel.carrier_text, parcel.waybill, upto[-1][1], "", events)
        tracking.one(track, tracking.Origin(ParcelEvent.Source.PUSH, parcel.shop), at=d.stage.at, leg=parcel.leg)


def orphans(d: Desk) -> Story:
    """Two parcels that belong to nobody yet."""
    by = d.person(Role.WAREHOUSE)
    for number, (waybill, carrier, grams, note) in enumerate(NOBODYS):
        found = receiving.Receipt(f"demo-orphan-{number}", waybill, carrier, weight_grams=grams, note=note,
                                  attachments=d.photo(Role.WAREHOUSE), shop_id=d.company.taobao.pk)  # fmt: skip
        receiving.receive(found, by=by, at=d.stage.at)
        yield 35
