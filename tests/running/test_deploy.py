"""What `deploy/` tells people to run is there and set up by settings that exist."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from configparser import RawConfigParser
from pathlib import Path
from typing import Any

import pytest
import yaml
from celery.bin.celery import celery
from click.testing import CliRunner
from django.core.management import get_commands
from gunicorn.app.wsgiapp import WSGIApplication

from refunddesk.celery import app
from tests.project.test_settings import VARIABLES

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
UNITS = sorted((DEPLOY / "systemd").glob("*.service"))
ANALYZE = shutil.which("systemd-analyze")
KNOWN = {*VARIABLES, "CREDENTIALS_KEY", "NOTIFY_HOSTS"}


def unit(path: Path) -> RawConfigParser:
    parser = RawConfigParser(strict=False, delimiters=("=",), comment_prefixes=("#",))
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read(path)
    return parser


def commands() -> Iterator[tuple[str, list[str]]]:
    """Every command of the desk in units, compose file and image, by where it stands."""
    for path in UNITS:
        words = shlex.split(unit(path)["Service"]["ExecStart"])
        start = next(number for number, word in enumerate(words) if word.startswith("/opt/refunddesk/"))
        yield path.name, [Path(words[start]).name, *words[start + 1 :]]
    for name, service in compose()["services"].items():
        if service.get("image") == "refunddesk":
            yield f"compose: {name}", _in_a_loop(service["command"])
    (last,) = re.findall(r"^CMD (\[.*\])$", (DEPLOY / "Dockerfile").read_text(), re.M)
    yield "Dockerfile", yaml.safe_load(last)


def _in_a_loop(words: list[str]) -> list[str]:
    """What a shell that does it again and again runs."""
    if words[:2] != ["sh", "-c"]:
        return words
    (told,) = re.findall(r"^while :; do (.*); sleep \d+; done$", words[2])
    return shlex.split(told)


def compose() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    return found


def test_units_containers_and_image_run_web_worker_beat_and_backup() -> None:
    found = {(words[0], words[2] if words[0] == "python" else words[-1]) for _where, words in commands()}
    assert {words[0] for _where, words in commands()} == {"gunicorn", "celery", "python"}
    assert {("python", "backup"), ("python", "migrate")} <= found
    assert sum("beat" in words for _where, words in commands()) == 2
    assert sum("backup" in words for _where, words in commands()) == 2
    assert compose()["services"]["beat"]["deploy"]["replicas"] == 1


@pytest.mark.parametrize(
    ("where", "words"), list(commands()), ids=lambda value: value if isinstance(value, str) else ""
)
def test_each_command_exists_with_its_options(where: str, words: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    assert (Path(sys.executable).parent / words[0]).exists()
    if words[0] == "python":
        assert words[1] == "manage.py"
        assert words[2] in get_commands()
    elif words[0] == "celery":
        told = CliRunner().invoke(celery, [*words[1:], "--help"], prog_name="celery")
        assert told.exit_code == 0, told.output
        assert app.main == "refunddesk"
    else:
        there = [word.replace("/opt/refunddesk", str(ROOT)) for word in words]
        monkeypatch.setattr(sys, "argv", there)
        monkeypatch.setattr(sys, "path", [*sys.path])
        served = WSGIApplication("%(prog)s [OPTIONS] [APP_MODULE]", prog="gunicorn")
        assert served.cfg.wsgi_app == "refunddesk.wsgi" == served.app_uri
        assert served.cfg.chdir == str(ROOT)
        assert (served.cfg.threads, served.cfg.workers, served.cfg.control_socket_disable) == (4, 4, True)


def test_each_variable_is_a_setting_and_none_that_is_required_is_missing() -> None:
    lines = (DEPLOY / "refunddesk.env.example").read_text().splitlines()
    named = {line.partition("=")[0] for line in lines if line and not line.startswith("#")}
    assert named - KNOWN == set()
    assert {"DATABASE_URL", "REDIS_URL", "SECRET_KEY", "CREDENTIALS_KEY", "ALLOWED_HOSTS"} <= named
    # A proxy stands in front, so the caller's address is what it says; and the monitor has its token.
    assert {"CLIENT_ADDRESS_HEADER=X-Real-IP", "METRICS_TOKEN=change-me"} <= set(lines)
    (line,) = re.findall(r"^ENV (.*)$", (DEPLOY / "Dockerfile").read_text(), re.M)
    assert {part.partition("=")[0] for part in line.split()} - KNOWN == {"PATH", "PYTHONUNBUFFERED"}


def test_units_read_their_variables_from_one_file_and_run_as_a_plain_user() -> None:
    for path in UNITS:
        service = unit(path)["Service"]
        assert (service["User"], service["EnvironmentFile"]) == ("refunddesk", "/etc/refunddesk.env"), path.name
        assert service["NoNewPrivileges"] == "yes"
    target = unit(DEPLOY / "systemd" / "refunddesk.target")["Unit"]["Wants"].split()
    there = {path.name for path in UNITS}
    assert {re.sub(r"@\d", "@", name) for name in target} <= there


@pytest.mark.skipif(ANALYZE is None, reason="a machine without systemd cannot judge its units")
def test_systemd_itself_takes_the_units(tmp_path: Path) -> None:
    for path in (DEPLOY / "systemd").iterdir():
        text = path.read_text().replace("/opt/refunddesk/.venv/bin", str(Path(sys.executable).parent))
        (tmp_path / path.name).write_text(text)
    names = [path.name.replace("@", "@1") for path in sorted(tmp_path.iterdir())]
    around, command = {**os.environ, "SYSTEMD_UNIT_PATH": f"{tmp_path}:"}, [str(ANALYZE), "verify", "--man=no", *names]
    told = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, env=around)  # noqa: S603
    assert "refunddesk" not in told.stderr, told.stderr


def test_two_timetables_on_one_machine_are_kept_apart_by_a_lock(tmp_path: Path) -> None:
    words = shlex.split(unit(DEPLOY / "systemd" / "refunddesk-beat.service")["Service"]["ExecStart"])
    lock = words[: next(number for number, word in enumerate(words) if word.endswith("/celery"))]
    lock = [str(tmp_path / "lock") if word.endswith(".lock") else word for word in lock]
    second = subprocess.run([*lock, *lock, "true"], check=False)  # noqa: S603
    assert second.returncode == 75
    assert subprocess.run([*lock, "true"], check=False).returncode == 0  # noqa: S603
    service = unit(DEPLOY / "systemd" / "refunddesk-beat.service")["Service"]
    assert service["RestartPreventExitStatus"] == "75"


def test_what_the_desk_writes_is_for_its_own_user_only() -> None:
    """systemd sets the mode of the folder anew with each start, so every unit that names it names the same one."""
    for path in UNITS:
        service = unit(path)["Service"]
        if "StateDirectory" in service:
            assert service.get("StateDirectoryMode") == "0700", path.name


def test_the_image_copies_what_is_there_and_runs_as_a_plain_user() -> None:
    text = (DEPLOY / "Dockerfile").read_text()
    copied = [words[0] for words in map(str.split, re.findall(r"^COPY (?!--from)(.*)$", text, re.M))]
    assert [name for name in copied if not (ROOT / name).exists()] == []
    allowed = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    assert set(copied) == allowed
    assert "\nUSER refunddesk\n" in text


def test_the_proxy_says_itself_who_calls_and_keeps_the_figures_in() -> None:
    text = re.sub(r"#.*", "", (DEPLOY / "nginx.conf").read_text())
    assert text.count("{") == text.count("}")
    for line in ("X-Forwarded-Proto $scheme", "X-Real-IP $remote_addr", "X-Request-ID $request_id", "Host $host"):
        assert f"proxy_set_header {line};" in text
    assert re.search(r"location = /metrics \{ return 404; \}", text)
    assert "$proxy_add_x_forwarded_for" not in text
    assert int(re.findall(r"client_max_body_size (\d+)m", text)[0]) > 200  # the largest file of applications


def test_containers_have_a_token_for_the_monitor_the_callers_address_and_backups() -> None:
    services = compose()["services"]
    of_the_desk = {name: service for name, service in services.items() if service.get("image") == "refunddesk"}
    assert of_the_desk.keys() == {"migrate", "web", "worker", "beat", "backup"}
    for name, service in of_the_desk.items():
        assert service["environment"]["METRICS_TOKEN"].startswith("${METRICS_TOKEN:?"), name
        assert service["environment"]["CLIENT_ADDRESS_HEADER"] == "${CLIENT_ADDRESS_HEADER:-X-Real-IP}", name
        assert service["environment"].keys() <= KNOWN, name
        assert "backups:/var/backups/refunddesk" in service["volumes"], name
    assert "sleep 21600;" in services["backup"]["command"][-1]
    (told,) = yaml.safe_load((DEPLOY / "prometheus.yml").read_text())["scrape_configs"]
    assert told["authorization"]["credentials_file"]
