"""What the fields of the set-up mean where their names do not say it; shown under the field."""

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext_lazy as _

CODE = _("Short, in Latin letters; stands in addresses and commands. Best left as it is later.")
SWITCH_OFF = _("Switched off it is kept for what was, and no longer offered.")
ALL_SHOPS = _("Empty: for every shop without one of its own.")

HELP: Mapping[str, Mapping[str, Any]] = {
    "shop": {
        "code": CODE,
        "name": _("As the team calls it; it stands beside every case."),
        "marketplace": _("Decides which files are read, and which rules refunds and refusals obey."),
        "return_policy": _("When the money of a return may go: at the door, or only after quality control."),
        "warehouse": _("Where its returns arrive. Without one the shop needs contacts of its own."),
        "return_address": _("Goes into the replies that ask the buyer to send goods back."),
        "active": _("Switched off it is not offered for imports any more; its open cases stay."),
    },
    "carrier": {"code": CODE, "name": _("As people say it."), "active": SWITCH_OFF},
    "agreement": {
        "answer_minutes": _("The deadline of every question to this carrier's contact. 120 is usual."),
        "lost_after_days": _("Without any event for so long after pickup, a parcel counts as lost and is claimed."),
        "no_first_event_days": _("The same for a parcel that was handed over and never appeared."),
        "undelivered_risk": _("Who pays for what is lost on the way. A claim is opened only where the carrier does."),
        "claim_follow_up_days": _("After so long a claim without an answer comes up again."),
        "certificate_on_request": _("Whether the carrier gives the stamped certificate (红章证明)."),
        "note": _("What the team should know of it."),
    },
    "warehouse": {"code": CODE, "address": _("Where returns are sent."), "active": SWITCH_OFF},
    "calendar": {
        "holidays": _("Days off and make-up working days come from “Holidays”."),
    },
    "calendarwindow": {"end": _("00:00 is midnight at the end of the day.")},
    "calendarday": {"kind": _("A make-up working day has the hours of a weekday.")},
    "contact": {
        "role": _("Logistics for a carrier; warehouse, QC and supervisor for a warehouse or a shop."),
        "carrier": _("Only for logistics contacts."),
        "warehouse": _("For every shop that sends its returns there."),
        "shop": _("For this shop alone. Where its warehouse has a contact, that one is asked."),
        "user": _("Every question to this counterpart reaches this person first."),
        "deputy": _("Asked while the contact is off duty; after that the role's lead."),
    },
    "dutyshift": {"ends_at": _("Empty: until switched off.")},
    "limit": {
        "role": _("For everybody of the role, or below for one person; not both."),
        "user": _("Goes before the limit of the role."),
        "shop": _("Empty: in every shop. A shop's own goes before it."),
    },
    "user": {
        "email": _("The person logs in with it, and gets mail there."),
        "is_active": _("Switched off: cannot log in; what the person did stays."),
        "wants_digest": _("A worklist each morning; none when there is nothing to do."),
        "wants_mail": _("What is urgent also comes by mail, not only to the bell."),
    },
    "membership": {
        "role": _("What the person sees and may do in the shop."),
        "valid_from": _("Empty: at once."),
        "valid_to": _("Empty: without end. On this day it still holds."),
    },
    "clockpolicy": {
        "clock": _("What has to be done in time."),
        "handoff_kind": _("Only for the deadline of a question to a colleague."),
        "shop": ALL_SHOPS,
        "minutes": _("From the start of the clock; 60 is an hour, 1440 a day."),
        "difficult_minutes": _("Where whoever asks marks the question as difficult."),
        "external_minutes": _("Where goods are inspected outside."),
    },
    "policystep": {
        "percent": _("50 is half of the time, 100 the deadline, 150 half of it later."),
        "act": _("A clock must have the step “mark late”."),
        "to": _("Who gets the message."),
    },
    "reason": {
        "text": _("Exactly as it stands in the file."),
        "compensation": _("The buyer claims money beside the refund: somebody says whether the claim stands."),
        "shown_publicly": _("Buyers see it in the shop's record, so such returns are not agreed to unseen."),
        "refusable": _("Off: a refusal is not offered."),
    },
    "replytemplate": {
        "shop": ALL_SHOPS,
        "code": _("The same code in both languages and in a shop's own version."),
        "title": _("Under this name it is chosen."),
    },
}


class Explained:
    """Mixed into a set-up screen or its rows: a field that the model does not explain is explained from here."""

    def formfield_for_dbfield(self, db_field: Any, request: Any, **kwargs: Any) -> Any:
        field = super().formfield_for_dbfield(db_field, request, **kwargs)  # type: ignore[misc]
        if field is not None and not field.help_text:
            field.help_text = HELP.get(db_field.model._meta.model_name, {}).get(db_field.name, "")
        return field
