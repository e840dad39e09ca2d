"""The guides: one for each role, in both languages, with pictures that are there and small."""

from pathlib import Path

import pytest
from django.contrib.staticfiles import finders
from django.urls import reverse
from PIL import Image

from accounts.models import User
from accounts.models.people import Role
from handoffs import permissions
from handoffs.admin.guide import LANGUAGES, file_of
from handoffs.admin.guide_words import GUIDES, Picture
from tests import pictures
from tests.admin.conftest import LogIn
from tests.factories import World

PICTURES = [picture for guide in GUIDES.values() for picture in guide.pictures]


def test_every_role_has_a_guide_of_one_screen() -> None:
    assert set(GUIDES) == set(Role.values)
    for guide in GUIDES.values():
        assert len(guide.points) == 5
        assert len(guide.pictures) == 2
        assert all(len(str(point.text)) < 200 for point in guide.points)


@pytest.mark.parametrize("picture", PICTURES, ids=lambda picture: picture.name)
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_picture_is_there_in_both_languages_and_small(picture: Picture, language: str) -> None:
    found = finders.find(file_of(picture, language))
    assert isinstance(found, str)
    assert Path(found).stat().st_size <= pictures.MOST_BYTES
    with Image.open(found) as image:
        assert image.format == "PNG"
        assert (image.height > image.width) == picture.tall


def test_no_picture_lies_about_that_no_guide_shows() -> None:
    shown = {Path(file_of(picture, language)).name for picture in PICTURES for language in LANGUAGES}
    assert {path.name for path in pictures.FOLDER.iterdir()} == shown
    assert {shot.name for shot in pictures.SHOTS} == {picture.name for picture in PICTURES}


def test_each_reads_the_own_guide_first_in_the_own_language(world: World, log_in: LogIn) -> None:
    for role in Role.values:
        client = log_in(world.people[role])
        answer = client.get(reverse("admin:handoffs_own_guide"), follow=True)
        assert answer.context["guide"].role == role
        assert f'{answer.context["guide"].pictures[0].name}.en.png"' in answer.content.decode()
    User.objects.update(language="zh-hans")
    text = log_in(world.qc).get(reverse("admin:handoffs_guide", args=["qc"])).content.decode()
    assert "qc-queue.zh-hans.png" in text
    assert ".en.png" not in text


@pytest.mark.slow
def test_points_link_only_to_pages_that_open_for_the_reader(world: World, log_in: LogIn) -> None:
    for reader in Role.values:
        client, places = log_in(world.people[reader]), set[str]()
        for role in Role.values:
            answer = client.get(reverse("admin:handoffs_guide", args=[role]))
            places |= {place for _point, place in answer.context["points"] if place}
        for place in places:
            assert client.get(reverse(f"admin:{place}")).status_code == 200, (reader, place)


def test_verbs_of_the_points_exist() -> None:
    assert {point.verb for guide in GUIDES.values() for point in guide.points} <= {"", *permissions.VERBS}


def test_an_unknown_role_has_no_guide(world: World, log_in: LogIn) -> None:
    assert log_in(world.support).get(reverse("admin:handoffs_guide", args=["cook"])).status_code == 404


def test_every_page_leads_to_the_guide(world: World, log_in: LogIn) -> None:
    client = log_in(world.manager)
    for place in ("index", "handoffs_playbook", "accounts_shop_changelist", "accounts_shop_add"):
        assert 'href="/guide/"' in client.get(reverse(f"admin:{place}")).content.decode(), place
