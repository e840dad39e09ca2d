"""Waybill numbers in one form, whoever typed, scanned or sent them (formats.md section 4)."""

import re

_BOX = re.compile(r"-\d+-\d+-?$")  # JD's labels count the boxes of a parcel


def normal(text: str) -> str:
    """In capital letters, without blanks and without the count of boxes."""
    return _BOX.sub("", "".join(text.split())).upper()
