"""Whatever a manager changes of the set-up is noted with what it was and what it is; secrets by their being there."""

from collections.abc import Callable, Iterator
from datetime import date, time, timedelta
from typing import Any

import pytest
from django import forms
from django.conf import LazySettings
from django.db.models import Model
from django.test import Client, RequestFactory
from django.urls import reverse

from accounts import changes, trail
from accounts.models import (
    Agreement,
    AuditEntry,
    Contact,
    DutyShift,
    Limit,
    Membership,
    Shop,
    User,
    Warehouse,
)
from handoffs.admin.setup_base import SetupAdmin
from handoffs.admin.site import desk
from handoffs.models import (
    Calendar,
    CalendarDay,
    CalendarWindow,
    CarrierAccount,
    Channel,
    ClockPolicy,
    Connection,
    PolicyStep,
    Reason,
    ReplyTemplate,
    Retention,
    WarehouseSystem,
)
from tests.admin.setup_pages import formset
from tests.factories import NOON, World

# Of each table a row, the column that is changed, and to what.
Change = tuple[Callable[[World], Model], str, Any]
CHANGES: dict[str, Change] = {
    "accounts.agreement": (lambda w: Agreement.objects.get(carrier=w.carriers["zto"]), "answer_minutes", 61),
    "accounts.carrier": (lambda w: w.carriers["zto"], "names", ["ZT"]),
    "accounts.contact": (lambda _w: Contact.objects.filter(role="qc")[0], "deputy_id", None),
    "accounts.dutyshift": (lambda w: DutyShift.objects.get(user=w.qc), "stand_in_id", None),
    "accounts.limit": (lambda _w: Limit.objects.get(role="support"), "amount", None),
    "accounts.membership": (lambda w: Membership.objects.filter(user=w.qc)[0], "role", "warehouse"),
    "accounts.shop": (lambda w: w.shop, "return_policy", Shop.ReturnPolicy.ON_SIGNATURE.value),
    "accounts.user": (lambda w: w.qc, "email", "other@desk.test"),
    "accounts.warehouse": (lambda w: w.store, "address", "示例路2号"),
    "handoffs.calendar": (lambda _w: Calendar.objects.create(name="Office"), "name", "Night"),
    "handoffs.calendarday": (lambda _w: CalendarDay.objects.order_by("day")[0], "kind", "work"),
    "handoffs.calendarwindow": (lambda _w: _window(), "end", time(18)),
    "handoffs.carrieraccount": (lambda _w: CarrierAccount.objects.create(code="k", customer="1"), "sealed_key", "x"),
    "handoffs.channel": (lambda w: Channel.objects.create(shop=w.shop, role="qc", label="QC"), "label", "Quality"),
    "handoffs.clockpolicy": (lambda _w: ClockPolicy.objects.get(clock="decide", shop=None), "minutes", 31),
    "handoffs.connection": (lambda w: Connection.objects.create(shop=w.shop, app_key="1"), "operator", "shop:bot"),
    "handoffs.policystep": (lambda _w: PolicyStep.objects.get(clock="", percent=50), "percent", 40),
    "handoffs.reason": (lambda _w: Reason.objects.order_by("pk")[0], "text", "不喜欢"),
    "handoffs.replytemplate": (lambda _w: ReplyTemplate.objects.order_by("pk")[0], "title", "Hello"),
    "handoffs.retention": (lambda _w: Retention.objects.get_or_create(pk=1)[0], "timeline", 900),
    "handoffs.warehousesystem": (
        lambda w: WarehouseSystem.objects.create(code="w", shop=w.shop, app_key="1"), "active", False,
    ),
}  # fmt: skip


def _window() -> CalendarWindow:
    office = Calendar.objects.create(name="Office")
    return CalendarWindow.objects.create(calendar=office, weekday=0, start=time(9), end=time(17))


def browser(user: User) -> Client:
    client = Client()
    client.force_login(user, backend="accounts.backends.RoleBackend")
    return client


def noted() -> list[str]:
    return list(AuditEntry.objects.filter(kind="changed").order_by("pk").values_list("text", flat=True))


def forms_of(base: type[forms.ModelForm]) -> Iterator[type[forms.ModelForm]]:
    for each in base.__subclasses__():
        yield each
        yield from forms_of(each)


