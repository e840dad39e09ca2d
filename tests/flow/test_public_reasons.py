"""Path 4: a return is agreed at once, unless the reason concerns compensation or is shown publicly (domain.md 2)."""

from datetime import timedelta
from importlib import import_module

import pytest
from django.apps import apps

from handoffs.flow import acts, answer, handoff, response
from handoffs.flow.next_step import event, steps
from handoffs.models import Case, Reason
from handoffs.models.handoff import HandoffKind
from tests import factories
from tests.factories import NOON, World

LATER = NOON + timedelta(minutes=5)


def returned(world: World, reason: str) -> Case:
    """A return whose application was answered."""
    Reason.objects.get_or_create(marketplace="taobao", text="质量问题", defaults={"shown_publicly": True})
    Reason.objects.get_or_create(marketplace="taobao", text="少件赔付", defaults={"compensation": True})
    case = factories.case(world.shop, path=4, reason=reason)
    response.respond(case.pk, response.Reply("您好，我们马上为您处理"), by=world.support, at=LATER)
    return Case.objects.get(pk=case.pk)


def offered(case: Case) -> list[str]:
    return [step.code for step in steps(Case.objects.get(pk=case.pk))]


@pytest.mark.parametrize("reason", ["不想要了", "", "没有列出的原因"])
def test_other_reasons_are_agreed_to_at_once(world: World, reason: str) -> None:
    assert offered(returned(world, reason))[0] == "agree_return"


def test_a_reason_shown_publicly_is_looked_at_first_and_then_agreed(world: World) -> None:
    case = returned(world, "质量问题")
    assert (case.shown_publicly, offered(case)[:2]) == (True, ["ask_quality", "agree_return"])
    asked = handoff.ask(case.pk, handoff.Question(HandoffKind.ASK_QUALITY), by=world.support, at=LATER)
    assert offered(case)[0] == "wait_colleague"
    answer.answer(asked.pk, answer.Given("yes"), by=world.qc, at=LATER)
    assert offered(case)[0] == "agree_return"


def test_where_compensation_is_claimed_it_is_assessed_first(world: World) -> None:
    case = returned(world, "少件赔付")
    assert offered(case)[0] == "assess_compensation"
    assert event(case) == "unseen"
    acts.perform(case.pk, "assess_compensation", {"claimed": "true", "stands": "false"}, by=world.support, at=LATER)
    assert offered(case)[0] == "agree_return"


def test_another_reason_is_looked_up_again(world: World) -> None:
    case = returned(world, "质量问题")
    fields = factories.ON_PATH[4] | {"order_id": case.order_id, "line_id": case.line_id, "reason": "不想要了"}
    factories.take(world.shop, factories.row(case.refund_id, modified=LATER, **fields), at=LATER)
    case.refresh_from_db()
    assert (case.shown_publicly, offered(case)[0]) == (None, "agree_return")


def test_returns_that_were_open_before_are_judged_by_the_migration(world: World) -> None:
    case, other = returned(world, "质量问题"), returned(world, "没有列出的原因")
    Case.objects.update(shown_publicly=None)
    import_module("handoffs.migrations.0016_reason_shown_publicly").judge_open_returns(apps, None)
    assert dict(Case.objects.values_list("pk", "shown_publicly")) == {case.pk: True, other.pk: None}
