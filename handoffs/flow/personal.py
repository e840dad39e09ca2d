"""What tells who a buyer is, wherever it came from, and how it is found again in what people and machines wrote.

Names and addresses may be other people's too: they are starred out. Nicknames, account ids and phones are one person's:
a stored row that holds one is that buyer's.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from handoffs.intake.values import BLANK
from handoffs.models import Case, CaseSource

STARS = "***"
Words = dict[str, list[str]]
Pair = tuple[str, str]
Found = re.Pattern[str]
NAME, ID = "buyer_name", "buyer_nick"  # the two kinds of words; as keys they are read like those of any row
# The columns of a row as it came, by their names, that hold the buyer, and those that hold the shop's own people.
OF_BUYER = re.compile(
    r"(buyer|receiver|customer|consignee|contact|pickware)_?"
    r"(nick|name|open_?uid|uid|id|pin|account|tel|phone|mobile|addr)"
    r"|(买家|客户|顾客|收货人?|收件人?|联系人?)(会员|昵称|姓名|名称|账号|旺旺|电话|手机|地址)"
    r"|旺旺|下单账号|^(收货人|收件人|联系人|顾客|买家)$",
    re.IGNORECASE,
)
OF_SHOP = re.compile("seller|shop|卖家|商家|店铺|审核|操作", re.IGNORECASE)
SHARED = re.compile("name|addr|姓名|地址|收货人$|收件人$|联系人$", re.IGNORECASE)  # by which another may be called too
PHONE = re.compile("tel|phone|mobile|电话|手机", re.IGNORECASE)
BUYERS_WORDS = re.compile("desc|说明|描述|留言", re.IGNORECASE)
MOBILE = re.compile(r"(?<!\d)(?:(?:\+|00)?86[\s-]?)?(1[3-9](?:[\s-]?\d){9})(?!\d)")
BETWEEN = r"[\s\-‐-―－.·()（）]{0,2}"  # what people write between the digits of a number
NUMBER, SHORT = 7, 5  # digits that make a number; characters below which a word must stand by itself
# What the desk itself wrote, by key: codes and amounts, which figures are counted by.
CODES = frozenset({"kind", "kind_asked", "from_role", "to_role", "role", "from", "to", "status", "clock", "phase",
                   "marketplace_status", "order_status", "good_status", "dispute_type", "amount", "operation",
                   "rule"})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Buyer:
    """Every word for one buyer: `names` may be other people's too, `ids` are not."""

    names: frozenset[str]
    ids: frozenset[str]

    @property
    def words(self) -> frozenset[str]:
        return self.names | self.ids


def of(case: Case, source: CaseSource) -> Buyer:
    """The buyer of a case: its columns, the row as it came, and what stood in either before."""
    columns = {name: getattr(source, name) for name in ("buyer_name", "buyer_phone", "buyer_address", "buyer_uid")}
    changes = case.timeline.filter(kind="changed").values_list("data__changes", flat=True)
    said = [columns, {ID: case.buyer_nick, "description": case.description}, source.raw, source.former, *changes]
    found = [pair for each in said for pair in told(each)]
    return Buyer(frozenset(word for kind, word in found if kind == NAME),
                 frozenset(word for kind, word in found if kind == ID))  # fmt: skip


def remembered(former: Words, before: Any, now: Any) -> Words:
    """`former`, and the words for the buyer that stand in `before` and no longer in `now`."""
    kept = {kind: list(words) for kind, words in former.items()}
    for kind, word in sorted(set(told(before)) - set(told(now))):
        if word not in kept.setdefault(kind, []):
            kept[kind].append(word)
    return {kind: words for kind, words in kept.items() if words}


def told(said: Any) -> Iterator[Pair]:
    """(NAME or ID, word) for every word for the buyer in a row as it came, however deep it stands."""
    for key, value in pairs(said):
        text = value.strip()
        if OF_SHOP.search(key):
            continue
        if OF_BUYER.search(key) and _is_a_word(text):
            shared = "*" in text or SHARED.search(key)
            yield NAME if shared else ID, text
        yield from _numbers(key, text)


def _numbers(key: str, text: str) -> Iterator[Pair]:
    """Phones by their digits. One that the buyer only speaks of may be anybody's."""
    is_phone = OF_BUYER.search(key) and PHONE.search(key)
    digits = re.sub(r"\D", "", text)
    if is_phone and "*" not in text and NUMBER <= len(digits) <= 15:
        yield ID, digits
    if is_phone or BUYERS_WORDS.search(key):
        for number in MOBILE.findall(text):
            yield ID if is_phone else NAME, re.sub(r"\D", "", number)


def _is_a_word(text: str) -> bool:
    """Whether a person can be known by it: no blank, no lone letter, no small number, not stars alone."""
    if text in BLANK or not text.strip("* "):
        return False
    return len(text) >= SHORT if text.isdecimal() else len(text) > 1


def pairs(value: Any, key: str = "") -> Iterator[Pair]:
    """(key, text) of everything in a JSON value."""
    if isinstance(value, dict):
        for name, each in value.items():
            yield from pairs(each, str(name))
    elif isinstance(value, list | tuple):
        for each in value:
            yield from pairs(each, key)
    elif isinstance(value, str | int) and not isinstance(value, bool):
        yield key, str(value)


def pattern(words: Iterable[str]) -> Found:
    """Finds any of the words, the longest first; numbers however they are grouped. No words: finds nothing."""
    longest = sorted(set(words), key=lambda word: (-len(word), word))
    return re.compile("|".join(map(_written, longest)) or r"(?!)", re.IGNORECASE)


def _written(word: str) -> str:
    if word.isascii() and word.isdigit() and len(word) >= NUMBER:
        digits = BETWEEN.join(f"[{digit}{chr(0xFF10 + int(digit))}]" for digit in word)
        return rf"(?<!\d)(?:(?:\+|00)?86{BETWEEN})?{digits}(?!\d)"
    if word.isdecimal() or (word.isascii() and len(word) < SHORT):
        return rf"(?<![0-9A-Za-z]){re.escape(word)}(?![0-9A-Za-z])"
    return re.escape(word)


def starred(value: Any, found: Found) -> Any:
    """The value with everything that is found in it starred out, however deep it stands; codes stay as they are."""
    if isinstance(value, str):
        return found.sub(STARS, value)
    if isinstance(value, dict):
        return {key: each if key in CODES else starred(each, found) for key, each in value.items()}
    if isinstance(value, list):
        return [starred(each, found) for each in value]
    is_number = isinstance(value, int) and not isinstance(value, bool)
    return STARS if is_number and found.fullmatch(str(value)) else value
