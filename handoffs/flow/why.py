"""Why a clock is due when it is due: the lines, and their words for the reader. Pure: no rows are read here."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from django.utils import dateformat, timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

WINDOWS_NAMED = 12
NOTHING = timedelta(0)


@dataclass(frozen=True, slots=True)
class Reason:
    """One line of “why is it due then?”; `text` puts it into the reader's words."""

    code: str
    params: Mapping[str, Any] = field(default_factory=dict)


class Account:
    """Collects what was met on the way to due: the first dozen windows one by one, what comes after as one line."""

    def __init__(self) -> None:
        self._lines: list[Reason] = []
        self._named = 0
        self._joins = False
        self._later = {"windows": 0, "holidays": 0, "makeups": 0}
        self._later_time = NOTHING
        self._until: datetime | None = None

    def met(self, reasons: Iterable[Reason]) -> None:
        """Days out of the ordinary. Holidays with no working time between them are one line."""
        for reason in reasons:
            if reason.code == "calendar_not_loaded":
                if reason not in self._lines:
                    self._lines.append(reason)
            elif self._later["windows"]:
                self._later[f"{reason.code}s"] += 1
            else:
                self._name_day(reason)

    def _name_day(self, reason: Reason) -> None:
        if reason.code == "holiday" and self._joins and self._lines[-1].code == "holiday":
            first = self._lines.pop().params["first"]
            reason = Reason("holiday", {"first": first, "last": reason.params["last"]})
        self._lines.append(reason)
        self._joins = reason.code == "holiday"

    def window(self, start: datetime, end: datetime, used: timedelta) -> None:
        """Working time that was open from `start` to `end`; what a pause took entirely gets no line."""
        self._joins = False
        if not used:
            return
        if self._named < WINDOWS_NAMED:
            self._named += 1
            self._lines.append(Reason("window", {"start": start, "end": end, "time": used}))
            return
        self._later["windows"] += 1
        self._later_time += used
        self._until = end

    def lines(self) -> list[Reason]:
        if not self._later["windows"]:
            return list(self._lines)
        later = {**self._later, "time": self._later_time, "until": self._until}
        return [*self._lines, Reason("more_windows", later)]


# Words ---------------------------------------------------------------------------------------------------------------

PAUSE_REASONS = {
    "waiting_buyer": gettext_lazy("waiting for the buyer"),
    "waiting_colleague": gettext_lazy("waiting for a colleague"),
}


def text(reason: Reason) -> str:
    """The line in the reader's language, its times in the reader's zone. An unknown code is shown as it is."""
    words = _WORDS.get(reason.code)
    return words(reason.params) if words else reason.code


def _when(moment: datetime) -> str:
    local = timezone.localtime(moment)
    return dateformat.format(local, "Y-m-d D H:i:s" if local.second else "Y-m-d D H:i")


def _until_when(start: datetime, end: datetime) -> str:
    """The end of a stretch: the time alone where it lies on the day on which the stretch starts."""
    first, last = timezone.localtime(start), timezone.localtime(end)
    if first.date() != last.date():
        return _when(end)
    return dateformat.format(last, "H:i:s" if last.second else "H:i")


def duration(length: timedelta, *, days: bool = False) -> str:
    """A length of time. In days only where a day has 24 hours: eight working hours are a day to most readers."""
    seconds = int(length.total_seconds())
    whole_days = seconds // 86400 if days else 0
    parts = (
        (_("%d d"), whole_days),
        (_("%d h"), seconds // 3600 - whole_days * 24),
        (_("%d min"), seconds // 60 % 60),
        (_("%d s"), seconds % 60),
    )
    return " ".join(form % number for form, number in parts if number) or _("%d min") % 0


def _day(day: date) -> str:
    return dateformat.format(day, "Y-m-d D")


def _calendar(params: Mapping[str, Any]) -> str:
    if params["holidays"]:
        return (
            _("Counted in the hours of “%(name)s” (%(zone)s), Chinese public holidays and make-up days observed.")
            % params
        )
    return _("Counted in the hours of “%(name)s” (%(zone)s), public holidays not observed.") % params


def _window(params: Mapping[str, Any]) -> str:
    start, end = params["start"], params["end"]
    shown = {"start": _when(start), "end": _until_when(start, end), "time": duration(params["time"])}
    return _("%(start)s to %(end)s: %(time)s counted.") % shown


def _more_windows(params: Mapping[str, Any]) -> str:
    number = params["windows"]
    shown = {"number": number, "until": _when(params["until"]), "time": duration(params["time"])}
    line = ngettext(
        "%(number)d more window until %(until)s: %(time)s counted.",
        "%(number)d more windows until %(until)s: %(time)s counted.",
        number,
    )
    days = _("Public holidays left out: %(holidays)d. Make-up days worked: %(makeups)d.") % params
    return f"{line % shown} {days}" if params["holidays"] or params["makeups"] else line % shown


def _holiday(params: Mapping[str, Any]) -> str:
    first, last = _day(params["first"]), _day(params["last"])
    if first == last:
        return _("%(day)s is a public holiday: not counted.") % {"day": first}
    return _("%(first)s to %(last)s are public holidays: not counted.") % {"first": first, "last": last}


def _pause(params: Mapping[str, Any]) -> str:
    shown = {"start": _when(params["start"]), "reason": PAUSE_REASONS.get(params["reason"], params["reason"])}
    if params["end"] is None:
        line = _("Paused since %(start)s: %(reason)s.") if params["reason"] else _("Paused since %(start)s.")
        return line % shown
    shown |= {"end": _until_when(params["start"], params["end"])}
    if params["reason"]:
        return _("Paused from %(start)s to %(end)s: %(reason)s.") % shown
    return _("Paused from %(start)s to %(end)s.") % shown


_WORDS: Mapping[str, Callable[[Mapping[str, Any]], str]] = {
    "start": lambda p: _("Started %(at)s.") % {"at": _when(p["at"])},
    "length": lambda p: _("%(time)s allowed.") % {"time": duration(p["time"], days=p.get("days", False))},
    "round_the_clock": lambda _params: _("Counted round the clock."),
    "calendar": _calendar,
    "window": _window,
    "more_windows": _more_windows,
    "holiday": _holiday,
    "makeup": lambda p: _("%(day)s is a make-up working day (调休): counted.") % {"day": _day(p["day"])},
    "pause": _pause,
    "calendar_not_loaded": lambda p: (
        _("The public holidays of %(year)s are not loaded: weekdays are taken as they come.") % {"year": p["year"]}
    ),
    "marketplace": lambda _params: _("The marketplace set this deadline; it is imported, never counted here."),
    "capped": lambda _params: _("Brought forward: it may not lie beyond the marketplace's own deadline."),
}
