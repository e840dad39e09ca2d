"""Evidence is served here and nowhere else: only to who may see the case, and never as a page."""

import logging

from django.http import FileResponse, HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import render

from handoffs.admin.page import page, person
from handoffs.flow.evidence import readable

logger = logging.getLogger(__name__)


@page("GET")
def attachment(request: HttpRequest, attachment_id: int) -> HttpResponseBase:
    """The file itself. Photos are shown, documents are downloaded."""
    found = readable(attachment_id, by=person(request))
    try:
        file = found.file.open("rb")
    except FileNotFoundError:
        logger.warning("the file of attachment %s is missing", attachment_id)
        return render(request, "handoffs/file_gone.html", status=404)
    response = FileResponse(
        file, content_type=found.content_type, filename=found.name, as_attachment=not found.is_photo
    )
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    response.headers["Cache-Control"] = "private, max-age=300"
    return response


PAGES = (("attachments/<int:attachment_id>/", attachment, "handoffs_attachment"),)
