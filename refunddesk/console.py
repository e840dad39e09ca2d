"""The console's looks: title, sidebar, colours."""

from typing import Any

UNFOLD: dict[str, Any] = {
    "SITE_TITLE": "refunddesk",
    "SITE_HEADER": "refunddesk",
}
