"""Evidence: uploads are checked by their content, kept outside the web root, and bound to what they prove."""

import hashlib
import io
import logging
from collections.abc import Sequence
from datetime import datetime
from pathlib import PurePath
from typing import Any

from django.core.files.base import ContentFile
from django.core.files.uploadedfile import UploadedFile
from django.utils.translation import gettext as _
from PIL import Image

from accounts.models import User
from handoffs import permissions
from handoffs.flow.errors import Invalid, NotYours
from handoffs.models import Attachment, Case, Handoff, Receipt

logger = logging.getLogger(__name__)
MAX_BYTES = 10 * 1024 * 1024
MAX_PIXELS = 60_000_000
PHOTOS = {"JPEG": ("image/jpeg", ".jpg"), "PNG": ("image/png", ".png"), "GIF": ("image/gif", ".gif"),
          "WEBP": ("image/webp", ".webp")}  # fmt: skip


def upload(file: "UploadedFile[Any]", *, by: User, at: datetime) -> Attachment:
    """Store a photo (JPEG, PNG, GIF, WebP) or a PDF of at most 10 MB. Raises Invalid for anything else.

    The type is what the content says, never what the name or the browser says.
    """
    if not file.size:
        raise Invalid(_("The file is empty."), field="file")
    if file.size > MAX_BYTES:
        raise Invalid(_("The file is larger than 10 MB. Send a smaller photo."), field="file")
    content = file.read()
    content_type, suffix = kind_of(content)
    digest = hashlib.sha256(content).hexdigest()
    name = PurePath(file.name or "").name[:120] or f"evidence{suffix}"
    attachment = Attachment(name=name, content_type=content_type, size=len(content), sha256=digest, by=by, at=at)
    _store(attachment, f"{digest[:32]}{suffix}", content)
    attachment.save()
    return attachment


def _store(attachment: Attachment, name: str, content: bytes) -> None:
    """Write the file; on a disk that takes no more nothing of it is left."""
    try:
        attachment.file.save(name, ContentFile(content), save=False)
    except OSError as error:
        logger.exception("an attachment could not be stored")
        raise Invalid(_("The desk's disk takes no more files. Nothing was kept; tell whoever runs the desk."),
                      field="file", code="disk_full") from error  # fmt: skip


def kind_of(content: bytes) -> tuple[str, str]:
    """(content type, file ending) by content."""
    if content.startswith(b"%PDF-"):
        return "application/pdf", ".pdf"
    try:
        with Image.open(io.BytesIO(content), formats=list(PHOTOS)) as image:
            image_format, (width, height) = image.format or "", image.size
            if width * height > MAX_PIXELS:
                raise Invalid(_("The picture has too many pixels."), field="file")
            image.verify()
    except Invalid:
        raise
    except Exception as error:  # whatever a reader of pictures stumbles over, it is no photo we can read
        raise Invalid(_("Only photos (JPEG, PNG, GIF, WebP) and PDF files are taken."), field="file") from error
    return PHOTOS[image_format]


def _own(ids: Sequence[int], *, by: User) -> list[Attachment]:
    rows = list(Attachment.objects.filter(pk__in=list(ids), by=by))
    if len(rows) != len(set(ids)):
        raise Invalid(_("One of the attachments is not there. Upload it again."), field="attachments")
    return rows


def counted(ids: Sequence[int], *, by: User) -> tuple[int, int]:
    """(photos, other documents) among the person's own uploads. Raises Invalid when one is missing.

    One that proves something already counts there, not here.
    """
    rows = [row for row in _own(ids, by=by) if row.handoff_id is None and row.receipt_id is None]
    photos = sum(1 for row in rows if row.is_photo)
    return photos, len(rows) - photos


def free(ids: Sequence[int], *, by: User) -> list[int]:
    """Those of the person's uploads that prove nothing yet."""
    rows = _own(ids, by=by)
    return [row.pk for row in rows if row.handoff_id is None and row.case_id is None and row.receipt_id is None]


def bind(ids: Sequence[int], handoff: Handoff, *, by: User) -> None:
    """Tie uploads to the question they answer. One that already proves something else stays there."""
    free = [row.pk for row in _own(ids, by=by) if row.handoff_id is None and row.case_id is None]
    Attachment.objects.filter(pk__in=free).update(case=handoff.case, handoff=handoff)


def again(ids: Sequence[int], *, by: User) -> tuple[int, ...]:
    """The same files once more, to prove another thing too."""
    copies = []
    for row in _own(ids, by=by):
        row.pk, row.case, row.handoff, row.receipt = None, None, None, None
        row._state.adding = True
        row.save()
        copies.append(row.pk)
    return tuple(copies)


def bind_to_case(ids: Sequence[int], case: Case, *, by: User) -> None:
    free = [row.pk for row in _own(ids, by=by) if row.case_id is None]
    Attachment.objects.filter(pk__in=free).update(case=case)


def readable(attachment_id: int, *, by: User) -> Attachment:
    """The attachment, for those who may see its case (or uploaded it and have not used it yet)."""
    found = (
        Attachment.objects.select_related("case", "handoff__case", "receipt__parcel").filter(pk=attachment_id).first()
    )
    if found is None:
        raise NotYours(_("There is no such attachment."))
    case = found.case
    if case is None and found.by_id == by.pk:
        return found
    if found.receipt is not None and _of_receipt(found.receipt, by):
        return found
    if case is None or not permissions.can_see(by, case):
        raise NotYours(_("There is no such attachment."))
    return found


def _of_receipt(receipt: Receipt, by: User) -> bool:
    """Photos of a receipt are for those who settle orphans in its shop, and for who may see a case of its parcel."""
    shops = [receipt.shop_id] if receipt.shop_id else list(by.shops_as())
    if any(permissions.may(by, "see_orphans", shop_id=pk) for pk in shops):
        return True
    return receipt.parcel is not None and any(permissions.can_see(by, case) for case in receipt.parcel.cases.all())
