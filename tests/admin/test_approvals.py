"""The approvals screen: all one needs to decide, several at once, each row by itself."""

from decimal import Decimal

import pytest

from accounts.models import Limit
from handoffs.flow import decision
from handoffs.flow.proposal import Proposal
from handoffs.models import Decision
from tests import factories, photos
from tests.admin.conftest import LogIn
from tests.factories import NOON, World

APPROVALS = "/approvals/"


def waiting(world: World, amount: str = "250.00", **fields: object) -> Decision:
    money = {"amount": Decimal(amount), "total_fee": Decimal(amount)}
    case = factories.case(world.shop, path=3, **money, **fields)
    return decision.propose(case.pk, Proposal("full_refund", "同意退款"), by=world.support, at=NOON)


def statuses() -> list[str]:
    return list(Decision.objects.order_by("pk").values_list("status", flat=True))


def test_a_row_shows_amount_limit_granted_before_reason_words_evidence_and_history(world: World, log_in: LogIn) -> None:
    factories.case(world.shop, buyer_nick="b1", phase="success", marketplace_status="SUCCESS", path=3)
    made = waiting(world, description="屏幕碎了", buyer_nick="b1")
    photo = photos.uploaded(world.support, at=NOON)
    photo.case = made.case
    photo.save()
    page = log_in(world.supervisor).get(APPROVALS)
    (row,) = page.context["rows"]
    assert (row["total"], row["limit"], row["covered"]) == (Decimal(250), Decimal(5000), True)
    assert (row["history"]["all"], row["history"]["refunded"]) == (2, 1)
    for words in ("¥250.00", "同意退款", "屏幕碎了", f"/attachments/{photo.pk}/"):
        assert words in page.content.decode(), words


def test_several_are_approved_at_once(world: World, log_in: LogIn) -> None:
    chosen = [waiting(world).pk, waiting(world).pk]
    waiting(world)
    got = log_in(world.supervisor).post(APPROVALS, {"decision": chosen, "verb": "approve"})
    assert got.status_code == 302
    assert statuses() == ["approved", "approved", "proposed"]


def test_one_is_settled_by_its_own_button(world: World, log_in: LogIn) -> None:
    first, second = waiting(world), waiting(world)
    log_in(world.supervisor).post(APPROVALS, {"verb": f"refuse:{second.pk}", f"reason-{second.pk}": "证据不足，请补充"})
    assert statuses() == ["proposed", "refused"]
    assert first.status == "proposed"


def test_less_is_approved_as_an_amount(world: World, log_in: LogIn) -> None:
    made = waiting(world)
    log_in(world.supervisor).post(APPROVALS, {"verb": f"approve:{made.pk}", f"amount-{made.pk}": "¥1,00.50"})
    made.refresh_from_db()
    assert (made.status, made.amount, made.handoff.answer) == ("approved", Decimal("100.50"), "approve_less")


@pytest.mark.parametrize("amount", ["0", "-1", "251", "NaN", "Infinity", "zehn", "1.001", "1e400"])
def test_an_amount_that_cannot_stand_is_declined_at_its_row_and_kept(world: World, log_in: LogIn, amount: str) -> None:
    made = waiting(world)
    got = log_in(world.supervisor).post(APPROVALS, {"verb": f"approve:{made.pk}", f"amount-{made.pk}": amount})
    (row,) = got.context["rows"]
    assert (got.status_code, row["amount"], bool(row["error"])) == (400, amount, True)
    assert statuses() == ["proposed"]


def test_a_row_that_fails_stops_no_other(world: World, log_in: LogIn) -> None:
    first, second = waiting(world), waiting(world)
    sent = {"decision": [first.pk, second.pk], "verb": "refuse", f"reason-{second.pk}": "证据不足，请补充"}
    got = log_in(world.supervisor).post(APPROVALS, sent)
    assert statuses() == ["proposed", "refused"]
    (row,) = got.context["rows"]
    assert (row["decision"].pk, row["chosen"], bool(row["error"])) == (first.pk, True, True)
    assert f"{second.case.refund_id}: refused" in got.content.decode()


def test_what_is_above_ones_own_limit_is_said_and_not_granted(world: World, log_in: LogIn) -> None:
    Limit.objects.filter(role="supervisor").update(amount=Decimal(200))
    made = waiting(world)
    browser = log_in(world.supervisor)
    assert "above your limit" in browser.get(APPROVALS).content.decode()
    got = browser.post(APPROVALS, {"verb": f"approve:{made.pk}"})
    assert "above your own limit" in got.content.decode()
    assert statuses() == ["proposed"]


def test_what_one_proposed_oneself_does_not_stand_there(world: World, log_in: LogIn) -> None:
    Limit.objects.filter(role="supervisor").update(amount=Decimal(10))
    case = factories.case(world.shop, path=3, amount=Decimal(250), total_fee=Decimal(250))
    made = decision.propose(case.pk, Proposal("full_refund", "同意退款"), by=world.supervisor, at=NOON)
    browser = log_in(world.supervisor)
    assert browser.get(APPROVALS).context["rows"] == []
    browser.post(APPROVALS, {"verb": f"approve:{made.pk}"})
    assert statuses() == ["proposed"]


def test_one_settled_twice_says_how_it_stands_now(world: World, log_in: LogIn) -> None:
    made, browser = waiting(world), log_in(world.supervisor)
    browser.post(APPROVALS, {"verb": f"approve:{made.pk}"})
    got = browser.post(APPROVALS, {"verb": f"approve:{made.pk}"})
    assert "It is now: approved." in got.content.decode()


def test_nothing_chosen_is_said(world: World, log_in: LogIn) -> None:
    waiting(world)
    got = log_in(world.supervisor).post(APPROVALS, {"verb": "approve"}, follow=True)
    assert "Choose at least one row." in got.content.decode()
