"""Role × verb in the console: which page each role opens, which verb it may send; a refused one changes nothing."""

from copy import deepcopy
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pytest
from django.core.cache import cache
from django.db import transaction
from django.test import Client
from django.urls import NoReverseMatch, URLPattern, URLResolver, get_resolver, reverse
from django.utils import timezone

from accounts.models.people import Role
from handoffs.admin.site import desk
from handoffs.flow import batch, decision, handoff, owner
from handoffs.flow.handoff import Question
from handoffs.flow.proposal import Proposal
from handoffs.models import Case, Decision, Finding, ImportRun, RefundBatch, Retention
from tests import factories, once, photos, snapshot
from tests.factories import World
from tests.money.conftest import stopped

ROLES = tuple(Role.values)
DESK = {"support", "supervisor", "manager"}
APPROVING = {"supervisor", "manager"}
EVERYBODY = set(ROLES)
SETUP = ("shop", "carrier", "warehouse", "user", "membership", "contact", "dutyshift", "limit")
POLICY = ("clockpolicy", "policystep", "calendar", "calendarday", "reason", "replytemplate")


@dataclass
class Scene:
    """One case that every role can see, with a question to each and an approval that waits."""

    world: World
    case: Case
    asked: dict[str, int]
    waiting: Decision
    run: ImportRun
    batch: RefundBatch
    finding: Finding


@pytest.fixture
def scene(staged: Scene, db: None) -> Scene:
    return deepcopy(staged)


def _staged() -> Scene:
    world, now = factories.world(), timezone.now()
    money = {"amount": Decimal(250), "total_fee": Decimal(250)}
    case = factories.case(world.shop, path=2, at=now, return_waybill="YT0009", **money)
    kinds = {"warehouse": "check_shipped", "qc": "ask_quality", "logistics": "recall_parcel",
             "supervisor": "special_request"}  # fmt: skip
    asked = {role: handoff.ask(case.pk, Question(kind, note="请看"), by=world.support, at=now).pk
             for role, kind in kinds.items()}  # fmt: skip
    waiting = decision.propose(case.pk, Proposal("full_refund", "同意退款"), by=world.support, at=now)
    owner.put_back(case.pk, by=world.support, at=now)
    run = ImportRun.objects.create(shop=world.shop, file_name="f.csv", stored="/nowhere", as_of=now, started_at=now)
    planned = batch.plan([stopped(world).pk], by=world.support, at=now)
    finding = Finding.objects.create(shop=world.shop, refund_id="1", kind="missed", found_at=now, seen_at=now)
    return Scene(world, case, asked, waiting, run, planned, finding)


staged = once.a_file(_staged)


def as_(scene: Scene, role: str) -> Client:
    client = Client(raise_request_exception=True)
    client.force_login(scene.world.people[role], backend="accounts.backends.RoleBackend")
    return client


