"""XML from outside: small, without entities, into plain objects and back."""

import re
from collections.abc import Mapping, Sequence
from typing import Any
from xml.etree import ElementTree as Tree

from handoffs.carriers.base import Unreadable
from handoffs.warehouses.base import LARGEST

DEPTH = 20
# What XML has no way to say: a reader would decline the whole message for one of them.
UNSAYABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


class Shallow(Tree.TreeBuilder):
    """Builds a tree, and gives up on what declares a document type or nests too deep."""

    def __init__(self) -> None:
        super().__init__()  # noqa: S314  what is dangerous is declined below
        self._depth = 0

    def start(self, tag: str, attrs: Mapping[str, str], /) -> Tree.Element:  # type: ignore[override]
        self._depth += 1
        if self._depth > DEPTH:
            raise Unreadable("nested too deep")
        return super().start(tag, dict(attrs))

    def end(self, tag: str, /) -> Tree.Element:
        self._depth -= 1
        return super().end(tag)

    def doctype(self, _name: str, _public: str | None, _system: str | None) -> None:
        raise Unreadable("no document types here")


def read(body: bytes) -> Tree.Element:
    """The root. Raises Unreadable for what is no XML, too large or too deep, or declares a document type (entities hide
    there).
    """
    if len(body) > LARGEST:
        raise Unreadable("too long")
    if b"<!DOCTYPE" in body.upper() or b"<!ENTITY" in body.upper():
        raise Unreadable("no document types here")
    try:
        parser = Tree.XMLParser(target=Shallow())  # noqa: S314  no document type, so no entities
        parser.feed(body.decode("utf-8-sig"))
        root: Tree.Element = parser.close()
    except (Tree.ParseError, UnicodeError, ValueError, LookupError, RecursionError) as error:
        raise Unreadable("no XML") from error
    return root


def text(element: Tree.Element | None, path: str) -> str:
    """The words at a path; empty where there is none."""
    found = element.find(path) if element is not None else None
    return (found.text or "").strip() if found is not None else ""


def write(root: str, fields: Mapping[str, Any]) -> bytes:
    """An object as XML: mappings nest, sequences of mappings repeat, empty values are left out."""
    made = Tree.Element(root)
    _fill(made, fields)
    return bytes(Tree.tostring(made, encoding="utf-8", xml_declaration=True))


def _fill(parent: Tree.Element, fields: Mapping[str, Any]) -> None:
    for name, value in fields.items():
        if isinstance(value, Mapping):
            _fill(Tree.SubElement(parent, name), value)
        elif isinstance(value, Sequence) and not isinstance(value, str):
            for each in value:
                _fill(Tree.SubElement(parent, name), each)
        elif value not in ("", None):
            Tree.SubElement(parent, name).text = UNSAYABLE.sub("", str(value))
