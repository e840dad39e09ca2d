"""Barcodes drawn for tests, and a camera's film of one."""

from pathlib import Path

from PIL import Image, ImageDraw

# ISO/IEC 15417: the widths of bars and spaces of the 103 values of Code 128, then start B; the stop has 13 modules.
_WIDTHS = (
    "212222222122222221121223121322131222122213122312132212221213221312231212112232122132122231113222123122123221"
    "223211221132221231213212223112312131311222321122321221312212322112322211212123212321232121111323131123131321"
    "112313132113132311211313231113231311112133112331132131113123113321133121313121211331231131213113213311213131"
    "311123311321331121312113312311332111314111221411431111111224111422121124121421141122141221112214112412122114"
    "122411142112142211241211221114413111241112134111111242121142121241114212124112124211411212421112421211212141"
    "214121412121111143111341131141114113114311411113411311113141114131311141411131"
)
_START_B, _START_B_WIDTHS, _STOP = 104, "211214", "2331112"


def code128(text: str, *, module: int = 3, height: int = 120) -> Image.Image:
    """Code 128, set B, with its quiet zones."""
    values = [ord(letter) - 32 for letter in text]
    check = (_START_B + sum(place * value for place, value in enumerate(values, 1))) % 103
    widths = _START_B_WIDTHS + "".join(_WIDTHS[6 * value : 6 * value + 6] for value in [*values, check]) + _STOP
    picture = Image.new("L", ((sum(map(int, widths)) + 20) * module, height), 255)
    pen, x, dark = ImageDraw.Draw(picture), 10 * module, True
    for width in map(int, widths):
        if dark:
            pen.rectangle((x, 0, x + width * module - 1, height), fill=0)
        x, dark = x + width * module, not dark
    return picture


def film(path: Path, picture: Image.Image, *, size: tuple[int, int] = (1280, 720), frames: int = 10) -> Path:
    """A film of a picture in the middle of a grey table, in the format that Chromium's fake camera plays (Y4M)."""
    frame = Image.new("L", size, 170)
    frame.paste(picture, ((size[0] - picture.width) // 2, (size[1] - picture.height) // 2))
    colourless = bytes([128]) * (size[0] * size[1] // 2)
    with path.open("wb") as file:
        file.write(f"YUV4MPEG2 W{size[0]} H{size[1]} F10:1 Ip A1:1 C420jpeg\n".encode())
        for _number in range(frames):
            file.write(b"FRAME\n" + frame.tobytes() + colourless)
    return path
