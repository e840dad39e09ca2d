"""System checks of the desk's own tables: what a programmer must not get wrong."""

from typing import Any

from django.core.checks import CheckMessage, Error, register


@register()
def playbook_is_complete(**_kwargs: Any) -> list[CheckMessage]:
    """Every step offered has a label and a door, every kind of handoff has a deadline."""
    from handoffs.flow.acts import ACTS
    from handoffs.flow.kinds import KINDS
    from handoffs.flow.playbook import LABELS, PLAYS
    from handoffs.models import Decision
    from handoffs.seeds.policies import HANDOFF_MINUTES

    doors = {*ACTS, *KINDS, *Decision.Kind.values, "respond", "wait_colleague"}
    offered = {code for play in PLAYS for code in play.steps}
    errors = [Error(f"Playbook step {code!r} leads nowhere.", id="handoffs.E001") for code in sorted(offered - doors)]
    errors += [
        Error(f"Playbook step {code!r} has no label.", id="handoffs.E002") for code in sorted(offered - set(LABELS))
    ]
    missing = sorted(set(KINDS) - set(HANDOFF_MINUTES))
    return [*errors, *(Error(f"Handoff {kind!r} has no deadline.", id="handoffs.E003") for kind in missing)]
