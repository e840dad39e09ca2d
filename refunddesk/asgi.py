"""The ASGI application."""

import os

from django.core.asgi import get_asgi_application

from refunddesk import collector

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "refunddesk.settings")

application = get_asgi_application()
collector.settle()
