"""What came with a form: its values, and its files, which are kept when the form has to be shown again."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.http import HttpRequest
from django.utils import timezone

from accounts.models import User
from handoffs.admin.page import person
from handoffs.exact import wholes
from handoffs.flow import evidence
from handoffs.flow.errors import Invalid
from handoffs.models import Attachment

FILES = ("files", "photo")


@dataclass
class Sent:
    """A form that was sent, by whom and when. `proofs` are the uploads so far, an earlier try's included."""

    values: dict[str, Any]
    request: HttpRequest
    by: User
    at: datetime
    proofs: list[Attachment] = field(default_factory=list)
    declined: list[Invalid] = field(default_factory=list)

    def attachments(self) -> list[int]:
        """Store the files and give the ids of all proofs. Where one is declined, the others are stored nevertheless."""
        for name in FILES:
            self.kept_of(name)
        if self.declined:
            raise self.declined[0]
        return [proof.pk for proof in self.proofs]

    def kept_of(self, name: str) -> list[int]:
        """Store the files of one field; the ids of those that were taken."""
        stored: list[Attachment] = []
        for file in self.values.pop(name, None) or ():
            try:
                stored.append(evidence.upload(file, by=self.by, at=self.at))
            except Invalid as error:
                self.declined.append(error)
        self.proofs += stored
        return [proof.pk for proof in stored]


def sent(request: HttpRequest) -> Sent:
    """The form in hand, with the person's own uploads of an earlier try that prove nothing yet."""
    ids = wholes(request.POST.getlist("kept"))[:20]
    kept = Attachment.objects.filter(pk__in=ids, by=person(request), case=None, handoff=None)
    return Sent({}, request, person(request), timezone.now(), list(kept))
