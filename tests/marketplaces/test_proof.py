"""A proof image that the marketplace takes, whatever the phone made."""

import io
import random

import pytest
from PIL import Image

from handoffs.marketplaces.taobao.proof import REFUSAL_BYTES, fitted
from tests.photos import png


def picture(width: int, height: int, kind: str = "JPEG", mode: str = "RGB", **options: object) -> bytes:
    """Noise, which is as hard to make small as a picture can be."""
    noise = random.Random(7).randbytes(width * height * len(mode))
    out = io.BytesIO()
    Image.frombytes(mode, (width, height), noise).save(out, kind, **options)
    return out.getvalue()


def opened(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data))


def test_what_fits_stays_as_it_is() -> None:
    assert fitted(png()) == png()


@pytest.mark.parametrize("kind", ["JPEG", *(pytest.param(kind, marks=pytest.mark.slow) for kind in ("PNG", "WEBP"))])
def test_a_large_picture_is_made_to_fit(kind: str) -> None:
    data = picture(1500, 1100, kind)
    made = fitted(data)
    assert len(data) > REFUSAL_BYTES >= len(made)
    with opened(made) as result:
        assert (result.format, max(result.size) >= 300) == ("JPEG", True)


def test_a_small_picture_of_another_kind_becomes_a_jpeg() -> None:
    with opened(fitted(picture(40, 40, "BMP"))) as result:
        assert (result.format, result.size) == ("JPEG", (40, 40))


def test_it_stands_upright_and_carries_no_place() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by a quarter
    exif[0x8825] = {1: "N", 2: (30.0, 0.0, 0.0)}
    with opened(fitted(picture(1200, 600, exif=exif))) as result:
        assert result.height > result.width
        assert not result.getexif()


def test_transparent_is_white() -> None:
    out = io.BytesIO()
    Image.new("RGBA", (50, 50), (255, 0, 0, 0)).save(out, "WEBP")
    with opened(fitted(out.getvalue())) as result:
        assert all(value > 250 for value in result.getpixel((25, 25)))


def test_another_limit() -> None:
    data = picture(700, 700)
    assert len(fitted(data, 20_000)) <= 20_000


@pytest.mark.parametrize("data", [b"", b"words", b"\x89PNG\r\n\x1a\n broken", b"GIF89a", picture(90, 90)[:900]])
def test_what_is_no_whole_image_is_turned_down(data: bytes) -> None:
    with pytest.raises(ValueError, match="image"):
        fitted(data)


@pytest.mark.parametrize("size", [(8_000, 7_000), (20_000, 10_000)])
def test_a_picture_that_would_fill_the_memory_is_turned_down(size: tuple[int, int]) -> None:
    out = io.BytesIO()
    Image.new("1", size).save(out, "PNG")
    with pytest.raises(ValueError, match="pixels"):
        fitted(out.getvalue())


def test_a_very_large_photo_is_opened_at_a_fraction_of_its_size() -> None:
    out = io.BytesIO()
    Image.new("L", (12_000, 9_000), 128).save(out, "JPEG")
    with opened(fitted(out.getvalue())) as result:
        assert max(result.size) == 1600
