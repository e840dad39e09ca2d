"""Chat channels: a person's own, and those of one's shops' teams. An address goes in and never comes out again."""

from typing import Any

from django import forms
from django.contrib import messages
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.widgets import (
    UnfoldAdminPasswordWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanWidget,
)

from accounts import vault
from accounts.models import Shop, User
from handoffs import bots, notifying, permissions
from handoffs.admin.page import draw, page, person
from handoffs.models import Channel, ChannelPost

L = gettext_lazy
QUIET = ("quiet_from", "quiet_to")


class ChannelForm(forms.ModelForm):
    """An empty address leaves the one that is kept."""

    address = forms.CharField(
        label=L("address of the bot"), required=False, max_length=500,
        widget=UnfoldAdminPasswordWidget(attrs={"autocomplete": "new-password"}),
        help_text=L("For example dingtalk://secret@token, wecombot://key, feishu://token."),
    )  # fmt: skip

    class Meta:
        model = Channel
        fields = ("label", "address", "urgent_only", "follows_duty", *QUIET, "active")
        widgets = {
            "label": UnfoldAdminTextInputWidget(attrs={"autocomplete": "off"}),
            **{name: UnfoldAdminTextInputWidget(attrs={"type": "time"}) for name in QUIET},
            **{name: UnfoldBooleanWidget() for name in ("urgent_only", "follows_duty", "active")},
        }

    def clean_address(self) -> str:
        address: str = self.cleaned_data["address"].strip()
        if not address and not self.instance.sealed_address:
            raise forms.ValidationError(_("The address is needed once; it is kept sealed."))
        try:
            self.kind = bots.kind_of(address) if address else self.instance.kind
        except bots.BotError as error:
            raise forms.ValidationError(error.message) from error
        return address

    def clean(self) -> dict[str, Any]:
        super().clean()
        given = [self.cleaned_data.get(name) is not None for name in QUIET]
        if any(given) and not all(given):
            self.add_error("quiet_to" if given[0] else "quiet_from", _("Give both ends of the quiet hours, or none."))
        return self.cleaned_data


class TeamForm(ChannelForm):
    """The same for a team: a role in one of the manager's shops."""

    class Meta(ChannelForm.Meta):
        fields = ("shop", "role", *ChannelForm.Meta.fields)
        widgets = ChannelForm.Meta.widgets | {"shop": UnfoldAdminSelectWidget(), "role": UnfoldAdminSelectWidget()}

    def __init__(self, *args: Any, shops: QuerySet[Shop], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["shop"].queryset = shops  # type: ignore[attr-defined]
        self.fields["shop"].required = self.fields["role"].required = True


def _shops(user: User) -> QuerySet[Shop]:
    """The shops whose teams a person sets up channels for."""
    mine = [pk for pk in user.shops_as() if permissions.may(user, "edit_setup", shop_id=pk)]
    every = Shop.objects.order_by("name")
    return every if user.is_superuser else every.filter(pk__in=mine)


def _visible(user: User, *, team: bool) -> QuerySet[Channel]:
    rows = Channel.objects.select_related("shop", "user")
    return rows.filter(shop__in=_shops(user)) if team else rows.filter(user=user)


def _waiting(channel: Channel) -> int:
    return channel.posts.filter(state__in=(ChannelPost.State.RETRY, ChannelPost.State.DEAD)).count()


@page("GET")
def channels(request: HttpRequest) -> HttpResponse:
    """One's own channels."""
    return _list(request, team=False)


@page("GET", verb="edit_setup")
def team_channels(request: HttpRequest) -> HttpResponse:
    """The channels of the teams of one's shops."""
    return _list(request, team=True)


def _list(request: HttpRequest, *, team: bool) -> HttpResponse:
    rows = list(_visible(person(request), team=team).order_by("shop__name", "role", "label"))
    title = _("Chat channels of the teams") if team else _("My chat channels")
    return draw(
        request,
        "handoffs/channels.html",
        title=title,
        rows=rows,
        team=team,
        kinds=list(dict.fromkeys(map(str, bots.KINDS.values()))),
        ready=vault.is_ready(),
    )


@page("GET", "POST")
def channel(request: HttpRequest, channel_id: int = 0) -> HttpResponse:
    """One of one's own."""
    return _one(request, channel_id, team=False)


@page("GET", "POST", verb="edit_setup")
def team_channel(request: HttpRequest, channel_id: int = 0) -> HttpResponse:
    """One of a team's."""
    return _one(request, channel_id, team=True)


def _one(request: HttpRequest, channel_id: int, *, team: bool) -> HttpResponse:
    user = person(request)
    found = _visible(user, team=team).filter(pk=channel_id).first() if channel_id else None
    if channel_id and found is None:
        raise Http404
    if found is not None and request.method == "POST" and (done := _verb(request, found, team=team)):
        return done
    record = found or Channel(user=None if team else user)
    data = request.POST if request.method == "POST" else None
    form: ChannelForm = (
        TeamForm(data, instance=record, shops=_shops(user)) if team else ChannelForm(data, instance=record)
    )
    if data is not None and vault.is_ready() and form.is_valid():
        if address := form.cleaned_data["address"]:
            record.keep(address, form.kind)
        form.save()
        messages.success(request, _("Saved. Send a test message to see whether it arrives."))
        return redirect(_name(team, one=True), record.pk)
    return draw(
        request, "handoffs/channel.html", title=found.label if found else _("New chat channel"), record=found,
        form=form, team=team, ready=vault.is_ready(), waiting=_waiting(found) if found else 0,
        status=400 if data is not None else 200,
    )  # fmt: skip


def _name(team: bool, *, one: bool = False) -> str:  # noqa: FBT001
    return f"admin:handoffs_{'team_' if team else ''}channel{'' if one else 's'}"


def _verb(request: HttpRequest, found: Channel, *, team: bool) -> HttpResponse | None:
    """Test it, try again what waits, or take it away; None for what is to be stored."""
    verb = request.POST.get("verb")
    if verb == "remove":
        found.delete()
        messages.success(request, _("Removed. Nothing is sent there any more."))
        return redirect(_name(team))
    if verb == "test":
        if error := notifying.test(found, at=timezone.now()):
            messages.error(request, _("The bot did not take it: %(error)s") % {"error": error})
        else:
            messages.success(request, _("Sent. Look into the chat."))
    elif verb == "again":
        count = notifying.try_again(found, at=timezone.now())
        messages.success(request, _("%(count)d will be tried again.") % {"count": count})
    else:
        return None
    return redirect(_name(team, one=True), found.pk)


PAGES = (
    ("me/channels/", channels, "handoffs_channels"),
    ("me/channels/new/", channel, "handoffs_new_channel"),
    ("me/channels/<int:channel_id>/", channel, "handoffs_channel"),
    ("channels/", team_channels, "handoffs_team_channels"),
    ("channels/new/", team_channel, "handoffs_new_team_channel"),
    ("channels/<int:channel_id>/", team_channel, "handoffs_team_channel"),
)
