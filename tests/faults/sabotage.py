"""Runs an act of the desk in a process of its own and does it harm: `python -m tests.faults.sabotage ACT [HARM …]`.

The product knows nothing of this. A harm either kills the process with -9 at a certain place, or takes a guard away.
"""

import json
import os
import signal
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import django


def main(act: str, *harms: str) -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "refunddesk.settings")
    django.setup()
    harm(harms)
    print(json.dumps(ACTS[act](), default=str))  # noqa: T201


def harm(harms: Iterable[str]) -> None:
    """Do these to this process: a name, or a name and a value behind `=`."""
    for each in harms:
        name, _colon, value = each.partition("=")
        HARMS[name](value)


def now() -> datetime:
    return datetime.fromisoformat(os.environ["AT"])


def _sweep() -> Any:
    from handoffs import sweep

    done = sweep.run(at=now())
    sweep.tick(done, at=now())
    return done


def _deliver() -> Any:
    from handoffs import delivery

    return delivery.run(at=now())


def _import() -> Any:
    """As a person who starts it, or starts it again."""
    from handoffs import imports

    imports.ask(int(os.environ["RUN"]), at=now())
    run = imports.run(int(os.environ["RUN"]), at=now())
    return {name: getattr(run, name) for name in (*imports.COUNTED, "status")}


def _upload() -> Any:
    """A photo for evidence and a file for an import, as a person sends them; the answers as they are read."""
    from django.core.files.uploadedfile import SimpleUploadedFile
    from django.test import Client

    from accounts.models import Shop, User
    from tests.faults.screens import plain

    client = Client(HTTP_HOST="localhost")
    client.force_login(User.objects.get(email="lead@example.test"))
    photo = SimpleUploadedFile("p.pdf", b"%PDF-" + b"x" * 100_000)
    of_photo = client.post("/api/v1/attachments/", {"file": photo})
    export = SimpleUploadedFile("f.csv", "\n".join([HEAD, *(ROW.format(n) for n in range(1000))]).encode())
    of_export = client.post("/import/", {"shop": Shop.objects.get().pk, "format": "auto", "file": export}, follow=True)
    return [of_photo.content.decode(), plain(of_export.content.decode())]


HEAD = "退款编号,订单编号,买家退款金额,退款状态,退款的申请时间,货物状态,是否需要退货"
ROW = "{0}\t,{0}\t,50.00,买家已经申请退款，等待卖家同意,2026-11-11 11:50:00,未发货,不需要退货"


def _migrate() -> Any:
    """`handoffs` to the migration in TO."""
    from django.core.management import call_command

    call_command("migrate", "handoffs", os.environ["TO"], verbosity=0)


def _full_disk(value: str) -> None:
    """No file of this process may grow beyond so many bytes, as on a disk that is nearly full."""
    import resource

    resource.setrlimit(resource.RLIMIT_FSIZE, (int(value), int(value)))


def _impatient(seconds: str) -> None:
    """How long the mail server may take."""
    from django.conf import settings

    settings.EMAIL_TIMEOUT = float(seconds)


ACTS: dict[str, Callable[[], Any]] = {
    "sweep": _sweep, "deliver": _deliver, "import": _import, "upload": _upload, "migrate": _migrate,
}  # fmt: skip


# Killed ---------------------------------------------------------------------------------------------------------------


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _nth(count: str, act: Callable[..., Any], *, after: bool = False) -> Callable[..., Any]:
    """The act, which dies before (or after) it is done for the nth time."""
    done = iter(range(1, 10**9))

    def act_or_die(*args: Any, **kwargs: Any) -> Any:
        fatal = next(done) == int(count)
        if fatal and not after:
            _die()
        result = act(*args, **kwargs)
        if fatal:
            _die()
        return result

    return act_or_die


def _killed_in_the_sweep(count: str) -> None:
    """After the clocks were moved on and the timeline written, before the messages are."""
    from handoffs import outbox

    outbox.put = _nth(count, outbox.put)  # type: ignore[assignment]


def _killed_in_the_delivery(count: str) -> None:
    """The server has taken the nth mail, and nobody has written that down yet."""
    from django.core.mail import EmailMultiAlternatives

    EmailMultiAlternatives.send = _nth(count, EmailMultiAlternatives.send, after=True)  # type: ignore[method-assign]


def _killed_before_the_delivery(count: str) -> None:
    """The nth mail is about to be sent."""
    from django.core.mail import EmailMultiAlternatives

    EmailMultiAlternatives.send = _nth(count, EmailMultiAlternatives.send)  # type: ignore[method-assign]


def _killed_in_the_import(count: str) -> None:
    """In the middle of a batch: the cases are written, their timeline is not."""
    from handoffs.flow import arrive

    arrive._stop_parcels = _nth(count, arrive._stop_parcels)


