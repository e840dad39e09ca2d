"""The console: one file per screen. Nothing is decided here; every verb calls the flow."""

# Registers the screens on the site.
from handoffs.admin import (  # noqa: F401
    cases,
    setup_calendars,
    setup_duty,
    setup_limits,
    setup_people,
    setup_places,
    setup_policy,
    setup_retention,
    setup_words,
)
