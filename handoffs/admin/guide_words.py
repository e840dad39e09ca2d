"""What the guides say: five points a role, each with the page it is about, and two pictures of real screens."""

from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext_lazy as _

from accounts.models.people import Role


@dataclass(frozen=True, slots=True)
class Point:
    """One thing to know. `place` names the page it is about, `verb` the right that opens it."""

    title: Any
    text: Any
    place: str = ""
    verb: str = ""


@dataclass(frozen=True, slots=True)
class Picture:
    """A real screen of the demo shop. `name` is that of the file without its language; `tall` ones are of a phone."""

    name: str
    caption: Any
    tall: bool = False


@dataclass(frozen=True, slots=True)
class Guide:
    """One screen for a role."""

    role: Role
    sentence: Any
    points: tuple[Point, ...]
    pictures: tuple[Picture, ...]


SUPPORT = Guide(
    Role.SUPPORT,
    _("Open the top row, do the step it recommends, go on. The desk keeps what is due first at the top."),
    (
        Point(_("Respond within 30 minutes"), _("Deal with what the buyer needs: by marketplace message, chat or phone. If you sent it earlier, give the time. A smiley is no response."), "index"),  # noqa: E501
        Point(_("Ask the colleague who knows"), _("Press h on a case: the warehouse stops a parcel, the carrier's contact brings one back. You see who gets the question and by when; the desk chases the answer."), "handoffs_case_changelist"),  # noqa: E501
        Point(_("Decide when the answer is there"), _("Within your limit it is decided at once; above it a supervisor is asked. A refund is agreed only at the amount applied for; another amount is an offer to the buyer."), "index"),  # noqa: E501
        Point(_("Pay many at once"), _("Path 1 is emptied every half hour: the plan shows what can be paid and why the rest cannot. Without a connection, pay in the seller back office and record it."), "handoffs_batches", "propose"),  # noqa: E501
        Point(_("Go on and off duty"), _("The switch stands at the top of the queue. Off duty, new questions go to your stand-in or deputy; hand over with a note."), "handoffs_handing_over"),  # noqa: E501
    ),
    (
        Picture("support-queue", _("The queue: what is due first, how much time is left, the next step as a button")),
        Picture("support-case", _("One case: the buyer's need, goods and money side by side, clocks, next step")),
    ),
)  # fmt: skip
SUPERVISOR = Guide(
    Role.SUPERVISOR,
    _("You decide what is above the limits of others, and see where it burns."),
    (
        Point(_("Approve, approve less or refuse"), _("Everything for it stands on one screen: evidence, what the order was granted before, your own limit. You never approve what you proposed yourself."), "handoffs_approvals", "approve"),  # noqa: E501
        Point(_("Several at once"), _("Tick them and decide together; each row says what became of it. The key a approves."), "handoffs_approvals", "approve"),  # noqa: E501
        Point(_("The board says who is late"), _("Late by role and lane, money at risk in the next hours, who carries how much, who is on duty. Every number opens its list."), "handoffs_board", "see_board"),  # noqa: E501
        Point(_("Pass work on"), _("Give a case to another agent, or a question to another colleague, on the case itself."), "handoffs_case_changelist"),  # noqa: E501
        Point(_("Follow the money without goods"), _("Exposure lists what was paid while the goods are neither back nor stopped nor claimed. Oldest first."), "handoffs_exposure", "see_exposure"),  # noqa: E501
    ),
    (
        Picture("supervisor-approvals", _("Approvals: what is asked for, why, and what was granted before")),
        Picture("supervisor-board", _("The board: who is late, and how much money is at risk")),
    ),
)  # fmt: skip
WAREHOUSE = Guide(
    Role.WAREHOUSE,
    _("Scan or type a waybill, or take the top card. There is one question, and a few answers to choose from."),
    (
        Point(_("Stop a parcel within 30 minutes"), _("Stopped, not picked, or already left: then give the waybill, and bringing it back begins at once."), "index"),  # noqa: E501
        Point(_("Receive returns by scan"), _("With a phone or a hand scanner: quantity, condition, photos. It works without a network too and sends when there is one."), "handoffs_scan", "scan"),  # noqa: E501
        Point(_("Parcels of no case"), _("A return nobody expected is kept on its own list. Say whose it is when you know."), "handoffs_orphans", "see_orphans"),  # noqa: E501
        Point(_("A question that cannot be answered"), _("Return it with the reason instead of letting it run late. Difficult ones have two hours."), "index"),  # noqa: E501
        Point(_("Be on duty when you are there"), _("The switch at the top of the queue: those who ask see whether you are there, and off duty your deputy is asked."), "handoffs_handing_over"),  # noqa: E501
    ),
    (
        Picture("warehouse-queue", _("The queue on a phone"), tall=True),
        Picture("warehouse-question", _("One question, a fixed set of answers"), tall=True),
    ),
)  # fmt: skip
QC = Guide(
    Role.QC,
    _("You say what state the goods are in. The money follows your answer by itself."),
    (
        Point(_("Inspect within 12 hours"), _("External inspection has 48, from hand-over to answer. The time left stands beside each question."), "index"),  # noqa: E501
        Point(_("One outcome for each line"), _("Good, damaged, partly good, unconfirmed, wrong item, empty box, not ours. Everything but good needs a photo."), "index"),  # noqa: E501
        Point(_("Scan what lies before you"), _("The waybill brings up its case and its question. Press “arrived” when goods reach the outside inspection."), "handoffs_scan", "scan"),  # noqa: E501
        Point(_("Questions about quality"), _("Support and the warehouse ask; you answer yes, no, or need the goods."), "index"),  # noqa: E501
        Point(_("You see no names and no amounts"), _("They are not needed to judge the goods, so they are not shown to you."), "handoffs_playbook"),  # noqa: E501
    ),
    (
        Picture("qc-queue", _("The queue on a phone"), tall=True),
        Picture("qc-question", _("An inspection, with its answers"), tall=True),
    ),
)  # fmt: skip
LOGISTICS = Guide(
    Role.LOGISTICS,
    _("You are the contact of your carriers. What you promise is what the money is paid on."),
    (
        Point(_("Answer within 2 hours"), _("Where is the parcel, can it come back, was it delivered. The carrier's agreement may set another time."), "index"),  # noqa: E501
        Point(_("“Will come back” is a promise"), _("The refund may be paid at once; the desk watches the date you gave until the goods are back."), "index"),  # noqa: E501
        Point(_("Parcels to stop"), _("By carrier and pickup. Where the carrier's service is connected, one button calls them back."), "handoffs_stops", "see_stops"),  # noqa: E501
        Point(_("Carrier claims"), _("Keep certificates and weight slips with the claim, follow it up, book what came in."), "handoffs_claims", "see_claims"),  # noqa: E501
        Point(_("Only your own carriers"), _("You see the cases of the carriers you are contact or deputy for; a manager enters it under Contacts."), "handoffs_case_changelist"),  # noqa: E501
    ),
    (
        Picture("logistics-queue", _("The questions of your carriers, the most urgent first")),
        Picture("logistics-question", _("Bringing a parcel back: three answers, one of them a promise")),
    ),
)  # fmt: skip
MANAGER = Guide(
    Role.MANAGER,
    _("You set the desk up, and see whether its promises are kept."),
    (
        Point(_("Getting started"), _("Shop, people, carriers and contacts, limits, first import: five steps, and what is missing in each."), "handoffs_first_run", "edit_setup"),  # noqa: E501
        Point(_("Set-up has no gaps"), _("A carrier or warehouse without a contact is a fault; the board lists all of them with the place to mend each."), "handoffs_board", "see_board"),  # noqa: E501
        Point(_("Change rules with foresight"), _("Before a deadline, calendar or limit is saved you see what it would do: how many open clocks move, which are late at once, on whom it falls."), "handoffs_clockpolicy_changelist", "see_setup"),  # noqa: E501
        Point(_("Limits are never your own"), _("What a role or a person may grant alone. Another manager changes yours."), "accounts_limit_changelist", "see_setup"),  # noqa: E501
        Point(_("Measure"), _("First-response rate, completion time, on time by lane, exposure, against the days before. Every number opens its cases."), "handoffs_reports", "see_board"),  # noqa: E501
    ),
    (
        Picture("manager-foresight", _("Before a deadline is saved: what it would do, and on whom it falls")),
        Picture("manager-reports", _("The measures beside those of the days before")),
    ),
)  # fmt: skip
GUIDES = {str(guide.role): guide for guide in (SUPPORT, SUPERVISOR, WAREHOUSE, QC, LOGISTICS, MANAGER)}
