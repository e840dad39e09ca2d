"""The WSGI application, for example for `gunicorn refunddesk.wsgi`."""

import os

from django.core.wsgi import get_wsgi_application

from refunddesk import collector

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "refunddesk.settings")

application = get_wsgi_application()
collector.settle()
