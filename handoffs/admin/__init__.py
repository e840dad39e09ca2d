"""The console: one file per screen. Nothing is decided here; every verb calls the flow."""

from handoffs.admin import cases, setup_people, setup_policy  # noqa: F401  registers the screens on the site
