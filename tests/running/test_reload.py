"""A new version is put under a running web process: a reload takes its code and its settings, and drops no request."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path

import pytest

from tests.services import free_port

ROOT = Path(__file__).parents[2]
PATIENCE = 60.0
LINKED = ("accounts", "handoffs", "locale", "templates")


@pytest.fixture
def versions(tmp_path: Path) -> list[Path]:
    """Two versions of the desk that differ in a setting and in code."""
    made = []
    for name in ("one", "two"):
        folder = tmp_path / name
        shutil.copytree(ROOT / "refunddesk", folder / "refunddesk", ignore=shutil.ignore_patterns("__pycache__"))
        for each in LINKED:
            (folder / each).symlink_to(ROOT / each)
        with (folder / "refunddesk" / "settings.py").open("a") as settings:
            settings.write(f'\nALLOWED_HOSTS = ["{name}.example.com"]\n')
        code = folder / "refunddesk" / "health.py"
        code.write_text(code.read_text().replace('{"status": "ok"}', f'{{"status": "{name}"}}'))
        made.append(folder)
    return made


class Served:
    """Gunicorn as the unit starts it, on a link to the folder of a version."""

    def __init__(self, link: Path, scratch: Path) -> None:
        self.link, self.port, self.words = link, free_port(), scratch / "words"
        command = [str(Path(sys.executable).parent / "gunicorn"), "--config", str(link / "refunddesk" / "serving.py"),
                   "--bind", f"127.0.0.1:{self.port}", "--workers", "1"]  # fmt: skip
        around = {"PATH": os.environ["PATH"], "VAR_DIR": str(scratch / "var"), "LOG_FORMAT": "json"}
        with self.words.open("wb") as words:
            self.process = subprocess.Popen(command, cwd=link, env=around, stderr=words)  # noqa: S603

    def ask(self, host: str) -> tuple[int, str]:
        """The status a host gets, and what the code answers it."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        try:
            connection.request("GET", "/healthz", headers={"Host": host})
            answer = connection.getresponse()
            text = answer.read()
            return answer.status, json.loads(text)["status"] if answer.status == 200 else ""
        finally:
            connection.close()

    def up(self) -> None:
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until and self.process.poll() is None:
            try:
                self.ask("one.example.com")
            except ConnectionRefusedError:
                time.sleep(0.05)
            else:
                return
        raise AssertionError(self.words.read_text())


@pytest.fixture
def served(versions: list[Path], tmp_path: Path) -> Iterator[Served]:
    link = tmp_path / "refunddesk"
    link.symlink_to(versions[0])
    found = Served(link, tmp_path)
    found.up()
    yield found
    found.process.terminate()
    found.process.wait(PATIENCE)


@pytest.mark.slow
def test_a_reload_after_the_folder_was_switched_takes_new_code_and_new_settings(
    served: Served, versions: list[Path], tmp_path: Path
) -> None:
    assert [served.ask(f"{name}.example.com") for name in ("one", "two")] == [(200, "one"), (400, "")]
    (tmp_path / "next").symlink_to(versions[1])
    (tmp_path / "next").replace(served.link)
    served.process.send_signal(signal.SIGHUP)
    until = time.monotonic() + PATIENCE
    while (answer := served.ask("two.example.com"))[0] == 400:  # each gets its answer meanwhile
        assert time.monotonic() < until
    assert answer == (200, "two")
    said = [json.loads(line) for line in served.words.read_text().splitlines()]
    assert {"time", "level", "logger", "message"} <= set(said[0])
    assert any("Handling signal: hup" in line["message"] for line in said)
