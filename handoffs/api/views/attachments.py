"""Evidence: uploaded as a form, served only to those who may see the case, and never as anything but a file."""

from django.http import FileResponse
from django.http.response import HttpResponseBase
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from rest_framework.request import Request
from rest_framework.response import Response

from handoffs import permissions
from handoffs.api.errors import TooLarge
from handoffs.api.parsers import FileParser
from handoffs.api.shown.people import AttachmentOut
from handoffs.api.views.base import DeskView, described, missing, not_allowed
from handoffs.flow import evidence
from handoffs.flow.errors import Invalid

UPLOAD = {
    "multipart/form-data": {
        "type": "object",
        "properties": {"file": {"type": "string", "format": "binary"}},
        "required": ["file"],
    }
}


class Attachments(DeskView):
    """Upload a photo (JPEG, PNG, GIF, WebP) or a PDF of at most 10 MB; its id goes into an answer or a decision."""

    parser_classes = (FileParser,)  # type: ignore[assignment]

    @described("attachments_upload", takes=UPLOAD, gives=AttachmentOut, status=201)
    def post(self, request: Request) -> Response:
        if not permissions.may(self.me, "attach"):
            not_allowed()
        file = request.FILES.get("file")
        if file is None:
            raise Invalid(_("Attach the file as “file”."), field="file", code="missing")
        if (file.size or 0) > evidence.MAX_BYTES:
            raise TooLarge
        made = evidence.upload(file, by=self.me, at=self.now)
        return Response(AttachmentOut(made).data, status=201)


class OneAttachment(DeskView):
    """The file itself. It runs nothing, whatever it holds."""

    @described("attachments_read", gives={(200, "application/octet-stream"): OpenApiTypes.BINARY})
    def get(self, _request: Request, pk: int) -> HttpResponseBase:
        found = evidence.readable(pk, by=self.me)
        try:
            file = found.file.open("rb")
        except FileNotFoundError:
            missing(_("There is no such attachment."))
        answer = FileResponse(
            file, as_attachment=not found.is_photo, filename=found.name, content_type=found.content_type
        )
        answer["X-Content-Type-Options"] = "nosniff"
        answer["Content-Security-Policy"] = "default-src 'none'; sandbox"
        answer["Cache-Control"] = "private, no-store"
        return answer
