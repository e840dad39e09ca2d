"""How gunicorn serves the desk: `gunicorn --config python:refunddesk.serving`. Options of the command line win."""

from logging.config import dictConfig
from typing import Any

from gunicorn.glogging import Logger

wsgi_app = "refunddesk.wsgi"
threads = 4
control_socket_disable = True
# What a request may take: imports and long work are the worker's.
timeout = 60
graceful_timeout = 30
# A process that has grown is replaced, not all at the same moment.
max_requests = 20_000
max_requests_jitter = 2_000


class logger_class(Logger):  # type: ignore[misc]
    """Gunicorn's own lines go where the desk's go, in the same form; requests are noted by the desk itself."""

    def setup(self, cfg: Any) -> None:
        super().setup(cfg)
        from refunddesk.settings import LOGGING

        dictConfig(LOGGING)
        self.error_log.handlers.clear()
        self.error_log.propagate = True
