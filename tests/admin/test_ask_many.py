"""Handing off many cases: one question, looked at first without changing anything, asked once, told row by row."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import DutyShift
from handoffs.flow import ask_many, handoff
from handoffs.flow.handoff import Question
from handoffs.flow.kinds import APPROVALS, KINDS
from handoffs.models import Case, Handoff
from tests import factories, snapshot
from tests.admin.conftest import LogIn
from tests.factories import NOON, World

ASK = reverse("admin:handoffs_ask_many")


def under_way(world: World, count: int = 3, **fields: Any) -> list[Case]:
    """Cases on path 2, each with a parcel of its own."""
    return [
        factories.case(world.shop, path=2, **{"outbound": [("中通快递", f"ZTO9{n}")], **fields}) for n in range(count)
    ]


def post(client: Client, cases: list[Case], **more: Any) -> Any:
    return client.post(ASK, {"case": [case.pk for case in cases], **more})


def asked(kind: str) -> list[Handoff]:
    return list(Handoff.objects.filter(kind=kind).order_by("case"))


def test_first_one_chooses_among_the_questions_of_the_own_lanes(world: World, log_in: LogIn) -> None:
    groups = post(log_in(world.support), under_way(world)).context["groups"]
    offered = {kind["code"]: kind["count"] for group in groups for kind in group["kinds"]}
    assert offered["recall_parcel"] == 3
    assert not set(offered) & {*APPROVALS, "inspect_return", "issue_certificate"}
    everything = post(log_in(world.manager), under_way(world, 1, outbound=[("中通快递", "Z8")])).context["groups"]
    assert {kind["code"] for group in everything for kind in group["kinds"]} == set(KINDS) - APPROVALS


def test_each_row_says_whom_it_reaches_and_by_when_before_anything_is_asked(world: World, log_in: LogIn) -> None:
    cases, client = under_way(world), log_in(world.support)
    before = snapshot.of_the_desk()
    rows = post(client, cases, kind="recall_parcel", note="买家不要了", step="preview").context["rows"]
    assert snapshot.of_the_desk() == before
    assert {row.to for row in rows} == {"Logistics (not seen in the last minutes)"}
    assert all(row.due and not row.problem for row in rows)


def test_what_is_foreseen_is_what_comes(world: World, log_in: LogIn) -> None:
    """For each question to each counterpart: whom the preview names and the time it gives are those of the handoff."""
    for code, kind in KINDS.items():
        if code in APPROVALS:
            continue
        case = factories.case(world.shop, path=4, outbound=[("圆通速递", f"Y{code}")], return_waybill=f"R{code}",
                              return_carrier="顺丰速运")  # fmt: skip
        question = Question(code, "请尽快处理这一单", difficult=code == "stop_parcel")
        (plan,) = ask_many.plan([Case.objects.get(pk=case.pk)], question, by=world.manager, at=NOON)
        if plan.problem:
            continue
        made = handoff.ask(case.pk, question, by=world.manager, at=NOON)
        assert (plan.to[0].user, plan.due_at, plan.parcel) == (made.assignee, made.due_at, made.parcel), kind.code


def test_sent_each_case_has_its_question_and_one_that_cannot_stops_no_other(world: World, log_in: LogIn) -> None:
    cases, client = under_way(world), log_in(world.support)
    handoff.ask(cases[1].pk, Question("recall_parcel"), by=world.support, at=NOON)
    Case.objects.filter(pk=cases[2].pk).update(status="closed")
    page = post(client, cases, kind="recall_parcel", note="买家不要了", step="send", once="a")
    assert [(row.done, bool(row.problem)) for row in page.context["rows"]] == [
        (True, False),
        (False, True),
        (False, True),
    ]
    assert [(row.case_id, row.note, row.asker) for row in asked("recall_parcel")] == [
        (cases[0].pk, "买家不要了", world.support), (cases[1].pk, "", world.support),
    ]  # fmt: skip
    assert "This question is already open on the case." in page.content.decode()
    assert "This case is closed." in page.content.decode()


def test_the_same_form_twice_asks_once(world: World, log_in: LogIn) -> None:
    cases, client = under_way(world), log_in(world.support)
    for _time in range(2):
        page = post(client, cases, kind="check_shipped", step="send", once="b")
    assert len(asked("check_shipped")) == 3
    assert "This was sent already." in page.content.decode()


def test_what_changed_after_the_preview_is_said_at_the_row(
    world: World, log_in: LogIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    cases, client = under_way(world, 2), log_in(world.support)
    whole = ask_many.plan

    def and_then_closed(*args: Any, **more: Any) -> Any:
        rows = whole(*args, **more)
        Case.objects.filter(pk=cases[0].pk).update(status="closed")
        return rows

    monkeypatch.setattr(ask_many, "plan", and_then_closed)
    rows = post(client, cases, kind="check_shipped", step="send", once="c").context["rows"]
    assert [row.problem for row in rows] == ["This case is closed.", ""]


def test_cases_on_one_waybill_share_a_question_and_its_deadline(world: World, log_in: LogIn) -> None:
    cases = under_way(world, 2, outbound=[("中通快递", "ZTO1")])
    rows = post(log_in(world.support), cases, kind="recall_parcel", step="preview").context["rows"]
    assert ["together" in row.due for row in rows] == [False, True]
    post(log_in(world.support), cases, kind="recall_parcel", step="send", once="d")
    first, second = asked("recall_parcel")
    assert (first.joined, second.joined) == (None, first)


def test_difficult_needs_its_reason_and_lengthens_the_deadline(world: World, log_in: LogIn) -> None:
    cases, client = under_way(world, 1), log_in(world.support)
    rows = post(client, cases, kind="check_shipped", difficult="1", step="send", once="e").context["rows"]
    assert rows[0].problem == "Say why it is difficult."
    post(client, cases, kind="check_shipped", difficult="1", difficult_reason="旺季", step="send", once="f")
    (made,) = asked("check_shipped")
    assert (made.difficult, (made.due_at - NOON).total_seconds()) == (True, 7200)


def test_a_question_for_two_sides_goes_to_both_or_to_the_chosen_one(world: World, log_in: LogIn) -> None:
    cases, client = under_way(world, 2), log_in(world.support)
    rows = post(client, cases[:1], kind="check_not_received", step="preview").context["rows"]
    assert rows[0].to.startswith("Logistics (") and "Warehouse (" in rows[0].to  # noqa: PT018  one line of the page
    post(client, cases[:1], kind="check_not_received", step="send", once="g")
    post(client, cases[1:], kind="check_not_received", to_role="warehouse", step="send", once="h")
    assert [(row.case_id, row.to_role) for row in asked("check_not_received")] == [
        (cases[0].pk, "logistics"), (cases[0].pk, "warehouse"), (cases[1].pk, "warehouse"),
    ]  # fmt: skip


def test_an_answer_after_the_marketplace_s_deadline_is_warned_of(world: World, log_in: LogIn) -> None:
    cases = under_way(world, 1, marketplace_deadline=NOON.replace(minute=20))
    DutyShift.objects.filter(user=world.logistics).delete()
    (row,) = post(log_in(world.support), cases, kind="recall_parcel", step="preview").context["rows"]
    assert row.warning == "Due after the marketplace's own deadline."
    assert row.to == "open queue of the role"


def test_cases_of_other_shops_are_left_out(world: World, log_in: LogIn) -> None:
    mine = factories.person("support", world.shop)
    cases = [*under_way(world, 1), factories.case(world.other_shop, path=2, outbound=[("中通快递", "Z7")])]
    page = post(log_in(mine), cases, kind="check_shipped", step="send", once="i")
    assert [row.case.pk for row in page.context["rows"]] == [cases[0].pk]
    assert len(asked("check_shipped")) == 1


@pytest.mark.parametrize("kind", ["approve_refund", "nonsense", ""])
def test_what_is_no_question_leads_to_the_choice(world: World, log_in: LogIn, kind: str) -> None:
    cases = under_way(world)
    before = snapshot.of_the_desk()
    page = post(log_in(world.support), cases, kind=kind, step="send", once="j")
    assert (page.status_code, "groups" in page.context) == (200, True)
    assert snapshot.of_the_desk() == before


@pytest.mark.parametrize("role", ["warehouse", "qc", "logistics"])
def test_counterparts_do_not_hand_off_many(world: World, log_in: LogIn, role: str) -> None:
    assert post(log_in(world.people[role]), under_way(world), kind="check_shipped", step="send").status_code == 403
    assert not asked("check_shipped")


# Back to where it was ticked ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("page", "where"), [("home", "/?late=yes&path=1"), ("cases", "/handoffs/case/?late=yes&path=1")]
)
def test_every_bulk_act_leads_back_to_the_same_filters(world: World, log_in: LogIn, page: str, where: str) -> None:
    client, carried = log_in(world.support), {"back": page, "query": "path=1&late=yes"}
    for name in ("handoffs_ask_many", "handoffs_take_many", "handoffs_respond_many"):
        assert client.post(reverse(f"admin:{name}"), carried)["Location"] == where
    case = factories.case(world.shop)
    shown = post(client, [case], kind="check_shipped", **carried)
    assert shown.context["back"] == where
    assert client.post(reverse("admin:handoffs_take_many"), {"case": case.pk, **carried})["Location"] == where


@pytest.mark.parametrize("carried", [{"back": "//evil.test"}, {"back": "home", "query": "x\r\ny: z"}, {}])
def test_a_way_back_that_is_none_leads_home(world: World, log_in: LogIn, carried: dict[str, str]) -> None:
    assert log_in(world.support).post(reverse("admin:handoffs_take_many"), carried)["Location"] == "/"
