"""Django's makemessages, so that a run changes only what changed: sorted, and without addresses, paths and dates."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from django.core.management.commands import makemessages

NOISE = ('"POT-Creation-Date:', '"PO-Revision-Date:', '"Last-Translator:', '"Report-Msgid-Bugs-To:')
ALWAYS: Mapping[str, Any] = {"no_wrap": True, "no_location": True, "no_obsolete": True}
LEFT_OUT = (".venv", "var", "tests")


class Command(makemessages.Command):
    # The registry of acts marks its labels with a short name, or each act would not fit on a line.
    xgettext_options = [*makemessages.Command.xgettext_options, "--keyword=L"]
    # A guessed translation is a wrong one until somebody has looked at it.
    msgmerge_options = [*makemessages.Command.msgmerge_options, "--no-fuzzy-matching", "--sort-output"]
    msgattrib_options = [*makemessages.Command.msgattrib_options, "--sort-output"]

    def handle(self, *args: Any, **options: Any) -> None:
        ignored = [*options.pop("ignore_patterns"), *LEFT_OUT]
        super().handle(*args, **{**options, **ALWAYS, "ignore_patterns": ignored})

    def write_po_file(self, potfile: str, locale: str) -> None:
        super().write_po_file(potfile, locale)
        written = Path(potfile).parent / locale / "LC_MESSAGES" / f"{self.domain}.po"
        lines = written.read_text(encoding="utf-8").splitlines(keepends=True)
        written.write_text("".join(line for line in lines if not line.startswith(NOISE)), encoding="utf-8")