PAGES: list[tuple[str, Any, set[str]]] = [
    ("index", (), EVERYBODY),
    ("handoffs_case_changelist", (), EVERYBODY),
    ("handoffs_case_change", "case", EVERYBODY),
    ("handoffs_questions", (), EVERYBODY),
    ("handoffs_views", (), EVERYBODY),
    ("handoffs_playbook", (), EVERYBODY),
    ("handoffs_first_run", (), {"manager"}),
    ("handoffs_guide", "guide", EVERYBODY),
    ("handoffs_bell", (), EVERYBODY),
    ("handoffs_myself", (), EVERYBODY),
    ("handoffs_second_factor", (), EVERYBODY),
    ("handoffs_token", (), EVERYBODY),
    ("handoffs_audit", (), {"manager"}),
    ("handoffs_audit_csv", (), {"manager"}),
    ("handoffs_second_factors", (), {"manager"}),
    ("handoffs_approvals", (), APPROVING),
    ("handoffs_board", (), APPROVING),
    ("handoffs_rejected", (), APPROVING),
    ("handoffs_reports", (), APPROVING),
    ("handoffs_reports_xlsx", (), APPROVING),
    ("handoffs_import", (), DESK),
    ("handoffs_import_run", "run", DESK),
    ("handoffs_import_progress", "run", DESK),
    ("handoffs_batches", (), DESK),
    ("handoffs_batch", "batch", DESK),
    ("handoffs_batch_rows", "batch", DESK),
    ("handoffs_unsettled", (), DESK),
    ("handoffs_scan", (), {"warehouse", "qc", "manager"}),
    ("handoffs_stops", (), DESK | {"warehouse", "logistics"}),
    ("handoffs_orphans", (), DESK | {"warehouse"}),
    ("handoffs_exposure", (), DESK),
    ("handoffs_claims", (), DESK | {"logistics"}),
    ("handoffs_claims_month", (), DESK | {"logistics"}),
    ("handoffs_connections", (), APPROVING),
    ("handoffs_connection", "shop", {"manager"}),
    ("handoffs_retention_change", "retention", APPROVING),
    ("handoffs_erase", (), {"manager"}),
    *((f"accounts_{model}_changelist", (), APPROVING) for model in SETUP),
    *((f"handoffs_{model}_changelist", (), APPROVING) for model in POLICY),
    *((f"accounts_{model}_add", (), {"manager"}) for model in SETUP),
    *((f"handoffs_{model}_add", (), {"manager"}) for model in POLICY),
]
DIALOGS = {
    "respond": DESK, "recall_parcel": DESK, "inspect_return": {"manager", "warehouse"}, "full_refund": DESK,
    "refuse": DESK,
    "carry_out": DESK, "waive_goods": APPROVING, "note": DESK, "agree_return": DESK,
}  # fmt: skip


def address(scene: Scene, name: str, what: Any) -> str:
    ids = {"case": scene.case.pk, "run": scene.run.pk, "batch": scene.batch.pk, "shop": scene.world.shop.pk,
           "guide": "qc", "retention": Retention.objects.get_or_create(pk=1)[0].pk}  # fmt: skip
    return reverse(f"admin:{name}", args=[ids[what]] if what else [])


@pytest.mark.parametrize("role", ROLES)
def test_each_page_opens_for_its_roles_and_for_nobody_else_and_changes_nothing(scene: Scene, role: str) -> None:
    client = as_(scene, role)
    client.get(address(scene, *PAGES[0][:2]))
    pages = [(name, address(scene, name, what), allowed) for name, what, allowed in PAGES]
    before = snapshot.of_the_desk()
    for name, where, allowed in pages:
        got = client.get(where).status_code
        assert got == 200 if role in allowed else got in (403, 404), (name, role, got)
    assert snapshot.of_the_desk() == before


@pytest.mark.parametrize("role", ROLES)
def test_each_dialog_opens_for_its_roles_and_opening_it_changes_nothing(scene: Scene, role: str) -> None:
    client, before = as_(scene, role), snapshot.of_the_desk()
    for code, allowed in DIALOGS.items():
        got = client.get(reverse("admin:handoffs_dialog", args=[scene.case.pk, code])).status_code
        assert got == 200 if role in allowed else got == 403, (code, role, got)
    assert snapshot.of_the_desk() == before