def _waits_in_the_import(count: str) -> None:
    """In the middle of a batch: says that it is there, and goes on when the file that says so is gone."""
    from handoffs.flow import arrive

    here, stop_parcels, done = Path(os.environ["HERE"]), arrive._stop_parcels, iter(range(1, 10**9))

    def waiting(*given: Any) -> Any:
        if next(done) == int(count):
            here.touch()
            while here.exists():
                time.sleep(0.05)
        return stop_parcels(*given)

    arrive._stop_parcels = waiting


def _hasty_about_imports(seconds: str) -> None:
    """So soon a worker that says nothing of its import counts as dead."""
    from handoffs import imports

    imports.HELD, imports.QUEUED = float(seconds), timedelta(seconds=float(seconds))


# Guards taken away ----------------------------------------------------------------------------------------------------


@contextmanager
def _no_transaction(*_args: Any, **_kwargs: Any) -> Iterator[None]:
    yield


def _without_telling_faults_apart(_value: str) -> None:
    """What the database refuses is the rows' fault, also when it is away. Slowly, so that it is back before the end."""
    from handoffs.flow import intake

    def never(_error: Exception) -> bool:
        time.sleep(0.02)
        return False

    intake._is_away = never


def _without_transactions(_value: str) -> None:
    """Every statement for itself."""
    from django.db import transaction
    from django.db.models import QuerySet

    from handoffs.models import bulk

    transaction.atomic = bulk.unawaited = _no_transaction  # type: ignore[assignment]
    QuerySet.select_for_update = lambda rows, **_options: rows  # type: ignore[method-assign]


def _without_locks(_value: str) -> None:
    """Nobody waits for anybody; a moment between reading and writing lets the other one in."""
    import time

    from django.db.models import QuerySet

    from handoffs import sweep

    QuerySet.select_for_update = lambda rows, **_options: rows  # type: ignore[method-assign]
    claimed = sweep._claimed

    def slowly(at: datetime) -> Any:
        found = claimed(at)
        time.sleep(1)
        return found

    sweep._claimed = slowly


def _without_a_claim(_value: str) -> None:
    """A mail counts as sent before it is."""
    from handoffs import delivery

    send = delivery._send

    def marked_first(group: Any, connection: Any, counts: Any, at: datetime) -> None:
        delivery._mark(group, mail="sent", sent_at=at, next_try_at=None)
        send(group, connection, counts, at)

    delivery._send = marked_first


def _without_message_ids(_value: str) -> None:
    """Every attempt is a letter of its own."""
    from email.utils import make_msgid

    from handoffs import delivery

    delivery.message_id = lambda _ids: make_msgid()


def _without_knowing(_value: str) -> None:
    """An import that does not look whether it has a row already."""
    from handoffs.flow import intake

    intake._known = lambda _rows, _shop: (set(), {})


def _without_looking_back(_value: str) -> None:
    """A sweep that trusts to be called in time: a deadline that passed longer than five seconds ago is not looked for.

    Reminders are, since applications of half an hour ago arrive with theirs behind them.
    """
    from handoffs import sweep

    due = sweep.due
    sweep.due = lambda at: due(at).filter(due_at__gt=at - timedelta(seconds=5))


def _without_resuming(_value: str) -> None:
    """Nobody looks for imports that stand still."""
    from handoffs import imports

    imports.standing = lambda _at: []


def _without_trying_again(_value: str) -> None:
    """A mail that is refused is given up at once."""
    from handoffs import delivery

    delivery.ATTEMPTS = 1


def _without_looking_at_the_disk(_value: str) -> None:
    """A row is written whether its file could be stored or not."""
    from handoffs.flow import evidence

    store = evidence._store

    def careless(attachment: Any, name: str, content: bytes) -> None:
        with suppress(evidence.Invalid):
            store(attachment, name, content)

    evidence._store = careless


def _without_care_for_others(_value: str) -> None:
    """Indexes made as they usually are, under a lock."""
    from handoffs.migrations import _unlocked

    _unlocked._beside = lambda _editor: {}


HARMS: dict[str, Callable[[str], None]] = {
    "killed-in-the-sweep": _killed_in_the_sweep,
    "killed-in-the-delivery": _killed_in_the_delivery,
    "killed-before-the-delivery": _killed_before_the_delivery,
    "killed-in-the-import": _killed_in_the_import,
    "waits-in-the-import": _waits_in_the_import,
    "hasty-about-imports": _hasty_about_imports,
    "full-disk": _full_disk,
    "impatient": _impatient,
    "without-telling-faults-apart": _without_telling_faults_apart,
    "without-transactions": _without_transactions,
    "without-locks": _without_locks,
    "without-a-claim": _without_a_claim,
    "without-message-ids": _without_message_ids,
    "without-knowing": _without_knowing,
    "without-resuming": _without_resuming,
    "without-looking-back": _without_looking_back,
    "without-trying-again": _without_trying_again,
    "without-looking-at-the-disk": _without_looking_at_the_disk,
    "without-care-for-others": _without_care_for_others,
}

if __name__ == "__main__":
    main(*sys.argv[1:])
