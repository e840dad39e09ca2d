"""Every alert asks for figures that there are, by labels and values that there are, and says why."""

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import time_machine
import yaml
from django.conf import LazySettings
from django.core.management import call_command
from django.test import Client
from prometheus_client.parser import text_string_to_metric_families

from handoffs import backup, figures
from handoffs.models import Connection
from refunddesk.celery import app
from tests import factories
from tests.factories import NOON

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
PROMTOOL = shutil.which("promtool")
SERIES = re.compile(r"(refunddesk_\w+)(?:\{([^}]*)\})?")
# What Prometheus puts there itself, so that a figure's own would go by another name.
PROMETHEUS_OWN = {"job", "instance"}


def alerts() -> list[dict[str, Any]]:
    (group,) = yaml.safe_load((DEPLOY / "alerts.yml").read_text())["groups"]
    found: list[dict[str, Any]] = group["rules"]
    return found


@pytest.fixture
def given(client: Client, db: None, settings: LazySettings, tmp_path: Path, monkeypatch: Any) -> Iterator[str]:
    """The page of figures of a desk whose timetable has run once, and a backup with it."""
    settings.VAR_DIR, settings.ATTACHMENT_DIR = tmp_path, tmp_path / "attachments"
    settings.ATTACHMENT_DIR.mkdir()
    app.loader.import_default_modules()
    monkeypatch.setattr(backup, "_dump", lambda file: {file.name: file.write_bytes(b"")})
    with time_machine.travel(NOON, tick=False):
        world = factories.world()
        for entry in app.conf.beat_schedule.values():
            app.tasks[entry["task"]].apply(throw=True)
        call_command("backup", tmp_path / "backups", verbosity=0)
        Connection.objects.create(shop=world.shop, app_key="12345", sealed_secret="sealed")
        yield client.get("/metrics").content.decode()


def series(text: str) -> dict[str, list[dict[str, str]]]:
    """Every figure with the labels of each of its values."""
    found: dict[str, list[dict[str, str]]] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            found.setdefault(sample.name, []).append(sample.labels)
    return found


def test_each_alert_asks_for_what_is_given_and_says_why(given: str) -> None:
    there = series(given)
    assert len(alerts()) == len({alert["alert"] for alert in alerts()}) >= 25
    for alert in alerts():
        asked = SERIES.findall(alert["expr"])
        assert asked or alert["expr"].startswith('up{job="refunddesk"}')
        for name, text in asked:
            wanted = dict(re.findall(r'(\w+)="([^"]*)"', text))
            assert any(wanted.items() <= labels.items() for labels in there.get(name, [])), (alert["alert"], name, text)
        assert alert["labels"]["severity"] in ("page", "ticket")
        assert len(alert["annotations"]["why"]) > 30


def test_labels_an_alert_sums_by_are_given_too(given: str) -> None:
    there = series(given)
    for alert in alerts():
        for names, figure in re.findall(r"by \(([\w, ]+)\) \((refunddesk_\w+)", alert["expr"]):
            assert set(names.split(", ")) <= there[figure][0].keys(), alert["alert"]


def test_no_figure_has_a_label_that_prometheus_has_itself(given: str) -> None:
    names = {label for each in series(given).values() for labels in each for label in labels}
    assert {"task", "queue", "role"} <= names
    assert names & PROMETHEUS_OWN == set()
    assert [figure.name for figure in figures.read(at=NOON) if PROMETHEUS_OWN & set(figure.labels)] == []


def test_the_page_about_running_names_every_figure_with_its_labels_and_no_other(given: str) -> None:
    there = {name.removeprefix("refunddesk_"): ",".join(labels[0]) for name, labels in series(given).items()}
    text = (ROOT / "docs" / "operations.md").read_text()
    table = text[text.index("| figure (") : text.index("has the alerts worth having")]
    named = re.sub(r"\|[^|\n]*\|$", "|", table, flags=re.M)
    told = dict(re.findall(r"`([a-z]+(?:_[a-z]+)*)(?:\{([a-z,]+)\})?`", named))
    assert told == there


@pytest.mark.skipif(PROMTOOL is None, reason="a machine without Prometheus cannot judge its rules")
def test_prometheus_itself_takes_rules_and_configuration() -> None:
    for kind, name in (("rules", "alerts.yml"), ("config", "prometheus.yml")):
        command = [str(PROMTOOL), "check", kind, *(["--syntax-only"] if kind == "config" else []), name]
        told = subprocess.run(command, cwd=DEPLOY, capture_output=True, text=True, check=False)  # noqa: S603
        assert told.returncode == 0, told.stderr
