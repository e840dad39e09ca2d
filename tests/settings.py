"""The desk's own settings, in a folder of their own and as quick as they can be."""

import atexit
import os
import shutil
import tempfile
from pathlib import Path

_KEPT = ("DATABASE_URL", "REDIS_URL", "ALLOWED_HOSTS", "SECRET_KEY", "CREDENTIALS_KEY")
_DOCUMENTED = ("EMAIL_URL", "DEFAULT_FROM_EMAIL", "BASE_URL", "CSRF_TRUSTED_ORIGINS", "ATTACHMENT_DIR", "DEBUG", "TLS",
               "LOG_LEVEL", "VAR_DIR", "METRICS_TOKEN", "LOG_FORMAT", "SESSION_IDLE_MINUTES", "SESSION_HOURS",
               "API_PER_MINUTE", "HOOKS_PER_MINUTE", "LOGINS_PER_MINUTE", "REVEALS_PER_MINUTE",
               "CLIENT_ADDRESS_HEADER", "SECOND_FACTOR_ROLES")  # fmt: skip
for _name in _DOCUMENTED:
    os.environ.pop(_name, None)
if not os.environ.get("DATABASE_URL"):
    for _name in _KEPT:
        os.environ.pop(_name, None)
_scratch = Path(tempfile.mkdtemp(prefix="refunddesk-tests-"))
_owner = os.getpid()
os.environ["VAR_DIR"] = str(_scratch)
if _redis := os.environ.get("REDIS_URL"):
    # A Redis database for each process of the suite, so that one may empty it without robbing another.
    _number = int(os.environ.get("PYTEST_XDIST_WORKER", "gw-1").removeprefix("gw")) + 1
    os.environ["REDIS_URL"] = f"{_redis.rsplit('/', 1)[0]}/{_number}"


@atexit.register
def _clear_away() -> None:
    if os.getpid() == _owner:
        shutil.rmtree(_scratch, ignore_errors=True)


from refunddesk.settings import *  # noqa: E402, F403
from refunddesk.settings import DATABASES  # noqa: E402

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
AXES_ENABLED = False
WHITENOISE_AUTOREFRESH = True  # a client of a test loads the middleware anew, which must not read all static files
SECOND_FACTOR_ROLES = frozenset[str]()
API_PER_MINUTE = HOOKS_PER_MINUTE = LOGINS_PER_MINUTE = REVEALS_PER_MINUTE = 0
if "sqlite" in DATABASES["default"]["ENGINE"]:
    DATABASES["default"]["OPTIONS"]["init_command"] = "PRAGMA journal_mode=WAL;PRAGMA synchronous=OFF;"
