"""Which path a case is on: computed from ranked facts by ordered rules, explained, computed again when a fact changes.

Source: domain.md section 2. Facts rank: parcel event > a colleague's answer > order status > the buyer's claim.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from handoffs.intake import vocabulary
from handoffs.models import Case, Fact

G = Case.Goods
POSITION_OF_FACT: Mapping[str, str] = {
    Fact.What.NOT_PICKED: G.NOT_SHIPPED,
    Fact.What.STOPPED: G.STOPPED,
    Fact.What.LEFT: G.IN_TRANSIT,
    Fact.What.IN_TRANSIT: G.IN_TRANSIT,
    Fact.What.WILL_RETURN: G.RETURNING,
    Fact.What.DELIVERED: G.WITH_BUYER,
    Fact.What.LOST: G.LOST,
    Fact.What.RETURN_SHIPPED: G.RETURNING,
    Fact.What.RETURNED: G.RETURNED,
}
NOT_SHIPPED = frozenset({"WAIT_SELLER_SEND_GOODS"})
SHIPPED = frozenset({"WAIT_BUYER_CONFIRM_GOODS", "TRADE_FINISHED", "SHIPPED"})
SIGNED = frozenset({"TRADE_BUYER_SIGNED", "DELIVERED"})
PART_SHIPPED = frozenset({"SELLER_CONSIGNED_PART"})
RETURNING = frozenset({"WAIT_BUYER_RETURN_GOODS", "WAIT_SELLER_CONFIRM_GOODS"})
NO_GOODS_MOVE = frozenset({"exchange", "repair", "reship", "price_protect"})
NO_MONEY_MOVES = NO_GOODS_MOVE - {"price_protect"}  # finished, they were not refunded

RULES = {
    "no_ordinary_refund": gettext_lazy("Exchange, repair, reshipping or price protection: no ordinary refund."),
    "unknown_value": gettext_lazy("The marketplace sent a value we do not know: a person decides."),
    "goods_come_back": gettext_lazy("The goods are to come back."),
    "not_shipped": gettext_lazy("The goods have not been shipped."),
    "claim_against_not_shipped": gettext_lazy("Not shipped, but the buyer says it was received: a person decides."),
    "signed_for": gettext_lazy("The goods were signed for."),
    "on_the_way": gettext_lazy("Shipped or finished, and not received."),
    "part_shipped": gettext_lazy("Shipped in part, and nothing is known of this line: a person decides."),
    "unclear": gettext_lazy("Where the goods are is unclear: a person decides."),
    "kept": gettext_lazy("Closed: the last path is kept."),
}
CONTRADICTIONS = {
    "buyer_denies": gettext_lazy("The buyer says it never came; a higher fact says it was delivered."),
    "buyer_has_it": gettext_lazy("The buyer says it was received; a higher fact says it is not with the buyer."),
    "left_before_system": gettext_lazy("The order still reads “not shipped”; the parcel has left."),
    "shipped_after_stop": gettext_lazy("The warehouse says it was stopped; the order reads “shipped”."),
    "parcels_differ": gettext_lazy("The parcels of this case are in different places."),
    "promise_broken": gettext_lazy("It was promised to come back; it was delivered."),
    "said_lost": gettext_lazy("The carrier's contact says it is lost; the events say that it was delivered."),
    "waybill_before_shipping": gettext_lazy("The order reads “not shipped”, yet the file names a waybill."),
}


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known of the goods of one case. `facts` are (rank, what) in order, the strongest last."""

    source_kind: str
    dispute_type: str
    marketplace_status: str
    good_status: str
    order_status: str
    has_good_return: bool | None
    return_agreed: bool = False
    facts: tuple[tuple[int, str], ...] = ()
    outbound_known: bool = False
    parcels_differ: bool = False


@dataclass(frozen=True, slots=True)
class Verdict:
    """The path (None: a person decides), the rule that gave it, where the goods are, and what contradicts."""

    path: int | None
    rule: str
    goods: str
    contradiction: str = ""
    facts: dict[str, Any] = field(default_factory=dict)


def evidence_of(case: Case, facts: Iterable[Fact] = (), *, parcels_differ: bool = False) -> Evidence:
    """The evidence as the case's columns and facts hold it."""
    ranked = sorted(facts, key=lambda fact: (fact.rank, fact.at, fact.pk or 0))
    return Evidence(
        source_kind=case.source_kind,
        dispute_type=case.dispute_type,
        marketplace_status=case.marketplace_status,
        good_status=case.good_status,
        order_status=case.order_status,
        has_good_return=case.has_good_return,
        return_agreed=case.return_agreed_offline,
        facts=tuple((fact.rank, fact.what) for fact in ranked),
        parcels_differ=parcels_differ,
    )


def judge(seen: Evidence) -> Verdict:
    """Apply the ordered rules of domain.md section 2. Pure: the same evidence gives the same verdict."""
    goods = position(seen)
    path, rule = _rule(seen, goods)
    return Verdict(path, rule, goods, contradiction(seen, goods), facts_shown(seen, goods))


def _rule(seen: Evidence, goods: str) -> tuple[int | None, str]:
    if seen.dispute_type in NO_GOODS_MOVE:
        return None, "no_ordinary_refund"
    if unknown_values(seen):
        return None, "unknown_value"
    if comes_back(seen):
        return Case.Path.RETURN, "goods_come_back"
    if goods in (G.NOT_SHIPPED, G.STOPPED):
        return (None, "claim_against_not_shipped") if seen.good_status == "BUYER_RECEIVED" else (1, "not_shipped")
    if goods == G.WITH_BUYER:
        return Case.Path.REFUND_ONLY, "signed_for"
    if goods in (G.IN_TRANSIT, G.RETURNING, G.RETURNED, G.LOST):
        return Case.Path.ON_THE_WAY, "on_the_way"
    return None, "part_shipped" if seen.order_status in PART_SHIPPED else "unclear"


