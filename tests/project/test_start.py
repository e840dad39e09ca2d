"""One command starts the whole desk, and nothing is left when it ends."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.request import urlopen

import pytest
from django.conf import settings

from tests.services import free_port

PATIENCE_SECONDS = 60


@pytest.fixture(scope="module")
def var(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("start")


def bare(var: Path) -> dict[str, str]:
    """An environment without any of the desk's variables but its folder."""
    kept = ("PATH", "HOME", "LANG", "TMPDIR")
    return {name: value for name, value in os.environ.items() if name in kept} | {"VAR_DIR": str(var)}


@contextmanager
def started(var: Path, port: int) -> Iterator["subprocess.Popen[str]"]:
    """The command with a bare environment, up to the moment it says where it is."""
    command = [sys.executable, "manage.py", "start", "--port", str(port)]
    with subprocess.Popen(  # noqa: S603
        command, cwd=settings.BASE_DIR, env=bare(var), text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True,
    ) as process:  # fmt: skip
        try:
            assert process.stdout is not None
            said = next((line for line in process.stdout if "refunddesk is at" in line), "")
            assert f"http://127.0.0.1:{port}" in said
            yield process
        finally:
            for pid in alive(var):
                os.kill(pid, signal.SIGKILL)


def alive(var: Path) -> list[int]:
    """Every process on this machine that was started with this folder, by its own environment."""
    mark, found = f"VAR_DIR={var}".encode(), []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if mark in (entry / "environ").read_bytes().split(b"\0"):
                found.append(int(entry.name))
        except OSError:
            continue
    return found


def children(var: Path, word: str) -> list[int]:
    return [pid for pid in alive(var) if word.encode() in Path(f"/proc/{pid}/cmdline").read_bytes()]


def ended(process: "subprocess.Popen[str]") -> tuple[int, str]:
    output, _errors = process.communicate(timeout=PATIENCE_SECONDS)
    return process.returncode, output


@pytest.mark.slow
def test_ctrl_c_stops_the_desk_and_leaves_no_process(var: Path) -> None:
    port = free_port()
    with started(var, port) as process:
        with urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5) as response:
            assert response.status == 200
        assert children(var, "celery")
        assert children(var, "gunicorn")
        process.send_signal(signal.SIGINT)
        status, output = ended(process)
        assert status == 0, output
        assert alive(var) == []


@pytest.mark.slow
def test_when_one_process_dies_the_rest_stops_too(var: Path) -> None:
    with started(var, free_port()) as process:
        os.kill(min(children(var, "celery")), signal.SIGKILL)
        status, output = ended(process)
        assert status == 1
        assert "The worker ended by itself" in output
        assert alive(var) == []


@pytest.mark.slow
def test_a_start_that_is_killed_hard_takes_its_processes_along(var: Path) -> None:
    with started(var, free_port()) as process:
        process.kill()
        until = time.monotonic() + PATIENCE_SECONDS
        while alive(var) and time.monotonic() < until:
            time.sleep(0.1)
        assert alive(var) == []


@pytest.mark.slow
def test_a_list_of_queues_that_was_cut_off_does_not_end_every_later_start(var: Path) -> None:
    """Worker and timetable declare at once; one that is killed between opening and writing leaves an empty list."""
    (var / "control").mkdir(exist_ok=True)
    cut_off = var / "control" / "celery.exchange"
    cut_off.write_bytes(b"")
    with started(var, free_port()) as process:
        assert json.loads(cut_off.read_bytes()), "declared before the worker and the timetable begin"
        process.send_signal(signal.SIGTERM)
        status, output = ended(process)
        assert status == 0, output


@pytest.mark.slow
def test_a_second_start_in_the_same_folder_is_refused(var: Path) -> None:
    with started(var, free_port()) as process:
        command = [sys.executable, "manage.py", "start", "--port", str(free_port())]
        second = subprocess.run(  # noqa: S603
            command, cwd=settings.BASE_DIR, env=bare(var),
            capture_output=True, text=True, check=False, timeout=PATIENCE_SECONDS,
        )  # fmt: skip
        assert second.returncode == 1
        assert "is running already" in second.stderr
        process.send_signal(signal.SIGTERM)
        status, output = ended(process)
        assert status == 0, output
