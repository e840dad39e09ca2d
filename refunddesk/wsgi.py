"""The WSGI application, for example for `gunicorn refunddesk.wsgi`."""

import os
from typing import Any

from django.core.wsgi import get_wsgi_application

from refunddesk import collector
from refunddesk.stack import roomy

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "refunddesk.settings")

serve = get_wsgi_application()
collector.settle()


def application(environ: dict[str, Any], start_response: Any) -> Any:
    return roomy(serve, environ, start_response)
