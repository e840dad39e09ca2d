"""Uploads too large for the memory wait in the temporary folder; one that its disk does not take says so when read."""

import logging
from collections.abc import Iterator
from contextlib import suppress
from io import BytesIO
from typing import Any, NoReturn

from django.core.files.uploadedfile import UploadedFile
from django.core.files.uploadhandler import TemporaryFileUploadHandler
from django.utils.translation import gettext as _

from handoffs.flow.errors import Invalid

logger = logging.getLogger(__name__)


class NotKept(UploadedFile):
    """A file of which only name and size are left. The form it came with is read, and can be shown again."""

    def read(self, *_args: Any) -> NoReturn:
        text = _("The desk's disk takes no more files. Nothing was kept; tell whoever runs the desk.")
        raise Invalid(text, field="file", code="disk_full")

    def chunks(self, chunk_size: int | None = None) -> Iterator[bytes]:
        yield self.read()


class Spooled(TemporaryFileUploadHandler):
    """Django's own, which lets the error of a full disk fall on whoever reads the form first."""

    lost = False

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        self.lost = False
        self.__dict__.pop("file", None)  # of the form's file before this one, which is complete
        try:
            super().new_file(*args, **kwargs)
        except OSError as error:
            self._lose(error)

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        if self.lost:
            return
        try:
            super().receive_data_chunk(raw_data, start)
        except OSError as error:
            self._lose(error)

    def file_complete(self, file_size: int) -> UploadedFile | None:
        """What was written last may come to the disk only now."""
        if not self.lost:
            try:
                return super().file_complete(file_size)
            except OSError as error:
                self._lose(error)
        return NotKept(BytesIO(), self.file_name, self.content_type, file_size, self.charset)

    def _lose(self, error: OSError) -> None:
        logger.error("an uploaded file could not be stored", exc_info=error)
        self.lost = True
        if file := self.__dict__.pop("file", None):
            with suppress(OSError):
                file.close()
