"""What is loaded once is not walked through by Python's collector again, in web processes and in workers."""

import subprocess
import sys

import pytest

WEB = "import refunddesk.wsgi"
WORKER = "from celery import signals; from refunddesk.celery import app; signals.worker_init.send(sender=None)"


@pytest.mark.parametrize("begin", [WEB, WORKER], ids=["web", "worker"])
def test_what_is_loaded_stays(begin: str) -> None:
    said = "import gc; print(gc.get_freeze_count(), gc.get_threshold()[0])"
    done = subprocess.run([sys.executable, "-c", f"{begin}; {said}"], capture_output=True, text=True, check=True)  # noqa: S603
    frozen, threshold = map(int, done.stdout.split())
    assert frozen > 50_000
    assert threshold == 50_000
