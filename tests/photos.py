"""Small real pictures for tests."""

import io
from datetime import datetime

from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image

from accounts.models import User
from handoffs.flow import evidence
from handoffs.models import Attachment


def png(size: tuple[int, int] = (8, 8), colour: str = "red") -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", size, colour).save(buffer, "PNG")
    return buffer.getvalue()


def uploaded(by: User, *, at: datetime, content: bytes | None = None, name: str = "photo.png") -> Attachment:
    return evidence.upload(SimpleUploadedFile(name, content or png()), by=by, at=at)


def file(content: bytes | None = None, name: str = "photo.png") -> SimpleUploadedFile:
    """A file as a browser sends it."""
    return SimpleUploadedFile(name, content or png())
