"""How gunicorn serves the desk: `--config /opt/refunddesk/refunddesk/serving.py`; options of the command line win.

Given as a file, and importing nothing of the desk: what the first process knows its web processes begin with, and a
reload is to give them new code and new settings.
"""

import os
from logging.config import dictConfig
from pathlib import Path
from typing import Any

from gunicorn.glogging import Logger

# Where this file was said to be, though a link leads there: after a reload that is where the link leads then.
chdir = str(Path(os.path.abspath(__file__)).parents[1])
wsgi_app = "refunddesk.wsgi"
threads = 4
control_socket_disable = True
# What a request may take: imports and long work are the worker's.
timeout = 60
graceful_timeout = 30
# A process that has grown is replaced, not all at the same moment.
max_requests = 20_000
max_requests_jitter = 2_000

FORMATTERS = {
    "json": {
        "()": "pythonjsonlogger.json.JsonFormatter", "fmt": "{levelname}{name}{message}", "style": "{",
        "timestamp": "time", "json_ensure_ascii": False, "rename_fields": {"levelname": "level", "name": "logger"},
    },
    "line": {"format": "{asctime} {levelname} {name} {message}", "style": "{"},
}  # fmt: skip


class logger_class(Logger):  # type: ignore[misc]
    """Gunicorn's own lines look like the desk's, and are its own in the web processes; requests it notes itself."""

    def setup(self, cfg: Any) -> None:
        super().setup(cfg)
        written = (os.environ.get("LOG_FORMAT") or ("json" if os.environ.get("DATABASE_URL") else "line")).lower()
        console = {"class": "logging.StreamHandler", "formatter": written if written in FORMATTERS else "line"}
        dictConfig({
            "version": 1, "disable_existing_loggers": False, "formatters": FORMATTERS,
            "handlers": {"console": console}, "root": {"handlers": ["console"], "level": "WARNING"},
        })  # fmt: skip
        self.error_log.handlers.clear()
        self.error_log.propagate = True
