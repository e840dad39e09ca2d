"""TOP's wire (formats.md 1.6): common parameters, signature, envelope. Only base.py's errors leave it."""

import json
import logging
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta, timezone
from typing import Any

from django.utils import timezone as clock
from django.utils.translation import gettext as _

from handoffs.marketplaces.base import Credentials, Later, MarketplaceError, Refused, Unknown
from handoffs.marketplaces.http import Files, Http
from handoffs.marketplaces.taobao import errors
from handoffs.marketplaces.taobao.limit import Bucket, bucket_of
from handoffs.marketplaces.taobao.signing import sign

GATEWAY = "https://eco.taobao.com/router/rest"
GMT8 = timezone(timedelta(hours=8), "GMT+8")
SIGN_METHOD = "hmac-sha256"
TIMES = "%Y-%m-%d %H:%M:%S"
logger = logging.getLogger(__name__)

Scalar = str | int | bool | None
Params = Mapping[str, Scalar]


class Wire:
    """Signed calls with a shop's credentials, at the pace its app may keep."""

    def __init__(
        self,
        credentials: Credentials,
        *,
        http: Http | None = None,
        bucket: Bucket | None = None,
        now: Callable[[], datetime] = clock.now,
        sign_method: str = SIGN_METHOD,
    ) -> None:
        self._credentials, self._now, self._sign_method = credentials, now, sign_method
        self.http, self._bucket = http or Http(), bucket or bucket_of(credentials.app_key)
        self._url = credentials.gateway or GATEWAY

    def read(self, method: str, params: Params, *, session: bool = True) -> dict[str, Any]:
        """A call that changes nothing, or that may be made twice without harm. Raises Later or Refused."""

        def signed() -> dict[str, str]:
            self._bucket.take()
            return self._signed(method, params, session=session)

        try:
            return self._content(method, self.http.read(self._url, signed), write=False)
        except MarketplaceError as error:
            raise self._noted(method, error) from error

    def write(self, method: str, params: Params, files: Mapping[str, bytes] | None = None) -> dict[str, Any]:
        """A call that changes something, sent once. Raises Later, Refused or Unknown."""
        try:
            self._bucket.take()
            form = self._signed(method, params, session=True)
            return self._content(method, self.http.write(self._url, form, _uploads(files)), write=True)
        except MarketplaceError as error:
            raise self._noted(method, error) from error

    def _signed(self, method: str, params: Params, *, session: bool) -> dict[str, str]:
        form = {name: text_of(value) for name, value in params.items()}
        form |= {
            "method": method,
            "app_key": self._credentials.app_key,
            "session": self._credentials.session if session else "",
            "timestamp": said(self._now()),
            "format": "json",
            "v": "2.0",
            "sign_method": self._sign_method,
        }
        form = {name: value for name, value in form.items() if value}
        return form | {"sign": sign(form, self._credentials.app_secret, self._sign_method)}

    def _content(self, method: str, answer: dict[str, Any], *, write: bool) -> dict[str, Any]:
        error = answer.get("error_response")
        if isinstance(error, Mapping):
            raise errors.error_of(error, write=write)
        content = answer.get(response_key(method))
        if not isinstance(content, dict):
            text = _("The answer is not one to this call.")
            raise Unknown(text) if write else Later(text)
        return content

    def _noted(self, method: str, error: MarketplaceError) -> MarketplaceError:
        if isinstance(error, Later) and error.code in errors.LIMITED:
            self._bucket.close(error.wait)
        logger.info("%s: %s %s %s", method, type(error).__name__, error.code, error.sub_code)
        return error


def response_key(method: str) -> str:
    """The name under which the answer to a method comes."""
    return method.replace(".", "_").removeprefix("taobao_") + "_response"


def text_of(value: str | int | bool | None) -> str:  # noqa: FBT001  a wire value
    """A parameter as TOP writes it; nothing for nothing."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def json_of(values: Params) -> str:
    """A structured parameter: TOP takes it as JSON in one field. What is None is left out."""
    return json.dumps({k: v for k, v in values.items() if v is not None}, ensure_ascii=False, separators=(",", ":"))


def listed(content: Mapping[str, Any], plural: str, singular: str) -> list[dict[str, Any]]:
    """The objects of a list, whether under its singular name or not, alone or many. A missing list is empty."""
    found = content.get(plural)
    if isinstance(found, Mapping) and singular in found:
        found = found[singular]
    many = found if isinstance(found, list) else [found]
    return [one for one in many if isinstance(one, dict) and one]


def truth(value: Any) -> bool | None:
    """A boolean as JSON or as a word; None where it is neither."""
    if isinstance(value, bool):
        return value
    return {"true": True, "false": False}.get(str(value).strip().lower())


def insist(content: Mapping[str, Any], flag: str, *, why: tuple[str, str] = ("", ""), silent: bool = True) -> None:
    """Raise what a false flag in the answer to a write means; `why` names the fields of its code and its words.

    A flag that is not there is a yes only where `silent`: an act that moves money wants it said.
    """
    answer = truth(content.get(flag))
    if answer is True or (answer is None and silent):
        return
    code, message = (str(content.get(name) or "") for name in why)
    text = message or code or _("The marketplace says that it was not done.")
    if answer is None or code.startswith("isp.") or errors.broke_down(message):
        raise Unknown(text, sub_code=code)
    raise Refused(text, sub_code=code)


def said(moment: datetime) -> str:
    """A moment as TOP writes it: GMT+8, to the second, without a zone."""
    return moment.astimezone(GMT8).strftime(TIMES)


def moment_of(value: Any) -> datetime | None:
    """A moment as TOP writes it; None where it is none."""
    try:
        return datetime.strptime(str(value).strip(), TIMES).replace(tzinfo=GMT8)
    except ValueError:
        return None


def _uploads(files: Mapping[str, bytes] | None) -> Files | None:
    if not files:
        return None
    return {name: (f"{name}.{picture_kind(data)}", data, f"image/{_MIME[picture_kind(data)]}")
            for name, data in files.items()}  # fmt: skip


_MAGIC = ((b"\xff\xd8\xff", "jpg"), (b"\x89PNG\r\n\x1a\n", "png"), (b"GIF87a", "gif"), (b"GIF89a", "gif"))
_MIME = {"jpg": "jpeg", "png": "png", "gif": "gif"}


def picture_kind(data: bytes) -> str:
    """jpg, png or gif, by the first bytes. Raises ValueError for anything else: the marketplaces take no other."""
    for magic, kind in _MAGIC:
        if data.startswith(magic):
            return kind
    raise ValueError(_("Not a JPG, PNG or GIF image."))
