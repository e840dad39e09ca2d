"""System checks of who gets in: what an installation is warned of."""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Tags, Warning, register


@register(Tags.security, deploy=True)
def knows_its_callers(**_kwargs: Any) -> list[CheckMessage]:
    """Behind TLS stands a proxy, and without its header everybody calls from the proxy's address."""
    if not settings.TLS or settings.CLIENT_ADDRESS_HEADER:
        return []
    says = "Behind a proxy all callers count as one address, so one who guesses passwords stops everybody's logins."
    hint = "Name the header with the caller's address in CLIENT_ADDRESS_HEADER."
    return [Warning(says, hint=hint, id="accounts.W001")]
