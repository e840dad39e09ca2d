"""Saved views: everyone keeps their own; managers and supervisors who lead offer some to a role of their shops.

Only who saved a view changes it, and whoever manages every shop it is offered in, for the day its author leaves.
"""

from dataclasses import dataclass
from datetime import datetime

from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from accounts.models import User
from accounts.models.people import Role
from handoffs.flow.errors import Invalid, NotAllowed, NotYours
from handoffs.models import SavedView, StartView
from handoffs.models.view import Page

LONGEST_NAME = 60
LONGEST_QUERY = 500
MOST = 40


@dataclass(frozen=True, slots=True)
class Draft:
    """A view to be saved. `role` empty: for oneself."""

    page: str
    name: str
    query: str
    role: str = ""


def shared_in(user: User) -> frozenset[int]:
    """The shops in which the person may offer a view to a role."""
    return frozenset(shop for role, shop, lead in user.places
                     if role == Role.MANAGER or (role == Role.SUPERVISOR and lead))  # fmt: skip


def seen_by(user: User, page: str = "") -> QuerySet[SavedView]:
    """One's own views, and those offered to a role that one holds in a shop they are offered in."""
    offered = Q(pk__in=[])
    for role in user.roles:
        places = SavedView.shops.through.objects.filter(shop__in=user.shops_as(role))
        offered |= Q(role=role, pk__in=places.values("savedview_id"))
    rows = SavedView.objects.filter(Q(owner=user) | offered)
    return rows.filter(page=page) if page else rows


def may_change(user: User, view: SavedView) -> bool:
    """Who saved it; of a role's view also whoever manages all its shops."""
    if view.owner_id == user.pk:
        return True
    shops = {shop.pk for shop in view.shops.all()}
    return bool(view.role and shops) and shops <= user.shops_as(Role.MANAGER)


def save(draft: Draft, *, by: User, at: datetime) -> SavedView:
    """Keep filters under a name. Raises Invalid for a name that is taken or no filters, NotAllowed for a role."""
    shops = shared_in(by) if draft.role else frozenset()
    if draft.page not in Page.values:
        raise Invalid(_("This page has no views."), field="page")
    if draft.role and draft.role not in Role.values:
        raise Invalid(_("There is no such role."), field="role")
    if draft.role and not shops:
        raise NotAllowed(_("Managers and leading supervisors offer views to a role."))
    if not draft.query:
        raise Invalid(_("Choose a filter first."), field="query")
    if len(draft.query) > LONGEST_QUERY:
        raise Invalid(_("These filters are too long to keep."), field="query")
    if SavedView.objects.filter(owner=by, page=draft.page).count() >= MOST:
        raise Invalid(_("You have as many views as fit. Delete one first."), field="name")
    view = SavedView(owner=by, page=draft.page, name=_named(draft.name), query=draft.query, role=draft.role,
                     created_at=at)  # fmt: skip
    with transaction.atomic():
        _store(view)
        view.shops.set(shops)
    return view


def rename(view_id: int, *, name: str, by: User) -> SavedView:
    """Give a view another name."""
    view = _changeable(view_id, by)
    view.name = _named(name)
    _store(view)
    return view


def delete(view_id: int, *, by: User) -> None:
    """Take a view away; pages that started with it show everything again."""
    _changeable(view_id, by).delete()


def start_with(page: str, *, by: User, view_id: int = 0, built_in: str = "") -> None:
    """What the person's page shows when it is opened: a view they see, a built-in one, or, with neither, everything."""
    if page not in Page.values:
        raise Invalid(_("This page has no views."), field="page")
    if not view_id and not built_in:
        StartView.objects.filter(user=by, page=page).delete()
        return
    view = _seen(view_id, by) if view_id else None
    if view is not None and view.page != page:
        raise Invalid(_("This view belongs to another page."), field="view")
    values = {"view": view, "built_in": "" if view else built_in}
    StartView.objects.update_or_create(user=by, page=page, defaults=values)


def _named(name: str) -> str:
    cleaned = " ".join(name.split())
    if not cleaned:
        raise Invalid(_("Give the view a name."), field="name")
    if len(cleaned) > LONGEST_NAME:
        raise Invalid(_("A name has at most %(n)d characters.") % {"n": LONGEST_NAME}, field="name")
    return cleaned


def _store(view: SavedView) -> None:
    try:
        with transaction.atomic():
            view.save()
    except IntegrityError as error:
        raise Invalid(_("You have a view of this name already."), field="name") from error


def _seen(view_id: int, by: User) -> SavedView:
    view = seen_by(by).filter(pk=view_id).prefetch_related("shops").first()
    if view is None:
        raise NotYours(_("There is no such view."))
    return view


def _changeable(view_id: int, by: User) -> SavedView:
    """A manager of all its shops changes a role's view without holding that role."""
    found = SavedView.objects.filter(pk=view_id).prefetch_related("shops").first()
    if found is not None and may_change(by, found):
        return found
    _seen(view_id, by)
    raise NotAllowed(_("Only who saved this view changes it."))
