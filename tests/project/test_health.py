"""Whoever watches the desk learns whether it is up and whether it can keep its deadlines, and no more."""

from datetime import timedelta
from pathlib import Path

import pytest
import time_machine
from django.conf import LazySettings
from django.db import OperationalError
from django.db.migrations.recorder import MigrationRecorder
from django.test import Client
from django.utils import timezone

from handoffs.models import Tick
from refunddesk import health
from tests.factories import NOON


def swept(*, seconds_ago: int) -> None:
    Tick.objects.create(name="sweep", at=timezone.now() - timedelta(seconds=seconds_ago))


def test_the_process_is_up_without_asking_the_database(client: Client) -> None:
    response = client.get("/healthz")
    assert (response.status_code, response.json()) == (200, {"status": "ok"})
    assert "no-store" in response["Cache-Control"]


@pytest.mark.django_db
def test_a_desk_that_swept_lately_is_ready(client: Client) -> None:
    swept(seconds_ago=30)
    response = client.get("/readyz")
    assert response.status_code == 200
    assert set(response.json()) == {"status", "sweep_age_seconds"}
    assert 30 <= response.json()["sweep_age_seconds"] < 60


@pytest.mark.django_db
def test_a_desk_that_never_swept_is_not_ready(client: Client) -> None:
    response = client.get("/readyz")
    assert response.status_code == 503
    assert response.json() == {"status": "not ready", "reason": "there was no sweep yet"}


@pytest.mark.django_db
def test_a_desk_that_stopped_sweeping_is_not_ready(client: Client) -> None:
    swept(seconds_ago=121)
    response = client.get("/readyz")
    assert response.status_code == 503
    assert response.json()["reason"].startswith("the last sweep is 12")


@pytest.mark.django_db
@pytest.mark.parametrize(("ahead", "status"), [(20, 200), (60, 503), (3600, 503)])
def test_a_desk_whose_last_sweep_is_yet_to_come_is_not_ready(client: Client, ahead: int, status: int) -> None:
    with time_machine.travel(NOON, tick=False):
        swept(seconds_ago=-ahead)
        response = client.get("/readyz")
    assert response.status_code == status
    reason = f"the clock was put back: the last sweep is {ahead} seconds ahead of it"
    assert response.json().get("reason", reason) == reason


def test_a_desk_without_its_database_is_not_ready(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> None:
        raise OperationalError("connection to server at 10.0.0.5 failed: password of desk is wrong")

    monkeypatch.setattr(health.connection, "cursor", refuse)
    response = client.get("/readyz")
    assert response.status_code == 503
    assert response.json() == {"status": "not ready", "reason": "the database does not answer"}


@pytest.mark.django_db
def test_a_desk_without_redis_is_not_ready(client: Client, settings: LazySettings) -> None:
    swept(seconds_ago=1)
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    response = client.get("/readyz")
    assert response.status_code == 503
    assert response.json() == {"status": "not ready", "reason": "the broker does not answer"}


@pytest.mark.django_db
def test_a_desk_without_its_queue_folder_is_not_ready(client: Client, settings: LazySettings, tmp_path: Path) -> None:
    swept(seconds_ago=1)
    settings.REDIS_URL = ""
    settings.CELERY_BROKER_TRANSPORT_OPTIONS = {"data_folder_out": str(tmp_path / "gone")}
    assert client.get("/readyz").json()["reason"] == "the broker does not answer"


@pytest.mark.django_db
def test_a_desk_whose_database_lacks_a_migration_is_not_ready(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    swept(seconds_ago=1)
    monkeypatch.setattr(health, "_up_to_date", set())
    last = MigrationRecorder.Migration.objects.filter(app="handoffs").order_by("name").last()
    assert last is not None
    last.delete()
    assert client.get("/readyz").json()["reason"] == "the database is not up to date: run migrate"
    last.save()
    assert client.get("/readyz").status_code == 200


@pytest.mark.django_db
def test_a_database_that_a_newer_version_migrated_keeps_the_older_one_ready(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    swept(seconds_ago=1)
    monkeypatch.setattr(health, "_up_to_date", set())
    MigrationRecorder.Migration.objects.create(app="handoffs", name="9999_of_the_next_version")
    assert client.get("/readyz").status_code == 200


@pytest.mark.parametrize("address", ["/healthz", "/readyz"])
def test_watching_changes_nothing(client: Client, address: str) -> None:
    assert client.post(address).status_code == 405
