"""XML from outside: small, without entities, into plain objects and back."""

from collections.abc import Mapping, Sequence
from typing import Any
from xml.etree import ElementTree as Tree

from handoffs.carriers.base import Unreadable
from handoffs.warehouses.base import LARGEST

DEPTH = 20


def read(body: bytes) -> Tree.Element:
    """The root. Raises Unreadable for what is no XML, too large, or declares a document type (entities hide there)."""
    if len(body) > LARGEST:
        raise Unreadable("too long")
    if b"<!DOCTYPE" in body.upper() or b"<!ENTITY" in body.upper():
        raise Unreadable("no document types here")
    try:
        text = body.decode("utf-8-sig")
        root = Tree.fromstring(text)  # noqa: S314  no document type, so no entities
    except (Tree.ParseError, UnicodeDecodeError, ValueError, LookupError, RecursionError) as error:
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
            Tree.SubElement(parent, name).text = str(value)
