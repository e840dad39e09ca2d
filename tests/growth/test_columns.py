"""Every column that can hold words is either gone through when a buyer is erased, or there is a reason why not."""

from typing import Any

import pytest
from django.apps import apps
from django.db import models

from accounts.models import DutyShift
from handoffs.flow import erasure
from handoffs.flow.erasure import Written
from handoffs.models import Case, CaseSource, RejectedRow, SavedView

CODES = "numbers, codes and names of goods or carriers, from a marketplace's or the desk's own list"
SETUP = "written by whoever sets the desk up, about the desk"
HASH = "nothing can be read from it"
WHOLE = {RejectedRow: ("message", "raw"), SavedView: ("name", "query")}  # rows that go as a whole
SEALED = "a secret, and none of a buyer's"
# By model: the columns that erasing leaves as they are, and why.
LEFT = {
    "Case": (CODES, "refund_id order_id line_id title sku dispute_type marketplace_status good_status order_status "
             "refund_phase refund_version reason cs_status operation_constraint path_rule path_facts contradiction"),
    "CaseSource": (HASH, "digest stamps agreed_by"),
    "CaseLine": (CODES, "sku title"),
    "Parcel": (CODES, "carrier_text waybill"),
    "ParcelEvent": (CODES, "new_waybill digest"),
    "CarrierAccount": (SETUP, "code customer sealed_key sealed_salt sealed_secret address error"),
    "Handoff": (CODES, "reached subject answer"),
    "Attachment": (HASH, "file content_type sha256"),
    "Decision": (CODES, "reason_id case_version case_lines"),
    "OrderLine": (CODES, "order_id line_id"),
    "RefundOrder": (CODES, "key operation answer_code"),
    "Compensation": (CODES, "order_id"),
    "RefundBatch": (CODES, "holder sms_code"),
    "BatchRow": (CODES, "why"),
    "Channel": (SETUP, "label sealed_address kind error"),
    "ChannelPost": (CODES, "event kind"),
    "Terms": (SETUP, "digest data"),
    "Clock": (CODES, "cause"),
    "Pause": (CODES, "reason"),
    "Connection": (SETUP, "app_key sealed_secret sealed_session gateway operator return_address_id return_name "
                   "return_phone return_post test_result pull_error"),
    "Finding": (CODES, "refund_id"),
    "Receipt": (CODES, "key waybill carrier_text lines"),
    "Interception": (CODES, "key"),
    "ImportRun": (CODES, "stored format"),
    "RejectedRow": (CODES, "field code"),
    "MarketCall": (CODES, "key"),
    "OutboxMessage": (CODES, "key kind"),
    "Calendar": (SETUP, "name time_zone"),
    "CalendarDay": (SETUP, "name"),
    "Reason": (SETUP, "text"),
    "ReplyTemplate": (SETUP, "code title body"),
    "Response": (CODES, "template"),
    "Tick": (SETUP, "name data totals"),
    "TimelineEntry": (CODES, "kind"),
    "StartView": (CODES, "built_in"),
    "WarehouseOrder": (CODES, "code progress"),
    "WarehouseSystem": (SETUP, "code app_key customer owner_code warehouse_code sealed_secret sealed_token address "
                        "error"),
    "Shop": (SETUP, "code name time_zone return_address"),
    "Carrier": (SETUP, "code name names"),
    "Agreement": (SETUP, "note"),
    "Warehouse": (SETUP, "code name address"),
    "User": (SETUP, "password email name time_zone"),
    "AuditEntry": (SETUP, "address text"),
    "ApiToken": (SEALED, "name prefix digest scopes"),
}  # fmt: skip
WORDS = (models.CharField, models.TextField, models.JSONField, models.FileField)


def ours() -> list[type[models.Model]]:
    """All models but the histories of the set-up, which say what the set-up says."""
    found = [model for app in ("handoffs", "accounts") for model in apps.get_app_config(app).get_models()]
    return [model for model in found if not model.__name__.startswith("Historical")]


def columns(model: type[models.Model]) -> set[str]:
    return {each.name for each in model._meta.concrete_fields if isinstance(each, WORDS) and not each.choices}


def gone_through(model: type[models.Model]) -> set[str]:
    lists: list[Written] = [*erasure.WRITTEN, *erasure.LOOSE]
    looked = {name for each in lists if each.model is model for name in each.columns}
    nick = {"buyer_nick"} if model is Case else set()
    return looked | nick | {*erasure.EMPTIED.get(model, ()), *WHOLE.get(model, ())}


@pytest.mark.parametrize("model", ours(), ids=lambda model: model.__name__)
def test_every_column_is_gone_through_or_left_for_a_reason(model: type[models.Model]) -> None:
    left = set(LEFT.get(model.__name__, ("", ""))[1].split())
    assert gone_through(model) | left == columns(model)
    assert not gone_through(model) & left


def test_a_new_column_would_be_found() -> None:
    """The control: what nobody has declared does not pass."""

    class Odd(models.Model):
        words: Any = models.TextField()

        class Meta:
            app_label = "odd"

        def __str__(self) -> str:
            return ""

    assert columns(Odd) == {"words"} != gone_through(Odd)


def test_what_is_declared_is_there() -> None:
    assert set(LEFT) <= {model.__name__ for model in ours()}
    assert columns(CaseSource) >= set(erasure.EMPTIED[CaseSource])
    assert "note" in gone_through(DutyShift)