def edited() -> set[str]:
    """The tables that any screen of the set-up edits, the parts of a screen included."""
    screens = [screen for screen in desk._registry.values() if isinstance(screen, SetupAdmin)]
    models = {screen.model for screen in screens} | {part.model for screen in screens for part in screen.inlines}
    own = [each for each in forms_of(forms.ModelForm) if each.__module__.startswith("handoffs.admin.")]
    models |= {each._meta.model for each in own if getattr(each, "_meta", None) and each._meta.model}
    return {model._meta.label_lower for model in models}


def test_every_table_that_a_screen_edits_is_watched_and_tried_here() -> None:
    assert edited() <= set(changes.WATCHED)
    assert set(CHANGES) == set(changes.WATCHED)


@pytest.mark.parametrize("label", sorted(CHANGES))
def test_a_change_says_who_what_it_was_and_what_it_is(world: World, label: str) -> None:
    make, field, value = CHANGES[label]
    row = make(world)
    if field in ("deputy_id", "stand_in_id"):
        type(row)._base_manager.filter(pk=row.pk).update(**{field: world.support.pk})
        row.refresh_from_db()
    before = getattr(row, field)
    request = RequestFactory(REMOTE_ADDR="192.0.2.9").get("/")
    request.user = world.manager
    with trail.about(request=request):
        setattr(row, field, value)
        row.save()
        row.save()
    (found,) = AuditEntry.objects.filter(kind="changed", by=world.manager)
    assert (found.address, found.text.split(" ")[0]) == ("192.0.2.9", label)
    said = " → ***" if field.startswith("sealed_") else f"{before} → {value}"
    assert found.text.endswith(f"(~) {field.removesuffix('_id')}: {said}")


def test_a_row_that_shipped_has_a_past_in_the_screen_too(world: World) -> None:
    policy = ClockPolicy.objects.get(clock="decide", shop=None)
    where = reverse("admin:handoffs_clockpolicy_change", args=[policy.pk])
    assert browser(world.manager).post(where, {"minutes": "45"}).status_code == 302
    assert [text.partition("(~) ")[2] for text in noted()] == ["minutes: 30 → 45"]


def test_a_person_is_noted_with_the_old_name_and_email(world: World) -> None:
    where = reverse("admin:accounts_user_change", args=[world.qc.pk])
    body = {"email": "q@desk.test", "name": "Q", "language": "en", "time_zone": "Asia/Shanghai", "digest_at": "08:00"}
    assert browser(world.manager).post(where, body | formset("memberships")).status_code == 302
    found = AuditEntry.objects.get(kind="changed")
    assert (found.by, found.about) == (world.manager, world.qc)
    old = world.qc.email
    assert found.text == f"accounts.user Q (~) email: {old} → q@desk.test; name: Qc → Q; is_active: True → False"


def test_days_carriers_and_warehouses_are_noted(world: World, settings: LazySettings) -> None:
    manager = browser(world.manager)
    CalendarDay.objects.filter(day__year=2026).delete()
    assert manager.post(reverse("admin:handoffs_calendarday_load"), {"year": "2026"}).status_code == 302
    assert noted()[-1].startswith("handoffs.calendarday 2026 (+) 2026-01-01 ")
    manager.post(reverse("admin:handoffs_calendarday_add"), {"day": "2027-03-04", "kind": "rest", "name": "Own"})
    assert noted()[-1].endswith("(+) day: 2027-03-04; kind: rest; name: Own")
    body = {"code": "main", "name": "Main", "address": "示例路2号"}
    manager.post(reverse("admin:accounts_warehouse_change", args=[world.store.pk]), body)
    assert noted()[-1].endswith("(~) name: Main warehouse → Main; address:  → 示例路2号; active: True → False")
    assert Warehouse.objects.get().name == "Main"