def verbs(scene: Scene) -> list[tuple[str, str, dict[str, Any], set[str]]]:
    """(name, address, body that would do, who may). Every body is good, so a refusal is for the role alone."""
    case, asked = scene.case.pk, scene.asked
    dialog = lambda code: reverse("admin:handoffs_dialog", args=[case, code])  # noqa: E731
    verb = lambda code: reverse("admin:handoffs_verb", args=[case, code])  # noqa: E731
    answer = lambda role: reverse("admin:handoffs_handoff_page", args=[asked[role]])  # noqa: E731
    act = lambda role, code: reverse("admin:handoffs_handoff_act", args=[asked[role], code])  # noqa: E731
    pk, ticked = scene.waiting.pk, list(scene.batch.rows.values_list("pk", flat=True))
    return [
        ("respond", dialog("respond"), {"message": "您好，正在为您核实", "channel": "chat"}, DESK),
        ("ask", dialog("trace_delivery"), {"note": "请查"}, DESK),
        ("decide", dialog("compensation"), {"amount": "5", "reason": "商品瑕疵补偿"}, DESK),
        ("note", dialog("note"), {"text": "看过了"}, DESK),
        ("waive", dialog("waive_goods"), {"reason": "金额太小，不再追回"}, APPROVING),
        ("claim case", verb("claim"), {}, DESK),
        ("reveal", verb("reveal"), {}, DESK),
        ("withdraw decision", verb("withdraw_decision"), {"decision": pk}, DESK),
        ("approve", reverse("admin:handoffs_approvals"), {"decision": pk, "verb": "approve"}, APPROVING),
        ("answer logistics", answer("logistics"), {"answer": "cannot"}, {"logistics", "manager"}),
        ("answer qc", answer("qc"), {"answer": "yes"}, {"qc", "manager"}),
        ("claim logistics", act("logistics", "claim"), {}, {"logistics", "manager"}),
        ("return qc", act("qc", "return"), {"reason": "看不清照片"}, {"qc", "manager"}),
        ("withdraw qc", act("qc", "withdraw"), {}, {*DESK, "qc"}),
        ("resend", reverse("admin:handoffs_resend"), {"mail": "1"}, APPROVING),
        ("start import", reverse("admin:handoffs_import_run", args=[scene.run.pk]), {}, DESK),
        ("add reason", reverse("admin:handoffs_reason_add"), {"marketplace": "jd", "text": "新原因", "refusable": "on"},
         {"manager"}),
        ("add limit", reverse("admin:accounts_limit_add"), {"role": "support", "kind": "compensation", "amount": "9"},
         {"manager"}),
        ("plan batch", reverse("admin:handoffs_batches"), {}, DESK),
        ("confirm batch", reverse("admin:handoffs_batch", args=[scene.batch.pk]),
         {"verb": "confirm", "typed": "50.00", "reason": "批量退款", "row": ticked}, DESK),
        ("settle finding", reverse("admin:handoffs_unsettled"),
         {"verb": "settle", "finding": scene.finding.pk, "reason": "已经核对"}, DESK),
        ("connect", reverse("admin:handoffs_connection", args=[scene.world.shop.pk]),
         {"app_key": "1", "secret": "s", "gateway": "http://127.0.0.1:9/", "active": "on"}, {"manager"}),
        ("keep photo", reverse("admin:handoffs_scan_photo"), {"file": photos.file()}, {"warehouse", "manager"}),
        ("add warehouse", reverse("admin:accounts_warehouse_add"), {"code": "w9", "name": "W9"}, {"manager"}),
        ("ask many", reverse("admin:handoffs_ask_many"),
         {"case": case, "kind": "trace_delivery", "note": "请查", "step": "send", "once": "a"}, DESK),
        ("offer a view", reverse("admin:handoffs_views"),
         {"verb": "save", "page": "home", "query": "path=1", "name": "Path 1", "role": "qc"}, APPROVING),
    ]  # fmt: skip


@pytest.mark.parametrize("role", ROLES)
def test_a_refused_verb_changed_nothing(scene: Scene, role: str) -> None:
    client, before = as_(scene, role), snapshot.of_the_desk()
    for name, where, body, allowed in verbs(scene):
        if role in allowed:
            continue
        got = client.post(where, body).status_code
        assert got in (403, 404), (name, role, got)
        assert snapshot.of_the_desk() == before, (name, role)


def test_an_allowed_verb_does_something(scene: Scene) -> None:
    """Each verb by one who may, on the same scene, which is put back after it."""
    for name, where, body, allowed in verbs(scene):
        role = sorted(allowed - {"qc"} if name == "withdraw qc" else allowed)[0]
        if name in ("resend", "start import"):
            continue
        if name == "approve":
            role = "supervisor"
        point = transaction.savepoint()
        before = snapshot.of_the_desk()
        got = as_(scene, role).post(where, body)
        assert got.status_code in (200, 201, 302), (name, role, got.status_code)
        assert snapshot.of_the_desk() != before, (name, role)
        transaction.savepoint_rollback(point)
        cache.clear()


