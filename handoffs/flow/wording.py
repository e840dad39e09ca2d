"""Words to the buyer: whether a text says anything, how long it is, and filling in a template. Pure.

Source of the rule: domain.md section 1.1. Two Han characters, or two words of at least two letters, once emoji,
kaomoji and punctuation are taken away.
"""

import html
import re
import unicodedata
from collections.abc import Collection, Mapping
from typing import Literal

from django.utils.translation import gettext as _

from handoffs.flow.errors import Invalid
from handoffs.seeds.templates import VARIABLES

REFUSAL_LENGTH = (2, 200)  # characters of a refusal's message
MESSAGE_BYTES = 400  # of one marketplace message

# Characters drawn into faces and hands that no sentence to a buyer needs.
_DRAWN = "艹皿凸囧罒乂彡灬丶丨亠丿乀乁罓冖冂凵囗"
# Words in their own right, but not inside the brackets of a face, or mirrored as in 口_口.
_DRAWN_IN_FACES = _DRAWN + "益口一人工田目日曰月个血甘回〇"
_FACE_WORD = re.compile(r"orz|ot[lz]|x+d+|em+|([qtouvwx])[aouvw]\1")
# The marketplace chats write their own emoji as [微笑]; other text in such brackets is text.
_CHAT_EMOJI = re.compile(
    r"\[\s*(?:微笑|呲牙|可爱|害羞|大笑|偷笑|坏笑|憨笑|爱心|玫瑰|抱拳|握手|鼓掌|加油|强|赞|拥抱|亲亲|飞吻|飞心|花痴|大哭|流泪|委屈"
    r"|难过|尴尬|流汗|惊讶|疑问|发呆|思考|抱歉|对不起|谢谢|感谢|再见|鲜花|礼物|蛋糕|太阳|月亮|心碎|生气|发怒|鄙视|表情|图片|捂脸"
    r"|笑哭|撇嘴|调皮|得意|胜利|合十)\s*\]"
)
_HAN = r"\u3007\u3400-\u4dbf\u4e00-\u9fff\U00020000-\U000323af"
_LETTER = r"A-Za-z\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u024f\u0400-\u052f\u1e00-\u1eff\uac00-\ud7a3"
_ONE_HAN = re.compile(f"[{_HAN}]")
_WORD = re.compile(f"[{_LETTER}]{{2,}}")
_BRACKETED = re.compile(r"\(([^()]{0,40})\)")
_MIRRORED = re.compile(rf"([{_DRAWN_IN_FACES}])[^\w\s]*[_.\-^~ωoO0]+[^\w\s]*\1")
_SYMBOL = re.compile(f"[^{_HAN}{_LETTER}0-9\\s,.!?:;/%，。！？：；、·《》“”‘’'\"-]|_")
_TAG = re.compile(r"</?[A-Za-z][^<>]*>")
_VARIABLE = re.compile(r"\{([^{}\n]*)\}")


class SaysNothing(Invalid, ValueError):
    """The text has nothing in it for a person to read; the message says what is wanted."""

    default_code = "says_nothing"


class CannotFill(Invalid, ValueError):
    """A template names an unknown variable, or one for which there is no value."""

    default_code = "cannot_fill"

    def __init__(self, message: str, *, names: Collection[str], field: str = "") -> None:
        super().__init__(message, field=field)
        self.names = tuple(names)


def meaningful(text: str) -> bool:
    """Whether a text says something to a person (two Han characters, or two words of two letters)."""
    return _says(_without_faces(_plain(text)))


def require_meaningful(text: str, field: str) -> None:
    """Raise SaysNothing, a ValueError with the message to show, unless the text says something."""
    if not meaningful(text):
        wanted = _(
            "Write to the buyer in words: at least two Chinese characters, or two words. "
            "Emoji, kaomoji and punctuation do not count."
        ) if field == "message" else _(
            "Give it in words: at least two Chinese characters, or two words. "
            "Emoji, kaomoji and punctuation do not count."
        )  # fmt: skip
        raise SaysNothing(wanted, field=field)


def length(text: str) -> int:
    """The number of characters, a line break counting as one."""
    return len(text.replace("\r\n", "\n"))


def byte_length(text: str, encoding: Literal["utf-8", "gbk"] = "utf-8") -> int:
    """The number of bytes. What GBK cannot hold, such as emoji, counts with its four bytes in GB18030."""
    return len(text.replace("\r\n", "\n").encode("gb18030" if encoding == "gbk" else encoding, errors="replace"))


# Templates -----------------------------------------------------------------------------------------------------------


def variables(body: str) -> list[str]:
    """The names in braces, each once, in order."""
    return list(dict.fromkeys(name.strip() for name in _VARIABLE.findall(body)))


def require_known_variables(body: str, field: str = "body") -> None:
    """Raise CannotFill when a template uses a variable there is none of."""
    unknown = [name for name in variables(body) if name not in VARIABLES]
    if unknown:
        known = ", ".join(f"{{{name}}}" for name in VARIABLES)
        shown = {"names": _in_braces(unknown), "known": known}
        raise CannotFill(_("Unknown: %(names)s. You can use %(known)s.") % shown, names=unknown, field=field)


def fill(body: str, values: Mapping[str, object]) -> str:
    """The body with its variables replaced, once: braces inside a value stay as they are.

    Raises CannotFill naming every unknown variable, or every known one that has no value.
    """
    require_known_variables(body)
    filled = {name: str(value) for name in variables(body) if (value := values.get(name)) is not None}
    missing = [name for name in variables(body) if not filled.get(name, "").strip()]
    if missing:
        labels = ", ".join(f"{VARIABLES[name]} {{{name}}}" for name in missing)
        raise CannotFill(_("Fill in first: %(names)s.") % {"names": labels}, names=missing, field="body")
    return _VARIABLE.sub(lambda match: filled[match[1].strip()], body)


def _in_braces(names: Collection[str]) -> str:
    return ", ".join(f"{{{name}}}" for name in names)


# What is said --------------------------------------------------------------------------------------------------------


def _plain(text: str) -> str:
    """Full-width forms made plain, invisible characters dropped, each emoji and pictogram made a star.

    Pictograms go first: ㊗ and 🈶 would otherwise be normalised into Han characters.
    """
    text = _TAG.sub(" ", html.unescape(text))
    kinds = ((char, unicodedata.category(char)) for char in text)
    shown = "".join("*" if kind in ("So", "Sk", "Cs", "Co") else char for char, kind in kinds if kind != "Cf")
    return unicodedata.normalize("NFKC", shown)


def _without_faces(text: str) -> str:
    text = _BRACKETED.sub(lambda match: " " if _is_face(match[1]) else match[0], _CHAT_EMOJI.sub(" ", text))
    text = _MIRRORED.sub(" ", text)
    return re.sub(f"[{_DRAWN}]", " ", text)


def _is_face(inside: str) -> bool:
    """Whether what stands in brackets is drawn rather than written: symbols or drawn characters, and no words."""
    written = re.sub(f"[{_DRAWN_IN_FACES}]", "", inside)
    return (written != inside or bool(_SYMBOL.search(inside))) and not _says(written)


def _says(text: str) -> bool:
    return len(_ONE_HAN.findall(text)) >= 2 or sum(map(_is_word, _WORD.findall(text))) >= 2


def _is_word(letters: str) -> bool:
    """Letters that are no face of their own (orz, QAQ) and more than one letter held down (TT, hhh)."""
    folded = letters.casefold()
    return len(set(folded)) > 1 and not _FACE_WORD.fullmatch(folded)
