"""What somebody sees who goes where there is nothing, may not go, or meets a fault: a sentence and a way back."""

import pytest
from django.test import Client
from django.urls import reverse

from handoffs.admin import home
from tests.admin.conftest import LogIn
from tests.factories import World


@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_each_says_what_is_the_matter_and_leads_back(
    world: World, log_in: LogIn, language: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.warehouse.language = language
    world.warehouse.save()
    browser = log_in(world.warehouse)
    browser.raise_request_exception = False
    words = {404: ("nothing here for you", "没有可供你查看"), 403: ("role does not do this", "角色没有此权限"),
             500: ("fault of the desk", "系统自身出错")}  # fmt: skip

    def fail(*_args: object, **_values: object) -> None:
        raise RuntimeError("on purpose")

    pages = {404: "/nowhere/", 403: reverse("admin:handoffs_board"), 500: "/"}
    for status, address in pages.items():
        if status == 500:
            monkeypatch.setattr(home, "home", fail)
        page = browser.get(address)
        assert page.status_code == status
        assert words[status][language == "zh-hans"] in page.content.decode()
        assert 'href="/"' in page.content.decode()


def test_a_stranger_gets_no_page_of_the_desk(world: World) -> None:
    assert Client().get("/nowhere/").status_code in (302, 404)
