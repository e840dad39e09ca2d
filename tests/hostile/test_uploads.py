"""Files that are not what they seem: taken for what their content is or refused in words, never able to do anything."""

import gzip
import io
import struct
import zipfile
import zlib
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from handoffs import imports
from handoffs.flow import evidence
from handoffs.flow.errors import Invalid
from handoffs.intake import apart
from handoffs.models import Attachment, ImportRun
from refunddesk import serving
from tests import photos
from tests.api.conftest import Caller
from tests.factories import NOON, World
from tests.hostile.conftest import fuzz

ADDRESS = "/api/v1/attachments/"
SCRIPT = b"<script>alert(document.domain)</script>"
SVG = b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)">' + SCRIPT + b"</svg>"
PDF = b"%PDF-1.4\n1 0 obj<<>>endobj\ntrailer<<>>\n%%EOF"


def picture(kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (8, 8), "red").save(buffer, kind, **options)
    return buffer.getvalue()


def archive() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as packed:
        packed.writestr("../../manage.py", "import os")
    return buffer.getvalue()


POLYGLOTS = {
    "a GIF that is an archive": (picture("GIF") + archive(), "image/gif"),
    "a PNG with a page behind it": (picture("PNG") + b"<html>" + SCRIPT, "image/png"),
    "a JPEG with a script in its comment": (picture("JPEG", comment=SCRIPT), "image/jpeg"),
    "a WebP with a page behind it": (picture("WEBP") + SCRIPT, "image/webp"),
    "a PDF that is an archive": (PDF + archive(), "application/pdf"),
    "a PDF that is a page": (b"%PDF-1.4\n<html>" + SCRIPT + PDF, "application/pdf"),
}


@pytest.mark.parametrize(("content", "kind"), POLYGLOTS.values(), ids=POLYGLOTS)
def test_a_file_that_is_two_things_is_served_as_the_harmless_one(
    world: World, call: Caller, content: bytes, kind: str
) -> None:
    """Whatever its name and the browser say it is."""
    file = SimpleUploadedFile("page.html", content, content_type="text/html")
    shown = call(world.qc).post(ADDRESS, {"file": file}, format="multipart").json()
    served = call(world.qc).get(shown["url"])
    assert b"".join(served.streaming_content) == content  # type: ignore[attr-defined]
    assert served.headers["Content-Type"] == shown["content_type"] == kind
    assert served.headers["X-Content-Type-Options"] == "nosniff"
    assert served.headers["Content-Security-Policy"] == "default-src 'none'; sandbox"
    kept = Path(Attachment.objects.get(pk=shown["id"]).file.path)
    assert kept.suffix in (".gif", ".png", ".jpg", ".webp", ".pdf")
    if kind == "application/pdf":
        assert served.headers["Content-Disposition"].startswith("attachment")


def bomb(width: int, height: int) -> bytes:
    """A PNG of a few bytes that says it has so many pixels."""

    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    data = zlib.compress(bytes(1000))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


REFUSED = {
    "SVG with a script": SVG,
    "packed SVG": gzip.compress(SVG),
    "SVG after a mark of order": b"\xef\xbb\xbf<?xml version='1.0'?>" + SVG,
    "a page": b"<!doctype html>" + SCRIPT,
    "an archive": archive(),
    "a program": b"MZ" + bytes(200),
    "a script": b"#!/bin/sh\nrm -rf /\n",
    "an icon": picture("ICO"),
    "a TIFF": picture("TIFF"),
    "a DDS of no kind": b"DDS " + struct.pack("<I", 124) + bytes(120),
    "an AVIF that breaks off": b"\0\0\0\x1cftypavif\0\0\0\0avifmif1miaf" + b"\0\0\0\x08meta" + bytes(60),
    "a picture too large to open": bomb(20_000, 20_000),
    "a picture of no end": bomb(2**31 - 1, 2**31 - 1),
    "PDF not at its beginning": b"\n\n" + PDF,
}


@pytest.mark.parametrize("content", REFUSED.values(), ids=REFUSED)
def test_what_is_neither_photo_nor_pdf_is_refused_in_words(world: World, call: Caller, content: bytes) -> None:
    for name, kind in (("photo.png", "image/png"), ("photo.svg", "image/svg+xml")):
        file = SimpleUploadedFile(name, content, content_type=kind)
        answered = call(world.qc).post(ADDRESS, {"file": file}, format="multipart")
        assert answered.status_code == 400
        assert answered.json()["field"] == "file"
    assert not Attachment.objects.exists()


NAMES = [
    "../../manage.py", "..\\..\\windows.png", "/etc/passwd", "a/../../b.png", "C:\\x.png", "....//....//x.png", ".",
    "..", "%2e%2e%2fx.png", "x\x00.png", "x\r\nSet-Cookie: a=b.png", "CON.png", "照片" * 200 + ".png", "\u202egnp.exe",
    "<img src=x onerror=alert(1)>.png", "~root/x.png", "-rf.png",
]  # fmt: skip


def form(name: str, content: bytes, **fields: object) -> dict[str, object]:
    """A form as a browser sends it, but with any name for its file: a test's client would tidy it up."""
    edge = "----edge"
    parts = [f'--{edge}\r\nContent-Disposition: form-data; name="{key}"\r\n\r\n{value}\r\n'
             for key, value in fields.items()]  # fmt: skip
    head = f'--{edge}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n'
    body = "".join([*parts, head]).encode() + content + f"\r\n--{edge}--\r\n".encode()
    return {"data": body, "content_type": f"multipart/form-data; boundary={edge}"}


