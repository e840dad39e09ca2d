"""Forms of the set-up screens as a browser posts them, and what they complain of."""

from typing import Any

from django.test import Client
from django.urls import reverse


def page(name: str, what: str, *args: object) -> str:
    return reverse(f"admin:{name}_{what}", args=args)


def formset(prefix: str, *rows: dict[str, Any], initial: int = 0) -> dict[str, Any]:
    """The posted rows of an inline."""
    counts = {"TOTAL_FORMS": len(rows), "INITIAL_FORMS": initial, "MIN_NUM_FORMS": 0, "MAX_NUM_FORMS": 1000}
    data = {f"{prefix}-{name}": value for name, value in counts.items()}
    return data | {f"{prefix}-{number}-{name}": value for number, row in enumerate(rows) for name, value in row.items()}


def complaints(client: Client, where: str, body: dict[str, Any]) -> dict[str, list[str]]:
    """The errors of the form by field; “” for those of the whole; none when it was stored."""
    answer = client.post(where, body)
    if answer.status_code == 302:
        return {}
    errors = answer.context["adminform"].form.errors
    found = {("" if field == "__all__" else field): list(texts) for field, texts in errors.items()}
    for inline in answer.context["inline_admin_formsets"]:
        found["inline"] = [*found.get("inline", []), *inline.formset.non_form_errors()]
    return {field: texts for field, texts in found.items() if texts}
