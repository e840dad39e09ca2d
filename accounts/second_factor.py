"""The second factor: a code from the person's telephone, or one of ten recovery codes that each work once."""

import base64
import secrets
import time
from binascii import unhexlify
from datetime import datetime

from django.conf import settings
from django.db import transaction
from django.utils.crypto import salted_hmac
from django_otp import devices_for_user
from django_otp.models import Device
from django_otp.oath import TOTP
from django_otp.plugins.otp_static.models import StaticDevice
from django_otp.plugins.otp_totp.models import TOTPDevice

from accounts import audit
from accounts.models import User

RECOVERY_CODES = 10
LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"  # without those that are taken for one another
KEPT_LENGTH = 16


def required(user: User) -> bool:
    """Whether this person gets in with a second factor only; who stands above all roles counts as every role."""
    wanted: frozenset[str] = settings.SECOND_FACTOR_ROLES
    return bool(wanted) and (user.is_superuser or bool(user.roles & wanted))


def enrolled(user: User) -> bool:
    return bool(TOTPDevice.objects.filter(user=user, confirmed=True).exists())


def anybody() -> bool:
    """Whether the login page has to ask for a code at all."""
    return bool(TOTPDevice.objects.filter(confirmed=True).exists())


def codes_left(user: User) -> int:
    return int(StaticDevice.objects.filter(user=user, token_set__isnull=False).count())


def fresh_key() -> str:
    return secrets.token_hex(20)


def device_of(user: User, key: str) -> TOTPDevice:
    """The device a key would make; not kept yet."""
    return TOTPDevice(user=user, name="phone", key=key)


def spelled(key: str) -> str:
    """The key as one types it into the telephone."""
    text = base64.b32encode(unhexlify(key)).decode()
    return " ".join(text[start : start + 4] for start in range(0, len(text), 4))


def enrol(user: User, key: str, code: str, *, by: User, at: datetime) -> tuple[TOTPDevice, list[str]] | None:
    """Keep the key once a code proves that the telephone has it; the recovery codes are given this once."""
    clock = TOTP(unhexlify(key))
    clock.time = time.time()
    typed = _typed(code)
    if len(typed) != 6 or not typed.isdecimal() or not clock.verify(int(typed), 1):
        return None
    with transaction.atomic():
        _forget(user)
        device = device_of(user, key)
        device.last_t = clock.t()
        device.save()
        codes = _recovery_codes(user)
        audit.note(audit.Kind.FACTOR_ADDED, by=by, about=user, at=at)
    return device, codes


def new_codes(user: User, *, by: User, at: datetime) -> list[str]:
    """Ten new recovery codes; the old ones end."""
    with transaction.atomic():
        codes = _recovery_codes(user)
        audit.note(audit.Kind.FACTOR_CODES, by=by, about=user, at=at)
    return codes


def check(user: User, code: str, *, at: datetime) -> Device | None:
    """The device that knows the code. Wrong ones slow the next try down; no code is good twice."""
    typed = _typed(code)
    is_code = len(typed) == 6 and typed.isdecimal()
    with transaction.atomic():
        for device in devices_for_user(user, for_verify=True):
            if isinstance(device, StaticDevice) == is_code:
                continue
            if device.verify_token(typed if is_code else _kept(typed)):
                if not is_code:
                    audit.note(audit.Kind.FACTOR_USED, by=user, about=user, at=at)
                return device
    return None


def reset(user: User, *, by: User, at: datetime) -> None:
    """Without a second factor again; sessions that had one and need one end with it."""
    with transaction.atomic():
        _forget(user)
        audit.note(audit.Kind.FACTOR_RESET, by=by, about=user, at=at)


def _forget(user: User) -> None:
    TOTPDevice.objects.filter(user=user).delete()
    StaticDevice.objects.filter(user=user).delete()


def _recovery_codes(user: User) -> list[str]:
    StaticDevice.objects.filter(user=user).delete()
    device = StaticDevice.objects.create(user=user, name="recovery")
    codes = ["".join(secrets.choice(LETTERS) for _letter in range(10)) for _code in range(RECOVERY_CODES)]
    for code in codes:
        device.token_set.create(token=_kept(code))
    return [f"{code[:5]}-{code[5:]}" for code in codes]


def _kept(code: str) -> str:
    """What is stored of a recovery code: a keyed digest, of no use to who reads the table."""
    digest = salted_hmac("accounts.second_factor", code, algorithm="sha256").digest()
    return base64.b32encode(digest).decode()[:KEPT_LENGTH]


def _typed(code: str) -> str:
    return "".join(code.split()).replace("-", "").lower()