def comes_back(seen: Evidence) -> bool:
    """Any one of the signs is enough: the flag, the type, the buyer's claim, the status, an agreement by hand."""
    return bool(
        seen.has_good_return
        or seen.dispute_type == "return_refund"
        or seen.good_status == "BUYER_RETURNED_GOODS"
        or seen.marketplace_status in RETURNING
        or seen.return_agreed
    )


def position(seen: Evidence) -> str:
    """Where the goods are, by the highest-ranking thing known."""
    if seen.facts:
        return POSITION_OF_FACT[seen.facts[-1][1]]
    if seen.good_status == "BUYER_RETURNED_GOODS":
        return G.RETURNING
    if seen.order_status in NOT_SHIPPED:
        return G.NOT_SHIPPED
    if seen.order_status in SIGNED or seen.good_status == "BUYER_RECEIVED":
        return G.WITH_BUYER
    if seen.order_status in SHIPPED and (seen.good_status == "BUYER_NOT_RECEIVED" or seen.source_kind != "refund"):
        return G.IN_TRANSIT
    return G.UNKNOWN


def unknown_values(seen: Evidence) -> dict[str, str]:
    """The received values that no table knows. Order status and claim do not matter once a higher fact is there."""
    checks = {"dispute_type": (seen.dispute_type, vocabulary.DISPUTE_TYPES)}
    checks["marketplace_status"] = (seen.marketplace_status, vocabulary.KNOWN_STATUSES)
    if not seen.facts:
        checks["order_status"] = (seen.order_status, vocabulary.KNOWN_ORDER_STATUSES)
        checks["good_status"] = (seen.good_status, vocabulary.KNOWN_GOOD_STATUSES)
    return {name: value for name, (value, known) in checks.items() if value and value not in known}


def contradiction(seen: Evidence, goods: str) -> str:
    """A lower fact that says otherwise, as a code of CONTRADICTIONS; nothing when all agree."""
    if seen.parcels_differ:
        return "parcels_differ"
    if goods == G.WITH_BUYER and Fact.What.WILL_RETURN in {what for _rank, what in seen.facts}:
        return "promise_broken"
    if goods == G.WITH_BUYER and _answered(seen) == Fact.What.LOST:
        return "said_lost"
    if goods == G.WITH_BUYER and seen.good_status == "BUYER_NOT_RECEIVED":
        return "buyer_denies"
    if seen.good_status == "BUYER_RECEIVED" and goods not in (G.WITH_BUYER, G.UNKNOWN, G.RETURNING, G.RETURNED):
        return "buyer_has_it"
    if seen.order_status in NOT_SHIPPED and goods in (G.IN_TRANSIT, G.WITH_BUYER, G.RETURNING, G.LOST):
        return "left_before_system"
    if seen.facts and goods in (G.STOPPED, G.NOT_SHIPPED) and seen.order_status in SHIPPED | SIGNED:
        return "shipped_after_stop"
    if seen.order_status in NOT_SHIPPED and seen.outbound_known and not seen.facts:
        return "waybill_before_shipping"
    return ""


def _answered(seen: Evidence) -> str:
    """What a colleague answered last."""
    return next((what for rank, what in reversed(seen.facts) if rank == Fact.Rank.ANSWER), "")


def facts_shown(seen: Evidence, goods: str) -> dict[str, Any]:
    """The facts the rule looked at, strongest first, as they are shown under “why this path?”."""
    shown: dict[str, Any] = {}
    if seen.facts:
        rank, what = seen.facts[-1]
        shown["event" if rank == Fact.Rank.EVENT else "answer"] = what
    for name in ("order_status", "good_status", "dispute_type", "marketplace_status"):
        if value := getattr(seen, name):
            shown[name] = value
    if seen.has_good_return is not None:
        shown["has_good_return"] = seen.has_good_return
    if seen.return_agreed:
        shown["return_agreed"] = True
    if unknown := unknown_values(seen):
        shown["unknown"] = unknown
    return shown | {"goods": str(goods)}


def why(case: Case) -> str:
    """“Why this path?” in one or two sentences of the reader's language."""
    rule = str(RULES.get(case.path_rule, RULES["unclear"]))
    unknown = case.path_facts.get("unknown") or {}
    parts = [rule]
    parts += [_("Unknown: “%(value)s”.") % {"value": value} for value in unknown.values()]
    if case.contradiction in CONTRADICTIONS:
        parts.append(str(CONTRADICTIONS[case.contradiction]))
    return " ".join(parts)


def apply(case: Case, verdict: Verdict) -> list[str]:
    """Write a verdict onto the (unsaved) case; returns the names of the columns that changed.

    A settled case keeps its path and its goods once it has them.
    """
    if case.is_over and case.path_rule and verdict.path != case.path:
        verdict = Verdict(case.path, "kept", verdict.goods, case.contradiction, case.path_facts)
    values = {
        "path": verdict.path,
        "path_rule": verdict.rule,
        "goods": verdict.goods,
        "contradiction": verdict.contradiction,
        "path_facts": verdict.facts,
    }
    changed = [name for name, value in values.items() if getattr(case, name) != value]
    for name in changed:
        setattr(case, name, values[name])
    return changed
