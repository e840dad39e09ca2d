"""Set-up of the words: the reasons buyers choose, and the replies that are prepared for them."""

from typing import Any

from django.contrib import admin
from django.core.exceptions import ValidationError
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from handoffs.admin.setup_base import KeptAdmin, SetupForm
from handoffs.admin.site import desk
from handoffs.flow import wording
from handoffs.models import Reason, ReplyTemplate
from handoffs.seeds.templates import VARIABLES

# What a preview is filled with; plainly invented.
SAMPLES = {
    "buyer": "示例买家", "order_id": "2728605998612085558", "refund_id": "143582160001085558", "amount": "66.18",
    "title": "测试水杯 350ml", "shop": "示例店铺", "agent": "客服小青", "waybill": "ZT0001", "carrier": "中通快递",
    "date": "11-12", "coupon": "5元券", "address": "示例市示例路1号", "reason": "商品破损",
}  # fmt: skip


@admin.register(Reason, site=desk)
class ReasonAdmin(KeptAdmin):
    form = SetupForm
    list_display = ("text", "marketplace", "compensation", "shown_publicly", "refusable")
    list_filter = ("marketplace", "compensation", "shown_publicly", "refusable")
    search_fields = ("text",)


class TemplateForm(SetupForm):
    SAYS = {
        "one_template_for_all_shops": ("code", _("There is already a template for all shops with this code.")),
        "one_template_per_shop": ("code", _("This shop already has a template with this code.")),
    }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "body" in self.fields:
            known = "  ".join(f"{{{name}}} {label}" for name, label in VARIABLES.items())
            self.fields["body"].help_text = gettext("You can use: %(names)s") % {"names": known}

    def clean_body(self) -> str:
        """The text, if it says something and names only variables that exist."""
        body: str = self.cleaned_data["body"]
        try:
            wording.require_meaningful(body, "body")
            wording.require_known_variables(body)
        except ValueError as error:
            raise ValidationError(str(error)) from error
        return body


@admin.register(ReplyTemplate, site=desk)
class ReplyTemplateAdmin(KeptAdmin):
    form = TemplateForm
    list_display = ("title", "code", "language", "shop")
    list_filter = ("language", "shop")
    search_fields = ("title", "code", "body")
    list_select_related = ("shop",)
    readonly_fields = ("preview",)
    fields = ("title", "code", "language", "shop", "body", "preview")

    @admin.display(description=_("preview"))
    def preview(self, template: ReplyTemplate) -> str:
        """As the buyer would read it, with invented values, and how long it is."""
        if not template.body:
            return gettext("Save, and the text is shown here as the buyer would read it.")
        samples = {name: SAMPLES.get(name, name) for name in VARIABLES}
        try:
            text = wording.fill(template.body, samples)
        except ValueError as error:
            return str(error)
        size = {"length": wording.length(text), "bytes": wording.byte_length(text), "most": wording.MESSAGE_BYTES}
        says = gettext("%(length)s characters, %(bytes)s bytes; one marketplace message holds %(most)s bytes.") % size
        return f"{text}\n({says})"
