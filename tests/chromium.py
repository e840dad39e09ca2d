"""Where Chromium is on this machine, and how it is started; `python -m tests.chromium` exits with 1 when it is not."""

import shutil
import sys
from typing import Any

# The one without a window first: it takes half the time.
NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync")  # fmt: skip


def path() -> str | None:
    return next((found for name in NAMES if (found := shutil.which(name))), None)


def launch_arguments() -> dict[str, Any]:
    """Playwright's launch arguments for the machine's own browser."""
    return {"executable_path": path(), "args": list(FLAGS)}


if __name__ == "__main__":
    sys.exit(path() is None)
