"""Letters: a mail as HTML and text, in the reader's language and zone, with its styles written into its tags."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import css_inline
from django.conf import settings
from django.template.loader import render_to_string
from django.utils import timezone, translation

from accounts.models import User

# Mail programs drop style sheets, so every rule goes into the tags; nothing is ever fetched for it.
_inliner = css_inline.CSSInliner(load_remote_stylesheets=False, keep_style_tags=False)


@dataclass(frozen=True, slots=True)
class Letter:
    """What is sent: one line of subject, the text and the HTML of the same content."""

    subject: str
    text: str
    html: str


@contextmanager
def read_by(user: User) -> Iterator[None]:
    """Language and zone of the person who will read what is written inside."""
    with translation.override(user.language), timezone.override(user.zone):
        yield


def write(name: str, subject: str, values: Mapping[str, Any]) -> Letter:
    """A letter from `templates/email/NAME.html` and `.txt`; call it inside `read_by`."""
    context = {**values, "subject": one_line(subject), "desk": settings.BASE_URL}
    html = _inliner.inline(render_to_string(f"email/{name}.html", context))
    text = render_to_string(f"email/{name}.txt", context)
    return Letter(one_line(subject), text.strip() + "\n", html)


def link(path: str) -> str:
    """A place in the console as a mail names it; it opens after the login."""
    return f"{settings.BASE_URL}{path}"


def one_line(text: str) -> str:
    """The text on one line of at most 200 characters, as a mail's subject must be."""
    return " ".join(text.split())[:200]
