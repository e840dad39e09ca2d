"""The samples, and pushes made of them as the real service posts them."""

import hashlib
import json
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

from handoffs.carriers.base import BEIJING

DATA = Path(__file__).parent / "data"
SF, YUNDA = "kuaidi100_push.sf2015.out_for_delivery.json", "kuaidi100_push.yunda2017.signed.json"
STO = "kdniao_track.sto2019.double_sign.json"
SALT = "salt-of-a-test"


def sample(name: str) -> Any:
    return json.loads((DATA / name).read_text(encoding="utf-8"))


def at(text: str) -> datetime:
    return datetime.strptime(text, "%Y-%m-%d %H:%M:%S").replace(tzinfo=BEIJING)


def posted(param: Any, *, salt: str = SALT) -> bytes:
    """A push's body: `param` with its signature."""
    raw = param if isinstance(param, bytes) else json.dumps(param, ensure_ascii=False).encode()
    signature = hashlib.md5(raw + salt.encode(), usedforsecurity=False).hexdigest().upper()
    return f"sign={signature}&param={quote_plus(raw)}".encode()
