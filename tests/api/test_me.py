"""Who I am, the words I can send, and the schema of it all."""

import io

from django.core.management import call_command
from rest_framework.test import APIClient

from handoffs.api.urls import urlpatterns
from handoffs.models import ReplyTemplate
from tests import factories
from tests.api.conftest import Caller
from tests.factories import World


def test_me_names_roles_and_shops(world: World, call: Caller) -> None:
    shown = call(world.qc).get("/api/v1/me/").json()
    assert (shown["email"], shown["on_duty"]) == (world.qc.email, True)
    assert shown["roles"] == [
        {"shop": "jd", "role": "qc", "lead": True},
        {"shop": "tb", "role": "qc", "lead": True},
    ]


def test_templates_are_filled_as_far_as_the_case_goes_with_the_buyer_masked(world: World, call: Caller) -> None:
    case = factories.case(world.shop, path=2, buyer_nick="小熊")
    rows = call(world.support).get(f"/api/v1/templates/?case={case.pk}&language=zh-hans").json()["results"]
    left = next(row for row in rows if row["code"] == "parcel_left")
    assert "小*" in left["text"]
    assert not [row for row in rows if "小熊" in row["text"]]
    assert "ZTO0001" in left["text"]
    assert left["missing"] == []
    coupon = next(row for row in rows if "coupon" in row["missing"])
    assert "{coupon}" in coupon["text"]
    assert {row["language"] for row in rows} == {"zh-hans"}


def test_the_shops_own_template_goes_before_the_one_for_all(world: World, call: Caller) -> None:
    ReplyTemplate.objects.create(shop=world.shop, language="en", code="looking", title="Own", body="We look, {buyer}.")
    ReplyTemplate.objects.create(shop=world.other_shop, language="en", code="looking", title="Theirs", body="No.")
    case = factories.case(world.shop, buyer_nick="bear")
    rows = call(world.support).get(f"/api/v1/templates/?case={case.pk}&language=en").json()["results"]
    assert [(row["title"], row["text"]) for row in rows if row["code"] == "looking"] == [("Own", "We look, b**r.")]


def test_templates_want_a_case(world: World, call: Caller) -> None:
    answer = call(world.support).get("/api/v1/templates/")
    assert (answer.status_code, answer.json()["field"]) == (400, "case")
    assert call(world.support).get("/api/v1/templates/?case=99999").status_code == 404


def test_the_schema_is_complete_and_without_warnings(world: World, capsys: object) -> None:
    out = io.StringIO()
    call_command("spectacular", "--validate", "--fail-on-warn", "--format", "openapi-json", stdout=out)
    assert APIClient().get("/api/schema/?format=json").status_code == 401
    assert out.getvalue().count('"operationId"') >= len([pattern for pattern in urlpatterns if pattern.name])
