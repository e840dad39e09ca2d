"""The kinds of handoff as one table: who asks whom what, which answers there are, what each answer must bring.

Source: domain.md section 3. Deadlines stand in the policy rows.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from django.utils.translation import gettext_lazy as _

from accounts.models.people import Role
from handoffs.models.handoff import HandoffKind as K


class Need(StrEnum):
    """What an answer must bring before it is taken."""

    NOTE = "note"
    BY = "by"
    WAYBILL = "waybill"
    AMOUNT = "amount"
    POSITION = "position"
    CONDITION = "condition"
    WEIGHT = "weight"
    SIGNED_AT = "signed_at"
    PHOTO = "photo"
    DOCUMENT = "document"
    LINES = "lines"


@dataclass(frozen=True, slots=True)
class Answer:
    """`of`: the role that can say so, where a question goes to two; empty: whoever is asked."""

    code: str
    label: Any
    needs: tuple[Need, ...] = ()
    of: str = ""


@dataclass(frozen=True, slots=True)
class Kind:
    """One fixed question. `also_to` are further roles the same question is put to by itself."""

    code: str
    from_roles: frozenset[str]
    to_role: str
    question: Any
    answers: tuple[Answer, ...]
    also_to: tuple[str, ...] = ()
    about_parcel: bool = False
    also_question: Any = ""

    def asks(self, role: str) -> Any:
        """The question as it is put to this role."""
        return self.also_question if self.also_question and role in self.also_to else self.question

    def offered(self, role: str) -> tuple[Answer, ...]:
        """The answers that the asked role can give."""
        return tuple(answer for answer in self.answers if answer.of in ("", role))

    def answer(self, code: str) -> Answer | None:
        wanted = ALIASES.get(code.strip().lower().replace(" ", "_"), code.strip().lower().replace(" ", "_"))
        return next((answer for answer in self.answers if answer.code == wanted), None)


ALIASES = {
    "partly": "partly_good", "need_the_goods": "need_goods", "will_return_by": "will_return",
    "1": "good", "2": "damaged", "3": "partly_good", "4": "unconfirmed", "signed_at": "signed",
}  # fmt: skip
SUPPORT = frozenset({Role.SUPPORT.value})
WAREHOUSE = frozenset({Role.WAREHOUSE.value})
LOGISTICS, SUPERVISOR, STORE, QC = Role.LOGISTICS.value, Role.SUPERVISOR.value, Role.WAREHOUSE.value, Role.QC.value
APPROVAL = (
    Answer("approve", _("approve")),
    Answer("approve_less", _("approve less"), (Need.AMOUNT,)),
    Answer("refuse", _("refuse"), (Need.NOTE,)),
)
OUTCOMES = (
    Answer("good", _("1 · good")),
    Answer("damaged", _("2 · damaged"), (Need.PHOTO,)),
    Answer("partly_good", _("3 · partly good"), (Need.PHOTO,)),
    Answer("unconfirmed", _("4 · unconfirmed"), (Need.PHOTO,)),
    Answer("wrong_item", _("wrong item"), (Need.PHOTO,)),
    Answer("empty_box", _("empty box"), (Need.PHOTO,)),
    Answer("not_ours", _("not ours"), (Need.PHOTO,)),
    Answer("outcome", _("outcome per line"), (Need.LINES,)),
)

KINDS: dict[str, Kind] = {
    kind.code: kind
    for kind in (
        Kind(
            K.TRACE_DELIVERY, SUPPORT, LOGISTICS, _("Where is the parcel, and when will it arrive?"),
            (Answer("position", _("position and expected date"), (Need.POSITION, Need.BY)),), about_parcel=True,
        ),
        Kind(
            K.TRACE_RETURN, SUPPORT, LOGISTICS, _("Has the return been signed for?"),
            (
                Answer("position", _("not yet: position"), (Need.POSITION,)),
                Answer("signed", _("signed for at"), (Need.SIGNED_AT,)),
            ), about_parcel=True,
        ),
        Kind(
            K.CHECK_NOT_RECEIVED, SUPPORT, LOGISTICS, _("The buyer says it never came. What happened?"),
            (
                Answer("delivered", _("delivered, with proof"), (Need.DOCUMENT,), of=LOGISTICS),
                Answer("misdelivered", _("misdelivered"), of=LOGISTICS),
                Answer("lost", _("lost")),
                Answer("handed_over", _("handed over to the carrier, with proof"), (Need.DOCUMENT,), of=STORE),
            ), also_to=(STORE,), about_parcel=True,
            also_question=_("The buyer says it never came. Can you prove that it was handed over to the carrier?"),
        ),
        Kind(
            K.RECALL_PARCEL, SUPPORT, LOGISTICS, _("Can you bring the parcel back?"),
            (
                Answer("will_return", _("will come back by"), (Need.BY,)),
                Answer("cannot", _("cannot be recalled")),
                Answer("delivered", _("already delivered")),
            ), about_parcel=True,
        ),
        Kind(K.APPROVE_REFUND, SUPPORT, SUPERVISOR, _("May we grant this refund over the limit?"), APPROVAL),
        Kind(K.APPROVE_COMPENSATION, SUPPORT, SUPERVISOR, _("May we pay the buyer compensation?"), APPROVAL),
        Kind(
            K.SPECIAL_REQUEST, SUPPORT, SUPERVISOR, _("The buyer has a special wish. What do we do?"),
            (
                Answer("yes", _("yes")),
                Answer("no", _("no"), (Need.NOTE,)),
                Answer("instead", _("instead"), (Need.NOTE,)),
            ),
        ),
        Kind(
            K.CHECK_SHIPPED, SUPPORT, STORE, _("Has it left? Is an item wrong or missing?"),
            (Answer("facts", _("facts and photo"), (Need.NOTE, Need.PHOTO)),),
        ),
        Kind(
            K.STOP_PARCEL, SUPPORT, STORE, _("Can you stop the parcel before it leaves?"),
            (
                Answer("stopped", _("stopped")),
                Answer("not_picked", _("not picked yet")),
                Answer("left", _("already left"), (Need.WAYBILL,)),
            ),
        ),
        Kind(
            K.RECEIVE_RETURN, SUPPORT, STORE, _("Is the return signed for? Are the goods abnormal?"),
            (Answer("received", _("received"), (Need.CONDITION, Need.WEIGHT)),), about_parcel=True,
        ),
        Kind(
            K.RECHECK_WEIGHT, SUPPORT, STORE, _("What does it weigh? Please attach the slip of a problem parcel."),
            (Answer("weight", _("weight and photo"), (Need.WEIGHT, Need.PHOTO)),), about_parcel=True,
        ),
        Kind(
            K.INSPECT_RETURN, WAREHOUSE, QC, _("In what state are the goods?"), OUTCOMES,
        ),
        Kind(
            K.ASK_QUALITY, SUPPORT | WAREHOUSE, QC, _("A question about quality or an inspection"),
            (
                Answer("yes", _("yes")),
                Answer("no", _("no")),
                Answer("need_goods", _("need the goods")),
            ),
        ),
        Kind(
            K.FOLLOW_UP_PARCEL, WAREHOUSE, LOGISTICS, _("What has become of this abnormal parcel?"),
            (
                Answer("found", _("found")),
                Answer("lost", _("lost")),
                Answer("damaged", _("damaged")),
            ), about_parcel=True,
        ),
        Kind(
            K.INSPECT_AT_DOOR, WAREHOUSE, LOGISTICS, _("Please inspect the return with us on delivery."),
            (Answer("present", _("will be present")), Answer("refused", _("refused"))), about_parcel=True,
        ),
        Kind(
            K.ISSUE_CERTIFICATE, WAREHOUSE, LOGISTICS, _("Please issue the stamped certificate."),
            (Answer("document", _("the document, attached"), (Need.DOCUMENT,)),), about_parcel=True,
        ),
    )
}  # fmt: skip
APPROVALS = frozenset({K.APPROVE_REFUND.value, K.APPROVE_COMPENSATION.value})
