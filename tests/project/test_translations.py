"""The console speaks Simplified Chinese: every word of our own and of the packages it shows, in a shop's terms."""

import ast
import gettext as standard
import re
import struct
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest
from django.apps import apps
from django.conf import settings
from django.utils import translation
from django.utils.translation.template import templatize

CATALOGUE = Path(settings.BASE_DIR) / "locale" / "zh_Hans" / "LC_MESSAGES"
# How many leading arguments are words: (context, singular, plural) as the functions take them.
MARKS = {"gettext": "s", "pgettext": "cs", "ngettext": "sp", "npgettext": "csp"}
LITERAL = r"u?('(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\")"
MARKED = re.compile(rf"\b(n?p?gettext|_)\(\s*{LITERAL}(?:\s*,\s*{LITERAL})?(?:\s*,\s*{LITERAL})?")
PLACEHOLDER = re.compile(r"%(?:\(\w+\))?[-+ 0#]*\d*(?:\.\d+)?[a-zA-Z%]|\{\w*\}|</?\w[^>]*>")
HAN = r"[\u4e00-\u9fff]"
# Characters of traditional Chinese that have another form in simplified Chinese.
TRADITIONAL = "個們這為與開關請錯誤確認運單號處貨買賣還沒後時間點從會說讓問題據類內訂單證簽倉庫審轉過進選擇無"


class Message(NamedTuple):
    context: str | None
    words: str
    plural: str | None = None

    @property
    def key(self) -> tuple[str | None, str]:
        return self.context, self.words


class Entry(NamedTuple):
    message: Message
    chinese: str
    flags: str


# What the catalogue holds ---------------------------------------------------------------------------------------------


@cache
def entries() -> tuple[Entry, ...]:
    """The entries of the .po file, without its header."""
    blocks = (CATALOGUE / "django.po").read_text(encoding="utf-8").split("\n\n")
    return tuple(entry for entry in map(_entry, blocks) if entry.message.words)


def _entry(block: str) -> Entry:
    fields: dict[str, str] = {}
    name = ""
    for line in block.splitlines():
        if found := re.match(r"(msg\w+(?:\[0\])?) (\".*\")$", line):
            name = found[1]
            fields[name] = ast.literal_eval(found[2])
        elif line.startswith('"'):
            fields[name] += ast.literal_eval(line)
    message = Message(fields.get("msgctxt"), fields["msgid"], fields.get("msgid_plural"))
    flags = "".join(re.findall(r"^#,(.*)$", block, re.M))
    return Entry(message, fields.get("msgstr", fields.get("msgstr[0]", "")), flags)


# What the code asks for -----------------------------------------------------------------------------------------------


def asked_for(folder: Path, left_out: frozenset[str] = frozenset()) -> Iterator[Message]:
    for path in sorted(folder.rglob("*")):
        if left_out.intersection(path.relative_to(folder).parts):
            continue
        if path.suffix == ".py":
            yield from _in_python(ast.parse(path.read_text(encoding="utf-8")))
        elif path.suffix in (".html", ".txt") and "templates" in path.parts:
            yield from _in_template(templatize(path.read_text(encoding="utf-8"), origin=str(path)))