@pytest.mark.parametrize("name", NAMES, ids=lambda name: ascii(name)[:24])
def test_a_name_leads_nowhere(world: World, call: Caller, name: str) -> None:
    """The file lies where we say, under a name of ours; the name it came with is only shown, and is a name."""
    answered = call(world.qc).post(ADDRESS, **form(name, photos.png()))
    if answered.status_code == 400:  # no name at all
        assert not Attachment.objects.exists()
        return
    made = Attachment.objects.get()
    kept = Path(made.file.path).resolve()
    assert kept.is_relative_to(Path(settings.MEDIA_ROOT).resolve())
    assert kept.stem[:8] == made.sha256[:8]
    assert "/" not in made.name
    assert len(made.name) <= 120
    served = call(world.qc).get(answered.json()["url"])
    assert b"".join(served.streaming_content) == photos.png()  # type: ignore[attr-defined]
    assert "Set-Cookie: a" not in str(served.headers)


@pytest.mark.parametrize("name", NAMES, ids=lambda name: ascii(name)[:24])
def test_an_import_lies_where_we_say(world: World, name: str) -> None:
    """Under a name of ours, beside the others; nothing is written anywhere else."""
    browser = Client()
    browser.force_login(world.support, backend="accounts.backends.RoleBackend")
    head = "退款编号,订单编号,买家退款金额,退款状态,退款的申请时间\n"
    content = (head + "777,888,10.00,退款成功,2026-11-11 08:00:00\n").encode()
    answered = browser.post("/import/", **form(name, content, shop=world.shop.pk, format="auto", as_of=""))
    assert answered.status_code in (200, 302, 400)  # 400: a head of a part longer than any name
    for run in ImportRun.objects.all():
        assert Path(run.stored).resolve().parent == imports.folder().resolve()
        assert Path(run.stored).name.isalnum()


MAGIC = [b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe0", b"GIF89a", b"RIFF\x00\x00\x00\x00WEBP", b"%PDF-", b""]


@fuzz
@given(magic=st.sampled_from(MAGIC), rest=st.binary(max_size=300))
def test_any_bytes_are_a_photo_or_a_pdf_or_refused(magic: bytes, rest: bytes) -> None:
    refused(magic + rest)


@fuzz
@given(kind=st.sampled_from(["PNG", "JPEG", "GIF", "WEBP"]), at=st.integers(0, 2000), byte=st.integers(0, 255))
def test_a_damaged_photo_is_taken_or_refused(kind: str, at: int, byte: int) -> None:
    content = bytearray(picture(kind))
    content[at % len(content)] = byte
    refused(bytes(content))


def refused(content: bytes) -> None:
    """Raises anything but the readable complaint."""
    said = ""
    try:
        evidence.kind_of(content)
    except Invalid as error:
        said = str(error)
    assert len(said) > 10 or not said


def test_no_reader_of_pictures_can_crash_the_desk(monkeypatch: pytest.MonkeyPatch) -> None:
    def stumbles(*_args: object, **_options: object) -> None:
        raise RuntimeError("Failed to decode image")

    monkeypatch.setattr(Image, "open", stumbles)
    with pytest.raises(Invalid, match="Only photos"):
        evidence.kind_of(photos.png())


def test_only_pictures_that_are_taken_are_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[object] = []
    real = Image.open

    def noted(file: object, formats: object = None) -> object:
        tried.append(formats)
        return real(file, formats=formats)  # type: ignore[arg-type]

    monkeypatch.setattr(Image, "open", noted)
    assert evidence.kind_of(photos.png()) == ("image/png", ".png")
    assert tried == [["JPEG", "PNG", "GIF", "WEBP"]]


PAGE = b"<table><tr><td>refund_id<td>status<td>created<td>refund_fee<tr><td>1<td>SUCCESS<td>2026-11-11<td>1"
JSON = b'[{"refund_id": 1, "status": "SUCCESS", "created": "2026-11-11 08:00:00", "refund_fee": "1"}]'


@pytest.mark.parametrize(("way", "content"), [("records", PAGE), ("objects", JSON)], ids=["page", "json"])
def test_whoever_waits_for_a_page_waits_for_no_long_reading(
    way: str, content: bytes, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Upload and preview bound the work on a file well below what the web server waits; the worker takes its time."""
    allowed: list[int] = []
    real = getattr(apart, way)

    def noted(*given: Any) -> object:
        allowed.append(given[-1])
        return real(*given)

    monkeypatch.setattr(apart, way, noted)
    browser = Client()
    browser.force_login(world.support, backend="accounts.backends.RoleBackend")
    file = SimpleUploadedFile("f.xls", content)
    preview = browser.post("/import/", {"shop": world.shop.pk, "format": "auto", "as_of": "", "file": file})
    allowed.append(0)
    assert browser.get(preview.headers["Location"]).status_code == 200
    uploading, looking = allowed[: allowed.index(0)], allowed[allowed.index(0) + 1 :]
    assert uploading
    assert 0 < sum(uploading) <= 30
    assert looking
    assert sum(looking) <= 30 < serving.timeout
    allowed.clear()
    imports.run(ImportRun.objects.get().pk, at=NOON)
    assert set(allowed) == {600}


def test_the_same_file_twice_is_two_files(world: World) -> None:
    """A name made of the content is no way to put one's own file in another's place."""
    first, second = (photos.uploaded(world.qc, at=NOON) for _n in range(2))
    assert first.file.name != second.file.name