@pytest.mark.slow
@pytest.mark.parametrize("role", ROLES)
def test_a_get_of_any_address_changes_nothing(scene: Scene, role: str) -> None:
    client = as_(scene, role)
    client.get(reverse("admin:index"))
    before = snapshot.of_the_desk()
    ids = {
        "case_id": scene.case.pk, "handoff_id": scene.asked["qc"], "run_id": scene.run.pk, "code": "claim",
        "batch_id": scene.batch.pk, "shop_id": scene.world.shop.pk,
        "object_id": scene.case.pk, "attachment_id": 1, "app_label": "handoffs", "content_type_id": 1, "url": "x",
    }  # fmt: skip
    for pattern in desk.urls[0]:
        for found in _leaves(pattern):
            names = found.pattern.converters
            if found.name in (None, "logout") or not set(names) <= set(ids):
                continue
            try:
                where = reverse(f"admin:{found.name}", kwargs={name: ids[name] for name in names})
            except NoReverseMatch:  # the few addresses that are patterns of text, not of names
                continue
            got = client.get(where)
            b"".join(got.streaming_content if got.streaming else ())  # a file is closed once it is read
    assert snapshot.of_the_desk() == before


def _leaves(pattern: Any) -> list[URLPattern]:
    if isinstance(pattern, URLResolver):
        return [leaf for each in pattern.url_patterns for leaf in _leaves(each)]
    return [pattern]


def test_a_stranger_sees_the_login_and_nothing_else(scene: Scene) -> None:
    for name, what, _allowed in PAGES:
        got = Client().get(address(scene, name, what))
        assert (got.status_code, got["Location"].startswith("/login/")) == (302, True), name


@pytest.mark.parametrize("role", sorted(DESK))
def test_a_colleague_of_another_shop_does_not_see_the_case(scene: Scene, role: str) -> None:
    stranger = factories.person(role, scene.world.other_shop)
    client = Client()
    client.force_login(stranger, backend="accounts.backends.RoleBackend")
    for where in (address(scene, "handoffs_case_change", "case"),
                  reverse("admin:handoffs_dialog", args=[scene.case.pk, "respond"]),
                  reverse("admin:handoffs_handoff_page", args=[scene.asked["qc"]])):  # fmt: skip
        assert client.get(where).status_code == 404


def test_evidence_is_served_only_to_those_who_may_see_the_case(scene: Scene) -> None:
    photo = photos.uploaded(scene.world.qc, at=timezone.now())
    where = reverse("admin:handoffs_attachment", args=[photo.pk])
    assert as_(scene, "support").get(where).status_code == 404
    photo.case = scene.case
    photo.save()
    got = as_(scene, "support").get(where)
    assert (got.status_code, got["X-Content-Type-Options"]) == (200, "nosniff")
    assert b"".join(got.streaming_content) == photos.png()  # type: ignore[attr-defined]
    stranger = factories.person("support", scene.world.other_shop)
    client = Client()
    client.force_login(stranger, backend="accounts.backends.RoleBackend")
    assert client.get(where).status_code == 404


def test_evidence_whose_file_is_gone_is_missed_with_words(scene: Scene) -> None:
    photo = photos.uploaded(scene.world.qc, at=timezone.now())
    photo.file.storage.delete(photo.file.name)
    got = as_(scene, "qc").get(reverse("admin:handoffs_attachment", args=[photo.pk]))
    assert (got.status_code, "The file is not there" in got.content.decode()) == (404, True)


def test_nobody_edits_the_own_limit(scene: Scene) -> None:
    from accounts.models import Limit

    own = Limit.objects.get(role="manager")
    client = as_(scene, "manager")
    client.post(reverse("admin:accounts_limit_change", args=[own.pk]), {"role": "manager", "amount": "1"})
    client.post(reverse("admin:accounts_limit_add"), {"user": scene.world.manager.pk, "amount": "1"})
    own.refresh_from_db()
    assert own.amount is None
    assert not Limit.objects.filter(user=scene.world.manager).exists()


def test_amounts_and_buyers_stay_with_the_desk(scene: Scene) -> None:
    Case.objects.filter(pk=scene.case.pk).update(buyer_nick="the-buyer-42")
    for role in sorted(EVERYBODY - DESK):
        page = as_(scene, role).get(address(scene, "handoffs_case_change", "case")).content.decode()
        assert "250.00" not in page, role
        assert "the-buyer-42" not in page, role
        assert "同意退款" not in page, role


def test_the_resolver_knows_the_console_at_the_root() -> None:
    assert get_resolver().resolve("/").view_name == "admin:index"