def _in_python(tree: ast.Module) -> Iterator[Message]:
    names: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module == "django.utils.translation":
            names |= {alias.asname or alias.name: re.sub("_(lazy|noop)$", "", alias.name) for alias in node.names}
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Name) and node.value.id in names:
            names |= {target.id: names[node.value.id] for target in node.targets if isinstance(target, ast.Name)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and names.get(node.func.id) in MARKS:
            given = [arg.value for arg in node.args if isinstance(arg, ast.Constant) and isinstance(arg.value, str)]
            yield from _message(names[node.func.id], given)


def _in_template(text: str) -> Iterator[Message]:
    for found in MARKED.finditer(text):
        given = [ast.literal_eval(literal) for literal in found.groups()[1:] if literal]
        yield from _message("gettext" if found[1] == "_" else found[1], given)


def _message(function: str, given: list[str]) -> Iterator[Message]:
    roles = dict(zip(MARKS[function], given, strict=False))
    if roles.get("s"):
        yield Message(roles.get("c"), roles["s"], roles.get("p"))


def ours() -> set[Message]:
    root = Path(settings.BASE_DIR)
    folders = [root / name for name in ("accounts", "handoffs", "refunddesk", "templates")]
    return {message for folder in folders for message in asked_for(folder)}


def shown(message: Message) -> str:
    """What a reader of Simplified Chinese sees, whichever catalogue knows it."""
    with translation.override("zh-hans"):
        if message.plural is not None:
            if message.context is not None:
                return translation.npgettext(message.context, message.words, message.plural, 1)
            return translation.ngettext(message.words, message.plural, 1)
        if message.context is not None:
            return translation.pgettext(message.context, message.words)
        return translation.gettext(message.words)


# Complete -------------------------------------------------------------------------------------------------------------


def test_every_word_of_our_own_is_in_chinese() -> None:
    chinese = {entry.message.key: entry.chinese for entry in entries()}
    missing = sorted(message.words for message in ours() if not chinese.get(message.key, "").strip())
    assert not missing, "run make messages and translate these"


@pytest.mark.slow
def test_the_catalogue_holds_nothing_that_nobody_asks_for() -> None:
    asked = {message.key for message in ours()}
    assert not sorted(entry.message.words for entry in entries() if entry.message.key not in asked)


def test_no_translation_is_a_guess() -> None:
    assert not [entry.message.words for entry in entries() if "fuzzy" in entry.flags]
    assert "\n#~ " not in (CATALOGUE / "django.po").read_text(encoding="utf-8")


@pytest.mark.parametrize("label", ["unfold", "unfold_filters", "unfold_forms", "unfold_simple_history", "admin"])
def test_every_word_of_the_console_s_packages_is_in_chinese(label: str) -> None:
    # The theme carries pages for packages that the desk does not use.
    unused = frozenset({"contrib"}) if label == "unfold" else frozenset()
    asked = {message for message in asked_for(Path(apps.get_app_config(label).path), unused)}
    english = sorted(message.words for message in asked if not re.search(HAN, shown(message)))
    assert asked
    assert not [words for words in english if re.search("[A-Za-z]{2}", PLACEHOLDER.sub("", words))]


def test_what_the_login_and_the_api_turn_down_is_said_in_chinese() -> None:
    for words in ("Account locked: too many login attempts. Please try again later.",
                  "A valid biginteger is required.", "Range query expects two values."):  # fmt: skip
        assert re.search(HAN, shown(Message(None, words)))


# Sound ----------------------------------------------------------------------------------------------------------------


def test_placeholders_and_tags_are_the_same_in_both_languages() -> None:
    checked = [entry for entry in entries() if "no-python-format" not in entry.flags]
    assert not [
        (entry.message.words, entry.chinese)
        for entry in checked
        if sorted(PLACEHOLDER.findall(entry.chinese))
        != sorted(PLACEHOLDER.findall(entry.message.plural or entry.message.words))
    ]


def test_the_compiled_catalogue_is_in_step_with_its_source() -> None:
    compiled = (CATALOGUE / "django.mo").read_bytes()
    with (CATALOGUE / "django.mo").open("rb") as file:
        known = standard.GNUTranslations(file)
    for (context, words, plural), chinese, _flags in entries():
        if plural is not None:
            found = known.ngettext(words, plural, 1) if context is None else known.npgettext(context, words, plural, 1)
        else:
            found = known.gettext(words) if context is None else known.pgettext(context, words)
        assert found == chinese
    assert struct.unpack("<I", compiled[8:12])[0] == len(entries()) + 1


def test_the_header_holds_no_addresses_paths_or_dates() -> None:
    head = (CATALOGUE / "django.po").read_text(encoding="utf-8").split("\n\n")[0]
    assert "Plural-Forms: nplurals=1; plural=0;" in head
    assert not re.search(r"POT-Creation|Revision|Translator|@|\d{4}-\d\d|YEAR|PACKAGE|(?<!text)/\w+/", head)


# Well written ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "pattern"),
    [
        ("traditional characters", f"[{TRADITIONAL}]"),
        ("three dots", r"\.\.\.|。。"),
        ("narrow marks beside Chinese", rf"{HAN}[,;:!?()]|[,;:!?](?={HAN})"),
        ("straight quotes around Chinese", rf"[\"']{HAN}|{HAN}[\"']"),
        ("a blank between Chinese and Latin letters or digits", rf"{HAN} [A-Za-z0-9%]|[A-Za-z0-9%] {HAN}"),
        ("您 to a colleague", "您"),
    ],
)
def test_no_translation_has(fault: str, pattern: str) -> None:
    assert not [entry.chinese for entry in entries() if re.search(pattern, entry.chinese)], fault


def test_sentences_end_as_sentences_in_both_languages() -> None:
    uneven = [
        entry.message.words
        for entry in entries()
        if entry.message.words.rstrip().endswith(".") != entry.chinese.rstrip().endswith("。")
        and not entry.message.words.endswith(("...", " no."))
    ]
    assert not uneven


@pytest.mark.parametrize(
    ("english", "chinese"),
    [
        ("waybill", "运单"),
        ("back office", "商家后台"),
        ("stop the parcel", "截单"),
        ("handoff", "交接"),
        ("compensation", "赔付"),
        ("carrier", "快递"),
        ("marketplace", "平台"),
        ("supervisor", "主管"),
        ("manager", "店长"),
        ("warehouse", "仓|出库"),
        ("return number", "退货单号"),
        ("small payment", "小额打款"),
        ("playbook", "处理手册"),
    ],
)
def test_one_thing_has_one_name(english: str, chinese: str) -> None:
    word = re.compile(rf"\b{english}s?\b", re.I)
    about = [entry for entry in entries() if word.search(PLACEHOLDER.sub("", entry.message.words))]
    assert not [entry.message.words for entry in about if not re.search(chinese, entry.chinese)]
