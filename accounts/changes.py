"""Every change of the set-up is noted with what it was and what it is, whichever door it came through.

What it was is read from the row itself before it is written, so a row that shipped with the desk has a past too.
Statements that write many rows at once pass by here; whoever uses them on these tables notes it by hand.
"""

from collections.abc import Collection, Mapping
from typing import Any

from django.apps import apps
from django.db.models import Model
from django.db.models.signals import post_save, pre_delete, pre_save
from django.utils import timezone

from accounts import audit, trail
from accounts.models import User

# Of each table the columns that are no set-up: what the desk itself keeps there, and what a person chooses for oneself.
WATCHED: Mapping[str, Collection[str]] = {
    "accounts.agreement": (),
    "accounts.carrier": (),
    "accounts.contact": (),
    "accounts.dutyshift": ("note",),
    "accounts.limit": (),
    "accounts.membership": (),
    "accounts.shop": (),
    "accounts.user": (
        "password", "last_login", "time_zone", "language", "wants_digest", "digest_at", "wants_mail", "seen_at",
        "looked_at", "date_joined", "new_password_due",
    ),
    "accounts.warehouse": (),
    "handoffs.calendar": (),
    "handoffs.calendarday": (),
    "handoffs.calendarwindow": (),
    "handoffs.carrieraccount": ("last_push_at", "error"),
    "handoffs.channel": ("created_at", "told_at", "error"),
    "handoffs.clockpolicy": (),
    "handoffs.connection": (
        "code_from", "changed_by", "changed_at", "tested_at", "test_ok", "test_result", "pulled_until", "pull_error",
        "failing_since",
    ),
    "handoffs.policystep": (),
    "handoffs.reason": (),
    "handoffs.replytemplate": (),
    "handoffs.retention": (),
    "handoffs.warehousesystem": ("heard_at", "error"),
}  # fmt: skip
SEALED = "sealed_"
LONGEST = 1_000
Values = dict[str, Any]


def watch() -> None:
    for label in WATCHED:
        model, uid = apps.get_model(label), f"accounts.changes.{label}"
        pre_save.connect(_before, sender=model, dispatch_uid=uid)
        post_save.connect(_after, sender=model, dispatch_uid=uid)
        pre_delete.connect(_gone, sender=model, dispatch_uid=uid)


def _columns(model: type[Model]) -> list[str]:
    left_out = {*WATCHED[model._meta.label_lower], "id"}
    return [field.name for field in model._meta.concrete_fields if field.name not in left_out]


def _kept(row: Model) -> Values | None:
    """The row as it stands in the table; None where it does not."""
    found: Values | None = type(row)._base_manager.filter(pk=row.pk).values(*_columns(type(row))).first()
    return found


def _concerned(model: type[Model], update_fields: Collection[str] | None) -> bool:
    return update_fields is None or not set(_columns(model)).isdisjoint(update_fields)


def _before(*, sender: Any, instance: Any, update_fields: Any = None, raw: bool = False, **_kwargs: Any) -> None:
    wanted = not raw and instance.pk is not None and _concerned(sender, update_fields)
    instance.__dict__["_as_it_was"] = _kept(instance) if wanted else None


def _after(*, sender: Any, instance: Any, created: bool, update_fields: Any = None, **_kwargs: Any) -> None:
    """What is made by nobody, as shipped rows are, is no change."""
    was: Values | None = instance.__dict__.pop("_as_it_was", None)
    by = _editor()
    if created and by is not None:
        _note(instance, f"(+) {_listed(instance)}", by, about=_person(instance))
    elif was is not None and _concerned(sender, update_fields):
        is_now = _kept(instance) or {}
        if said := "; ".join(_said(name, was[name], is_now.get(name)) for name in was if was[name] != is_now.get(name)):
            _note(instance, f"(~) {said}", by, about=_person(instance))


def _gone(*, instance: Any, **_kwargs: Any) -> None:
    """Noted before the row goes, so that the entry forgets a person who goes with it."""
    _note(instance, f"(–) {_listed(instance)}", _editor(), about=_person(instance))


def _listed(row: Model) -> str:
    told = {name: value for name, value in (_kept(row) or {}).items() if value not in (None, "", [])}
    return "; ".join(f"{name}: {_shown(name, value)}" for name, value in told.items())


def _said(name: str, was: Any, now: Any) -> str:
    return f"{name}: {_shown(name, was)} → {_shown(name, now)}"


def _shown(name: str, value: Any) -> str:
    """A secret is shown by its being there alone."""
    return ("***" if value else "") if name.startswith(SEALED) else str(value)[:LONGEST]


def _editor() -> User | None:
    user = getattr(trail.known().get("request"), "user", None)
    return user if isinstance(user, User) else None


def _person(instance: Any) -> User | None:
    """Whom the row is about; a row of nobody is about nobody."""
    whom = instance.pk if isinstance(instance, User) else getattr(instance, "user_id", None)
    return User.objects.filter(pk=whom or 0).first()


def _note(instance: Any, what: str, by: User | None, *, about: User | None) -> None:
    text = f"{instance._meta.label_lower} {instance} {what}"
    audit.note(audit.Kind.CHANGED, by=by, about=about, at=timezone.now(), text=text)
