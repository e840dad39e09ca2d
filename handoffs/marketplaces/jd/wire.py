"""JOS's wire (formats.md 2.4): common parameters, signature, envelope. Only base.py's errors leave it."""

import json
import logging
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from django.utils import timezone as clock
from django.utils.translation import gettext as _

from handoffs.marketplaces.base import Credentials, Later, MarketplaceError, Unknown
from handoffs.marketplaces.http import Http
from handoffs.marketplaces.jd import errors
from handoffs.marketplaces.jd.signing import sign
from handoffs.marketplaces.taobao.limit import Bucket, bucket_of

GATEWAY = "https://api.jd.com/routerjson"
GMT8 = timezone(timedelta(hours=8), "GMT+8")
TIMES = "%Y-%m-%d %H:%M:%S"
LONGEST_MILLISECONDS = 14
logger = logging.getLogger(__name__)

Params = Mapping[str, str | int | None]


class Wire:
    """Signed calls with a shop's credentials, at the pace its app may keep."""

    def __init__(
        self,
        credentials: Credentials,
        *,
        http: Http | None = None,
        bucket: Bucket | None = None,
        now: Callable[[], datetime] = clock.now,
    ) -> None:
        self._credentials, self._now = credentials, now
        self.http, self._bucket = http or Http(), bucket or bucket_of(f"jd:{credentials.app_key}")
        self._url = credentials.gateway or GATEWAY

    def read(self, method: str, params: Params) -> dict[str, Any]:
        """A call that changes nothing. Raises Later or Refused."""

        def signed() -> dict[str, str]:
            self._bucket.take()
            return self._signed(method, params)

        try:
            return _content(method, self.http.read(self._url, signed), write=False)
        except MarketplaceError as error:
            raise self._noted(method, error) from error

    def write(self, method: str, params: Params) -> dict[str, Any]:
        """A call that changes something, sent once. Raises Later, Refused or Unknown."""
        try:
            self._bucket.take()
            return _content(method, self.http.write(self._url, self._signed(method, params)), write=True)
        except MarketplaceError as error:
            raise self._noted(method, error) from error

    def _signed(self, method: str, params: Params) -> dict[str, str]:
        given = {name: value for name, value in params.items() if value not in (None, "")}
        form = {
            "method": method,
            "app_key": self._credentials.app_key,
            "access_token": self._credentials.session,
            "timestamp": said(self._now()),
            "format": "json",
            "v": "2.0",
            "360buy_param_json": json.dumps(given, ensure_ascii=False, separators=(",", ":"), sort_keys=True),
        }
        return form | {"sign": sign(form, self._credentials.app_secret)}

    def _noted(self, method: str, error: MarketplaceError) -> MarketplaceError:
        if isinstance(error, Later) and error.code in errors.LIMITED:
            self._bucket.close(error.wait)
        logger.info("%s: %s %s", method, type(error).__name__, error.code)
        return error


def _content(method: str, answer: Mapping[str, Any], *, write: bool) -> dict[str, Any]:
    """What stands under the method's key, which JD spells `_responce` and, here and there, `_response`."""
    error = answer.get("error_response")
    if isinstance(error, Mapping):
        raise errors.error_of(error, write=write)
    name = method.replace(".", "_")
    content = answer.get(f"{name}_responce", answer.get(f"{name}_response"))
    if not isinstance(content, dict):
        why = _("The answer is not one to this call.")
        raise Unknown(why) if write else Later(why)
    if text(content.get("code")) not in errors.FINE:
        raise errors.error_of(content, write=write)
    return content


def result_of(content: Mapping[str, Any], name: str, *, write: bool) -> dict[str, Any]:
    """The result inside an answer. Raises what `success: false` means; on a write only a plain true is a yes."""
    result = content.get(name)
    if not isinstance(result, dict):
        why = _("The answer is not one to this call.")
        raise Unknown(why) if write else Later(why)
    success = text(result.get("success")).lower()
    if success == "false":
        raise errors.no_of(result, write=write)
    if write and success != "true":
        raise Unknown(_("The marketplace did not say whether it was done."))
    return result


def listed(value: Any) -> list[dict[str, Any]]:
    """The objects of a list or a lone one; each may be wrapped in `refundApplyVo`."""
    many = value if isinstance(value, list) else [value]
    rows = [one.get("refundApplyVo", one) for one in many if isinstance(one, Mapping)]
    return [row for row in rows if isinstance(row, dict) and row]


def text(value: Any) -> str:
    """A field as text; ids are exact, being whole numbers or strings."""
    return "" if value is None else str(value).strip()


def said(moment: datetime) -> str:
    """A moment as JD writes it: Beijing's, to the second, without a zone."""
    return moment.astimezone(GMT8).strftime(TIMES)


def moment_of(value: Any) -> datetime | None:
    """A moment as JD writes it, in words or in milliseconds; None where it is none."""
    raw = text(value)
    if raw.isascii() and raw.isdigit() and 12 <= len(raw) <= LONGEST_MILLISECONDS:
        return datetime.fromtimestamp(int(raw) / 1000, UTC)
    try:
        return datetime.strptime(raw, TIMES).replace(tzinfo=GMT8)
    except ValueError:
        return None
