"""The roles, and the Django permissions each gets; groups are brought in step after every migrate."""

from typing import Any

from accounts.models.people import Role

SETUP_MODELS = (
    ("accounts", ("shop", "carrier", "agreement", "warehouse", "user", "membership", "limit", "dutyshift", "contact")),
    ("handoffs", ("clockpolicy", "policystep", "calendar", "calendarwindow", "calendarday", "reason", "replytemplate")),
)
CASE_MODELS = ("case", "handoff", "timelineentry", "decision")


def codenames(role: str) -> set[tuple[str, str]]:
    """(app label, codename) of what a role may do in the console; which rows it reaches is `permissions`' matter."""
    wanted = {("handoffs", f"view_{model}") for model in CASE_MODELS}
    wanted |= {("handoffs", "view_outboxmessage"), ("handoffs", "view_importrun")}
    if role not in (Role.MANAGER, Role.SUPERVISOR):
        return wanted
    verbs = ("view", "add", "change", "delete") if role == Role.MANAGER else ("view",)
    for app, models in SETUP_MODELS:
        wanted |= {(app, f"{verb}_{model}") for model in models for verb in verbs}
    return wanted


def sync_groups(**_kwargs: Any) -> None:
    """Make one group per role hold exactly that role's permissions. Safe to run any number of times."""
    from django.contrib.auth.models import Group, Permission

    known = {(p.content_type.app_label, p.codename): p for p in Permission.objects.select_related("content_type")}
    for role in Role.values:
        group, _created = Group.objects.get_or_create(name=role)
        group.permissions.set([known[key] for key in codenames(role) if key in known])
