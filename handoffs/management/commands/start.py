"""The whole desk on one machine with one command: web server, worker and timetable, and nothing left when it ends."""

import ctypes
import fcntl
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from argparse import ArgumentParser
from contextlib import suppress
from io import StringIO
from pathlib import Path
from typing import IO, Any
from urllib.error import URLError
from urllib.request import urlopen

from celery import current_app
from django.conf import settings
from django.core.management import call_command, get_commands
from django.core.management.base import BaseCommand, CommandError

from accounts.models import Shop

Children = dict[str, subprocess.Popen[bytes]]
LOOK_SECONDS = 0.2
START_SECONDS = 60
STOP_SECONDS = 15
# The worker takes no pickled messages, which is what its warning about root is about.
QUIET = "ignore:You're running the worker with superuser privileges"
DIE_WITH_PARENT = 1  # PR_SET_PDEATHSIG


class Command(BaseCommand):
    help = (
        "Starts the whole desk on this machine: brings the database up to date, then web server, worker and timetable."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--port", type=int, default=8000, help="where the console answers (default: 8000)")
        parser.add_argument(
            "--demo", action="store_true", help="fill an empty database with the demo shop, print logins"
        )

    def handle(self, *_args: Any, port: int, demo: bool, **_options: Any) -> None:
        stopped = _stop_on_signals()
        _require_free(port)
        with _only_one():
            self.prepare(demo=demo)
            ended = self.keep_running(port, stopped)
        if ended:
            raise CommandError(f"The {ended} ended by itself, so the rest was stopped. Its own words stand above.")
        self.say("refunddesk has stopped")

    def prepare(self, *, demo: bool) -> None:
        """Database up to date; with `demo` the demo shop where there is no shop, else its logins once more.

        What came due while nothing ran is done before anybody can look.
        """
        call_command("migrate", verbosity=0)
        _lay_out_the_queue()
        if demo:
            self.demo()
        call_command("sweep", stdout=StringIO())

    def demo(self) -> None:
        if "demo" not in get_commands():
            return
        options = ["--logins"] if Shop.objects.exists() else []
        try:
            call_command("demo", *options, stdout=self.stdout, stderr=self.stderr)
        except CommandError as reason:
            # A shop of somebody's own has no demo logins to print, and starts all the same.
            if not options:
                raise
            self.say(str(reason))

    def keep_running(self, port: int, stopped: threading.Event) -> str:
        """Until told to stop (answers nothing) or a child ends by itself (answers its name); then no child is left."""
        address, children = f"http://127.0.0.1:{port}", Children()
        try:
            for name, command in _commands(port).items():
                children[name] = _child(command, address)
            if _answers(f"{address}/healthz", children, stopped):
                self.say(f"refunddesk is at {address} (Ctrl-C stops it)")
            return _first_to_end(children, stopped)
        finally:
            _stop(children)

    def say(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()


def _lay_out_the_queue() -> None:
    """Declare the task queue in its folder while nobody else does.

    The folder transport writes a list of queues in two steps: two processes that start at once can meet between them,
    and one that is killed there leaves an empty list, on which every later start would end.
    """
    if not settings.CELERY_BROKER_URL.startswith("filesystem:"):
        return
    for known in Path(settings.CELERY_BROKER_TRANSPORT_OPTIONS["control_folder"]).glob("*.exchange"):
        try:
            json.loads(known.read_bytes())
        except ValueError:
            known.unlink()
    with current_app.connection_for_write() as connection:
        current_app.amqp.queues[current_app.conf.task_default_queue].bind(connection.default_channel).declare()


def _commands(port: int) -> dict[str, list[str]]:
    # Two threads, so that a long import does not hold up the sweep.
    worker = ["celery", "--app", "refunddesk", "--quiet", "worker", "--beat", "--pool", "threads", "--concurrency", "2",
              "--loglevel", "WARNING"]  # fmt: skip
    web = ["gunicorn", "refunddesk.wsgi", "--bind", f"127.0.0.1:{port}", "--threads", "4", "--no-control-socket",
           "--graceful-timeout", "5", "--log-level", "warning"]  # fmt: skip
    return {"worker": worker, "web server": web}


def _stop_on_signals() -> threading.Event:
    """An event that Ctrl-C, a closed terminal or a polite kill sets."""
    stopped = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: stopped.set())
    return stopped


def _require_free(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except (OSError, OverflowError) as error:
            raise CommandError(f"Port {port} cannot be used: {error}. Choose another: PORT=8001 make run") from error


def _only_one() -> IO[str]:
    """A lock held while open: two timetables over one folder would disturb each other."""
    file = (settings.VAR_DIR / "start.lock").open("w")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        file.close()
        raise CommandError(f"The desk in {settings.VAR_DIR} is running already.") from error
    return file


def _child(command: list[str], address: str) -> subprocess.Popen[bytes]:
    """A child in a session of its own, so that Ctrl-C reaches only us and we end it in order."""
    environment = {**os.environ, "PYTHONWARNINGS": os.environ.get("PYTHONWARNINGS", QUIET)}
    if not settings.PRODUCTION:
        environment.setdefault("BASE_URL", address)
    return subprocess.Popen(  # noqa: S603
        [sys.executable, "-m", *command],
        cwd=settings.BASE_DIR,
        env=environment,
        start_new_session=True,
        preexec_fn=_die_with_parent,
    )


def _die_with_parent() -> None:
    # Even a start that is killed hard, and so can stop nobody, leaves no child behind.
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(DIE_WITH_PARENT, signal.SIGTERM)


def _answers(url: str, children: Children, stopped: threading.Event) -> bool:
    """Wait until the console answers; False when a child ended, we are to stop, or it took too long."""
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until and not stopped.wait(LOOK_SECONDS):
        if any(child.poll() is not None for child in children.values()):
            return False
        try:
            with urlopen(url, timeout=5):  # noqa: S310
                return True
        except URLError:
            continue
    return False


def _first_to_end(children: Children, stopped: threading.Event) -> str:
    """Wait for the order to stop (then the answer is empty) or for a child that ends by itself (its name)."""
    while not stopped.wait(LOOK_SECONDS):
        for name, child in children.items():
            if child.poll() is not None:
                return name
    return ""


def _stop(children: Children) -> None:
    """Ask every child's whole session to end, then make sure of it."""
    for child in children.values():
        _signal(child, signal.SIGTERM)
    until = time.monotonic() + STOP_SECONDS
    for child in children.values():
        with suppress(subprocess.TimeoutExpired):
            child.wait(max(0, until - time.monotonic()))
        _signal(child, signal.SIGKILL)
        child.wait()


def _signal(child: subprocess.Popen[bytes], number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.killpg(child.pid, number)
