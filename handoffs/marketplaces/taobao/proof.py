"""A proof image that the marketplace takes: at most 130,000 bytes with a refusal."""

import io
import warnings

from django.utils.translation import gettext as _
from PIL import Image, ImageOps

from handoffs.marketplaces.taobao.wire import picture_kind

REFUSAL_BYTES = 130_000
MOST_PIXELS = 50_000_000  # as opened: a JPEG is opened at a fraction of its size
LONGEST_SIDE = 1600
SMALLEST_SIDE = 200
QUALITIES = (85, 75, 65, 55, 45)


def fitted(data: bytes, limit: int = REFUSAL_BYTES) -> bytes:
    """The image within `limit` bytes: as it is where it fits, else as a JPEG, less fine and smaller until it does.

    Raises ValueError for what is no image, is too large to be opened, or cannot be made to fit.
    """
    if len(data) <= limit and _fits_as_it_is(data):
        return data
    picture = _opened(data)
    side = min(LONGEST_SIDE, max(picture.size))
    while side >= SMALLEST_SIDE or side == max(picture.size):
        smaller = picture.copy()
        smaller.thumbnail((side, side), Image.Resampling.LANCZOS)
        for quality in QUALITIES:
            made = _jpeg(smaller, quality)
            if len(made) <= limit:
                return made
        side = side * 3 // 4
    raise ValueError(_("This image cannot be made small enough."))


def _fits_as_it_is(data: bytes) -> bool:
    """A whole image of a kind the marketplace takes."""
    try:
        picture_kind(data)
        _opened(data)
    except ValueError:
        return False
    return True


def _opened(data: bytes) -> Image.Image:
    """The picture upright and without transparency; a moving one gives its first frame."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(data)) as picture:
                picture.draft("RGB", (LONGEST_SIDE, LONGEST_SIDE))
                if picture.width * picture.height > MOST_PIXELS:
                    raise ValueError(_("This image has too many pixels."))
                upright = ImageOps.exif_transpose(picture).convert("RGBA")
    except Image.DecompressionBombError as error:
        raise ValueError(_("This image has too many pixels.")) from error
    except (OSError, SyntaxError) as error:
        raise ValueError(_("This is not an image that can be opened.")) from error
    white = Image.new("RGBA", upright.size, "white")
    return Image.alpha_composite(white, upright).convert("RGB")


def _jpeg(picture: Image.Image, quality: int) -> bytes:
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=quality, optimize=True)
    return out.getvalue()
