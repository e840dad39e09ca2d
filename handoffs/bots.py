"""Chat bots through apprise: which addresses are taken, and one message to one of them.

Only bots whose host the service itself gives are taken, so that no address makes the desk call something inside its own
network; plain JSON posts go to hosts that the installation names (NOTIFY_HOSTS).
"""

import logging
import threading
from email import charset
from typing import Any
from urllib.parse import parse_qs, urlsplit

import apprise
import apprise.plugins.email
import requests
from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

KINDS = {
    "dingtalk": gettext_lazy("DingTalk"),
    "wecombot": gettext_lazy("WeCom"),
    "feishu": gettext_lazy("Feishu"),
    "lark": "Lark",
    "slack": "Slack",
    "discord": "Discord",
    "tgram": "Telegram",
    "json": "JSON",
    "jsons": "JSON",
}
CONNECT, READ = 4.0, 8.0
MOST = 1800  # bytes; the narrowest of these bots takes 2,048
UNWANTED = ("template",)  # would have the desk read a file, or fetch an address, of the writer's choice


# That module, once loaded, changes how every mail of this process spells its subject: put back as Python has it.
charset.add_charset("utf-8", charset.SHORTEST, charset.BASE64, "utf-8")


class BotError(Exception):
    """It was not sent, or the bot said no. `message` is for a person."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


# These bots answer 200 and say in the body that they declined, which apprise does not read: it is kept here to be read.
_heard = threading.local()
_send = requests.Session.send


def _listening(self: requests.Session, request: Any, **options: Any) -> requests.Response:
    answer = _send(self, request, **options)
    _heard.answer = answer
    return answer


requests.Session.send = _listening  # type: ignore[method-assign]


class _Words(logging.Handler):
    """What apprise says of a message that failed."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.last = ""

    def emit(self, record: logging.LogRecord) -> None:
        self.last = record.getMessage()


def kind_of(address: str) -> str:
    """The kind of bot an address is of. Raises BotError for one that cannot be used, in words."""
    scheme = address.partition("://")[0].strip().lower()
    if unwanted := _asked(address).intersection(UNWANTED):
        raise BotError(_("Take this out of the address: %(name)s.") % {"name": ", ".join(unwanted)})
    if scheme not in KINDS:
        raise BotError(_("This kind of address is not taken. Use one of: %(kinds)s.") % {"kinds": ", ".join(KINDS)})
    bot = _bot(address)
    if scheme in ("json", "jsons") and bot.host not in settings.NOTIFY_HOSTS:
        raise BotError(_("This installation sends to no such host: %(host)s.") % {"host": bot.host})
    return scheme


def _asked(address: str) -> set[str]:
    """The names of what an address asks for."""
    try:
        query = parse_qs(urlsplit(address.strip()).query, keep_blank_values=True)
    except ValueError as error:
        raise BotError(_("The address is incomplete. Copy it from the bot's page as it is.")) from error
    return {name.strip().lower() for name in query}


def _bot(address: str) -> Any:
    bot = apprise.Apprise.instantiate(address.strip(), suppress_exceptions=True)
    if bot is None:
        raise BotError(_("The address is incomplete. Copy it from the bot's page as it is."))
    # Whatever the address asks for: no patience beyond ours, certificates checked, nowhere else gone to.
    bot.socket_connect_timeout, bot.socket_read_timeout = CONNECT, READ
    bot.verify_certificate, bot.redirects, bot.retry, bot.request_rate_per_sec = True, False, 0, 0
    return bot


def send(address: str, title: str, body: str) -> None:
    """One message, as plain text; what is longer than the bots take is cut. Raises BotError."""
    kind_of(address)
    body = body.encode()[:MOST].decode(errors="ignore")
    words, _heard.answer = _Words(), None
    logger = logging.getLogger("apprise")
    logger.addHandler(words)
    try:
        sent = _bot(address).notify(body=body, title=title[:60], body_format=apprise.NotifyFormat.TEXT)
    except (OSError, ValueError, TypeError) as error:
        raise BotError(type(error).__name__) from error
    finally:
        logger.removeHandler(words)
    if not sent:
        raise BotError(_plain(words.last) or _("The bot did not take the message."))
    if declined := _declined(_heard.answer):
        raise BotError(declined)


def _plain(words: str) -> str:
    """Without what may hold the address and its token."""
    return words.split("://")[0].strip()[:200]


def _declined(answer: requests.Response | None) -> str:
    """What a bot's answer says against the message; empty where it took it."""
    try:
        told = answer.json() if answer is not None else None
    except ValueError:
        return ""
    if not isinstance(told, dict):
        return ""
    code = told.get("errcode", told.get("StatusCode", told.get("code", 0)))
    text = told.get("errmsg") or told.get("StatusMessage") or told.get("msg") or ""
    return f"{code} {text}".strip()[:200] if code not in (0, "0", None) else ""
