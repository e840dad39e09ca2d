"""Saved views: the filters of a queue under a name, for oneself or for a role; and the view a page starts with."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from accounts.models import Shop, User
from accounts.models.people import Role


class Page(models.TextChoices):
    """The pages that can be narrowed."""

    HOME = "home", _("My queue")
    CASES = "cases", _("Cases")
    QUESTIONS = "questions", _("Questions")


class SavedView(models.Model):
    """Filters under a name. They narrow what the reader may see anyway, so a view opens nothing to anybody.

    `role` empty: the owner's alone. Else everyone who holds that role in one of `shops` is offered it.
    """

    owner = models.ForeignKey(User, models.CASCADE, related_name="views", verbose_name=_("saved by"))
    page = models.CharField(_("page"), max_length=12, choices=Page)
    name = models.CharField(pgettext_lazy("of a view", "name"), max_length=60)
    query = models.CharField(_("filters"), max_length=500)
    role = models.CharField(_("role"), max_length=12, choices=Role, blank=True)
    shops = models.ManyToManyField(Shop, related_name="+", blank=True, verbose_name=_("shops"))
    created_at = models.DateTimeField(_("saved at"))

    class Meta:
        verbose_name = _("saved view")
        verbose_name_plural = _("saved views")
        ordering = ("name", "pk")
        constraints = (models.UniqueConstraint(fields=("owner", "page", "name"), name="one_view_per_name_and_page"),)

    def __str__(self) -> str:
        return self.name


class StartView(models.Model):
    """What a person's page shows when it is opened without filters: a saved view, or a built-in one by its code."""

    user = models.ForeignKey(User, models.CASCADE, related_name="start_views")
    page = models.CharField(max_length=12, choices=Page)
    view = models.ForeignKey(SavedView, models.CASCADE, null=True, blank=True, related_name="starts")
    built_in = models.CharField(max_length=30, blank=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("user", "page"), name="one_start_per_person_and_page"),
            models.CheckConstraint(
                condition=Q(view__isnull=False, built_in="") | (Q(view__isnull=True) & ~Q(built_in="")),
                name="start_is_one_view",
            ),
        )

    def __str__(self) -> str:
        return f"{self.user_id} {self.page}"