def test_connections_services_and_channels_are_noted_without_their_secrets(
    world: World, settings: LazySettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.CREDENTIALS_KEY = "a-key"
    monkeypatch.setattr("handoffs.connections.test", lambda record, at: record)
    manager, secret = browser(world.manager), "hidden0123456789"
    shop = reverse("admin:handoffs_connection", args=[world.shop.pk])
    for body in ({"app_key": "1", "secret": secret}, {"app_key": "2", "secret": ""}, {"verb": "remove"}):
        assert manager.post(shop, {"active": "on"} | body).status_code == 302
    account = {"code": "k", "service": "kuaidi100", "customer": "C1", "key": secret, "active": "on"}
    assert manager.post(reverse("admin:handoffs_carrier_account_new"), account).status_code == 302
    system = {"shop": world.shop.pk, "kind": "qimen", "code": "w", "app_key": "1", "secret": secret}
    assert manager.post(reverse("admin:handoffs_warehouse_system_new"), system).status_code == 302
    bot = {"shop": world.shop.pk, "role": "qc", "label": "QC", "address": f"dingtalk://{secret}@token98765"}
    assert manager.post(reverse("admin:handoffs_new_team_channel"), bot).status_code == 302
    told = noted()
    assert [text.partition(" ")[0].partition(".")[2] for text in told] == [
        "connection", "connection", "connection", "carrieraccount", "warehousesystem", "channel",
    ]  # fmt: skip
    assert told[1].endswith("(~) app_key: 1 → 2")
    assert "(–) shop: " in told[2]
    assert all("***" in told[number] for number in (0, 2, 3, 4, 5))
    assert not [text for text in told if "hidden" in text or "token98765" in text or "gAAAA" in text]


def test_what_the_desk_itself_keeps_in_these_tables_is_no_change(world: World) -> None:
    made = Connection.objects.create(shop=world.shop, app_key="1")
    made.tested_at, made.test_ok, made.pulled_until = NOON, True, NOON
    made.save()
    world.qc.seen_at, world.qc.language = NOON, "zh-hans"
    world.qc.save()
    assert noted() == []


def test_a_long_text_hides_no_other_column(world: World) -> None:
    template = ReplyTemplate.objects.order_by("pk")[0]
    template.title, template.body, template.code = "New", "x" * 3_000, "another"
    template.save()
    assert [f"{name}: " in noted()[-1] for name in ("code", "title", "body")] == [True] * 3
    assert noted()[-1].endswith("x" * 1_000)


def test_a_stand_in_is_noted(world: World) -> None:
    body = {"user": world.qc.pk, "stand_in": world.manager.pk, "starts_at_0": "2026-11-12", "starts_at_1": "09:00"}
    Membership.objects.create(user=world.support, role="qc", shop=world.shop)
    body["stand_in"] = world.support.pk
    assert browser(world.manager).post(reverse("admin:accounts_dutyshift_add"), body).status_code == 302
    assert f"stand_in: {world.support.pk}" in noted()[-1]


def test_moved_deadlines_of_open_cases_are_noted(world: World) -> None:
    from tests import factories

    factories.case(world.shop)
    policy = ClockPolicy.objects.get(clock="first_response", shop=None)
    where, manager = reverse("admin:handoffs_clockpolicy_change", args=[policy.pk]), browser(world.manager)
    shown = manager.post(where, {"minutes": "60"})
    assert (
        manager.post(where, {"minutes": "60", "_foreseen": shown.context["token"], "_apply": "open"}).status_code == 302
    )
    assert noted()[-1].endswith("→ open deadlines moved: 1")


def test_a_person_who_is_deleted_leaves_the_entries(world: World) -> None:
    from tests import factories

    gone = factories.person("support", world.shop, on_duty=False)
    where = reverse("admin:accounts_user_delete", args=[gone.pk])
    assert browser(world.manager).post(where, {"post": "yes"}).status_code == 302
    assert [text.partition(" ")[0] for text in noted()] == ["accounts.membership", "accounts.user"]
    assert f"email: {gone.email}" in noted()[-1]


def test_a_day_is_a_day_and_an_hour_an_hour(world: World) -> None:
    """A value that is the same in other clothes is no change."""
    day = CalendarDay.objects.create(day="2027-03-04", kind="rest")
    day.day = date(2027, 3, 4)
    day.save()
    shift = DutyShift.objects.get(user=world.qc)
    shift.ends_at = shift.starts_at + timedelta(days=500)
    shift.save(update_fields=["note"])
    assert noted() == []
