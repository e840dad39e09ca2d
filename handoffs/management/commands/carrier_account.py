"""Keeps an account with a carriers' data service, so that its pushes are taken and it can be asked."""

import os
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.urls import reverse

from accounts import vault
from accounts.models import Shop
from handoffs.models import CarrierAccount

SECRETS = {"key": "KUAIDI100_KEY", "salt": "KUAIDI100_SALT", "secret": "KUAIDI100_SECRET"}


class Command(BaseCommand):
    help = (
        "Stores or changes a Kuaidi100 account. Secrets are read from KUAIDI100_KEY, KUAIDI100_SALT and "
        "KUAIDI100_SECRET in the environment, kept sealed and never shown; one that is not set is left as it is."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("code", help="a short name; it stands in the address the service pushes to")
        parser.add_argument("--customer", required=True, help="the customer number")
        parser.add_argument("--shop", metavar="CODE", help="the one shop it serves (default: all)")
        parser.add_argument("--no-subscribe", action="store_true", help="new parcels are not subscribed by the desk")
        parser.add_argument("--off", action="store_true", help="no longer in use")

    def handle(self, *_args: Any, **options: Any) -> None:
        if not vault.is_ready():
            raise CommandError("Secrets cannot be kept: CREDENTIALS_KEY is not set.")
        shop = Shop.objects.filter(code=options["shop"]).first() if options["shop"] else None
        if options["shop"] and shop is None:
            raise CommandError(f"There is no shop {options['shop']!r}.")
        account = CarrierAccount.objects.filter(code=options["code"]).first() or CarrierAccount(code=options["code"])
        account.customer, account.shop = options["customer"], shop
        account.subscribes, account.active = not options["no_subscribe"], not options["off"]
        account.keep(**{name: os.environ.get(variable, "") for name, variable in SECRETS.items()})
        account.full_clean()
        account.save()
        kept = [name for name in SECRETS if getattr(account, f"sealed_{name}")]
        address = settings.BASE_URL + reverse("kuaidi100-push", args=[account.code])
        self.stdout.write(f"Kept: {', '.join(kept) or 'no secret yet'}. The service pushes to {address}")
