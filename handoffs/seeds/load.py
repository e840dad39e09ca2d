"""Fills the editable tables on a new installation; a table that has rows is left alone."""

from typing import Any

from handoffs.seeds.policies import CLOCK_MINUTES, DEFAULT_STEPS, HANDOFF_MINUTES


def load(**_kwargs: Any) -> None:
    """Deadlines, steps, reasons, templates and the calendar's days. Safe to run any number of times."""
    _policies()
    _reasons()
    _templates()
    _days()


def _policies() -> None:
    from handoffs.models import ClockPolicy, PolicyStep
    from handoffs.models.clock import ClockKind

    if not ClockPolicy.objects.exists():
        rows = [ClockPolicy(clock=kind, minutes=minutes) for kind, minutes in CLOCK_MINUTES.items()]
        rows += [
            ClockPolicy(
                clock=ClockKind.HANDOFF,
                handoff_kind=kind,
                minutes=minutes,
                difficult_minutes=difficult,
                external_minutes=external,
            )
            for kind, (minutes, difficult, external) in HANDOFF_MINUTES.items()
        ]
        ClockPolicy.objects.bulk_create(rows)
    if not PolicyStep.objects.exists():
        PolicyStep.objects.bulk_create(PolicyStep(**step) for step in DEFAULT_STEPS)


def _reasons() -> None:
    from handoffs.models import Reason
    from handoffs.seeds.reasons import REASONS

    if not Reason.objects.exists():
        names = ("marketplace", "text", "compensation", "shown_publicly", "refusable")
        Reason.objects.bulk_create(Reason(**dict(zip(names, row, strict=True))) for row in REASONS)


def _templates() -> None:
    from handoffs.models import ReplyTemplate
    from handoffs.seeds.templates import TEMPLATES

    if not ReplyTemplate.objects.exists():
        names = ("code", "language", "title", "body")
        ReplyTemplate.objects.bulk_create(ReplyTemplate(**dict(zip(names, row, strict=True))) for row in TEMPLATES)


def _days() -> None:
    from handoffs.models import CalendarDay
    from handoffs.seeds.holidays import chinese_days, known_years

    if CalendarDay.objects.exists():
        return
    rows = [(day, kind, name) for year in known_years() for day, (kind, name) in (chinese_days(year) or {}).items()]
    CalendarDay.objects.bulk_create(CalendarDay(day=day, kind=kind, name=name) for day, kind, name in rows)
