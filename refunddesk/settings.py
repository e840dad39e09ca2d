"""All settings, read from the environment in this one place; docs/settings.md says what each variable does."""

from datetime import timedelta
from pathlib import Path
from typing import Any

from csp.constants import NONE, SELF

from refunddesk import caching, env
from refunddesk.console import UNFOLD as UNFOLD

BASE_DIR = Path(__file__).resolve().parent.parent
VAR_DIR = env.folder("VAR_DIR", BASE_DIR / "var")
PRODUCTION = bool(env.text("DATABASE_URL"))
LOOPBACK = ["127.0.0.1", "localhost", "[::1]"]

# --- who may call, and with which key ---------------------------------------------------------------------------------
DEBUG = env.switch("DEBUG")
ALLOWED_HOSTS = env.hosts("ALLOWED_HOSTS") or ([] if PRODUCTION else LOOPBACK[:2])
if not ALLOWED_HOSTS:
    env.missing("ALLOWED_HOSTS", "the host names people open, separated by commas")
SECRET_KEY = env.text("SECRET_KEY")
if PRODUCTION and not SECRET_KEY:
    env.missing("SECRET_KEY", "a long random text, the same for every process of the desk")
SECRET_KEY = SECRET_KEY or env.kept_secret(VAR_DIR / "secret_key")
# Seals the shops' marketplace secrets. In production it has no default: without it shops cannot be connected.
# Hosts that plain JSON messages of chat channels may go to, separated by commas.
NOTIFY_HOSTS = [host.strip() for host in env.text("NOTIFY_HOSTS").split(",") if host.strip()]
CREDENTIALS_KEY = env.text("CREDENTIALS_KEY") or ("" if PRODUCTION else env.kept_secret(VAR_DIR / "credentials_key"))
# A public desk is behind TLS unless it says otherwise; one that is only reached on its own machine need not be.
TLS = env.switch("TLS", PRODUCTION and not set(ALLOWED_HOSTS) <= {*LOOPBACK, "testserver"})
_first_host = next((host.lstrip(".") for host in ALLOWED_HOSTS if host != "*"), "127.0.0.1")
BASE_URL = env.address("BASE_URL", f"https://{_first_host}" if TLS else f"http://{_first_host}:8000")
CSRF_TRUSTED_ORIGINS = env.origins("CSRF_TRUSTED_ORIGINS")
METRICS_TOKEN = env.token("METRICS_TOKEN")

# --- applications -----------------------------------------------------------------------------------------------------
INSTALLED_APPS = [
    "unfold",
    "unfold.contrib.filters",
    "unfold.contrib.forms",
    "unfold.contrib.simple_history",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "rest_framework",
    "rest_framework.authtoken",  # its rows are taken over by a migration; nothing reads it any more
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "django_filters",
    "simple_history",
    "axes",
    "django_otp",
    "django_otp.plugins.otp_totp",
    "django_otp.plugins.otp_static",
    "csp",
    "accounts.apps.AccountsConfig",
    "handoffs.apps.HandoffsConfig",
]
MIDDLEWARE = [
    "refunddesk.requests.RequestMiddleware",
    "refunddesk.headers.HeadersMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",  # behind those whose headers its files are to carry
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django_otp.middleware.OTPMiddleware",
    "accounts.sessions.SessionLengthMiddleware",
    "accounts.gate.SecondFactorMiddleware",
    "accounts.middleware.PersonMiddleware",
    "accounts.gate.NewPasswordMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "simple_history.middleware.HistoryRequestMiddleware",
    "axes.middleware.AxesMiddleware",
]
ROOT_URLCONF = "refunddesk.urls"
WSGI_APPLICATION = "refunddesk.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    }
]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# --- database, broker, cache ------------------------------------------------------------------------------------------
REDIS_URL = env.redis("REDIS_URL")
if PRODUCTION and not REDIS_URL:
    env.missing("REDIS_URL", "redis://host:6379/0, the broker and cache")
VAR_DIR.mkdir(parents=True, exist_ok=True)


def _sqlite() -> dict[str, Any]:
    # IMMEDIATE serialises writers, so the desk's locking code is right here too; WAL lets people read meanwhile.
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": VAR_DIR / "db.sqlite3",
        "TEST": {"NAME": str(VAR_DIR / "test.sqlite3")},
        "OPTIONS": {
            "transaction_mode": "IMMEDIATE",
            "timeout": 20,
            "init_command": "PRAGMA journal_mode=WAL;PRAGMA synchronous=NORMAL;",
        },
    }


def _postgresql() -> dict[str, Any]:
    # JIT compiles for longer than the desk's short queries run; and a page by an index is no dearer than one in a row,
    # as the planner's default for turning disks has it.
    found = env.database("DATABASE_URL")
    found["OPTIONS"]["options"] = f"-c jit=off -c random_page_cost=1.1 {found['OPTIONS'].get('options', '')}".strip()
    return found | {"CONN_MAX_AGE": 60, "CONN_HEALTH_CHECKS": True}


DATABASES = {"default": _postgresql() if PRODUCTION else _sqlite()}
# In a process's own memory there is room for what counts who calls how often, whatever else is kept there.
CACHES: dict[str, dict[str, Any]] = {
    "default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "OPTIONS": {"MAX_ENTRIES": 100_000}}
}
if REDIS_URL:
    CACHES["default"] = caching.redis(REDIS_URL)

CELERY_TIMEZONE = "UTC"
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS = True
CELERY_BEAT_SCHEDULE_FILENAME = str(VAR_DIR / "beat.db")
CELERY_BEAT_SCHEDULER = "refunddesk.beat.Scheduler"
CELERY_BEAT_MAX_LOOP_INTERVAL = 5  # so soon it notices that the clock was put back
if REDIS_URL:
    CELERY_BROKER_URL = REDIS_URL
    CELERY_BROKER_TRANSPORT_OPTIONS: dict[str, Any] = {"socket_connect_timeout": 5, "socket_timeout": 30}
else:
    (VAR_DIR / "queue").mkdir(exist_ok=True)
    CELERY_BROKER_URL = "filesystem://localhost"
    CELERY_BROKER_TRANSPORT_OPTIONS = {
        "data_folder_in": str(VAR_DIR / "queue"),
        "data_folder_out": str(VAR_DIR / "queue"),
        "control_folder": str(VAR_DIR / "control"),
        "polling_interval": 0.1,
    }
    CELERY_WORKER_ENABLE_REMOTE_CONTROL = False

# --- people -----------------------------------------------------------------------------------------------------------
AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["axes.backends.AxesStandaloneBackend", "accounts.backends.RoleBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {
        "NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator",
        "OPTIONS": {"user_attributes": ("email", "name")},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "accounts.passwords.LengthByRole"},
    {"NAME": "accounts.passwords.AnotherPassword"},
]
LOGIN_URL = "admin:login"
LOGIN_REDIRECT_URL = "admin:index"
# Ten wrong passwords of one person from one address close that pair for a quarter of an hour.
AXES_FAILURE_LIMIT = 10
AXES_USERNAME_FORM_FIELD = "username"  # what the login form calls the email address
AXES_USERNAME_CALLABLE = "accounts.backends.login_name"
AXES_COOLOFF_TIME = timedelta(minutes=15)
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_RESET_ON_SUCCESS = True
AXES_DISABLE_ACCESS_LOG = True  # the audit has the logins
AXES_VERBOSE = False
AXES_SENSITIVE_PARAMETERS = ["username", "ip_address", "code", "old_password", "new_password1", "new_password2"]
OTP_TOTP_ISSUER = "refunddesk"
# The roles that get in with a second factor only. By environment, not by a policy row: who holds a manager's session
# must not be able to switch it off.
SECOND_FACTOR_ROLES = env.roles("SECOND_FACTOR_ROLES", ("manager", "supervisor") if PRODUCTION else ())
# The header in which a proxy in front gives the caller's address; nobody but that proxy may be able to set it.
CLIENT_ADDRESS_HEADER = env.text("CLIENT_ADDRESS_HEADER")
AXES_CLIENT_IP_CALLABLE = "accounts.rates.caller"
# Calls a minute; 0 is no limit. See docs/security.md.
API_PER_MINUTE = env.number("API_PER_MINUTE", 600, least=0, most=1_000_000)
HOOKS_PER_MINUTE = env.number("HOOKS_PER_MINUTE", 1_200, least=0, most=1_000_000)
LOGINS_PER_MINUTE = env.number("LOGINS_PER_MINUTE", 30, least=0, most=1_000_000)
REVEALS_PER_MINUTE = env.number("REVEALS_PER_MINUTE", 30, least=0, most=1_000_000)

# --- language and time ------------------------------------------------------------------------------------------------
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = True
LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("zh-hans", "简体中文")]
LOCALE_PATHS = [BASE_DIR / "locale"]

# --- files ------------------------------------------------------------------------------------------------------------
# WhiteNoise serves the applications' own static files from where they are, so nothing has to be collected first.
STATIC_URL = "static/"
WHITENOISE_USE_FINDERS = True
# Outside every web root: evidence is served by a view that asks who wants it.
ATTACHMENT_DIR = env.folder("ATTACHMENT_DIR", VAR_DIR / "attachments")
MEDIA_ROOT = ATTACHMENT_DIR
FILE_UPLOAD_HANDLERS = [
    "django.core.files.uploadhandler.MemoryFileUploadHandler",
    "handoffs.spooling.Spooled",
]
FILE_UPLOAD_PERMISSIONS = 0o600
FILE_UPLOAD_DIRECTORY_PERMISSIONS = 0o700
DATA_UPLOAD_MAX_MEMORY_SIZE = 5 * 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 2_000
DATA_UPLOAD_MAX_NUMBER_FILES = 20

# --- mail -------------------------------------------------------------------------------------------------------------
globals().update(env.mail("EMAIL_URL", default=f"file://{VAR_DIR / 'mail'}"))
DEFAULT_FROM_EMAIL = SERVER_EMAIL = env.text("DEFAULT_FROM_EMAIL", f"refunddesk@{_first_host}")

# --- API --------------------------------------------------------------------------------------------------------------
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "handoffs.api.tokens.KeptToken",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": [
        "rest_framework.permissions.IsAuthenticated",
        "handoffs.api.tokens.InScope",
    ],
    "DEFAULT_THROTTLE_CLASSES": ["handoffs.api.throttles.PerCaller"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_FILTER_BACKENDS": ["django_filters.rest_framework.DjangoFilterBackend"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "handoffs.api.errors.handle",
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "refunddesk",
    "DESCRIPTION": "Refund applications, the questions they raise, and the decisions taken on them.",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["rest_framework.permissions.IsAuthenticated"],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "ENUM_NAME_OVERRIDES": {
        "Role": "accounts.models.people.Role",
        "CaseStatus": "handoffs.models.Case.Status",
        "HandoffStatus": "handoffs.models.Handoff.Status",
        "HandoffKind": "handoffs.models.handoff.HandoffKind",
        "DecisionStatus": "handoffs.models.Decision.Status",
        "DecisionKind": "handoffs.models.Decision.Kind",
        "ClockKind": "handoffs.models.clock.ClockKind",
    },
}

# --- browser safety ---------------------------------------------------------------------------------------------------
# Inline style sheets of the packages, by hash: a browser test says which one a new version or new colours need.
INLINE_STYLES = [
    "'sha256-CftXQ/6rIQ3AMOrJUsQzoK+KGLgk4scJJlfXyvE/1mQ='",  # unfold: theme colours
    "'sha256-bsV5JivYxvGywDAZ22EZJKBFip65Ng9xoJVLbBg7bdo='",  # htmx: loading indicator
    "'sha256-+MEQ/O07HiRf96s+FyiSQj7xKrHjGPZWCed2MyGUBF4='",  # unfold: lists without actions
    "'sha256-MMpT0iDxyjALd9PdfepImGX3DBfJPXZ4IlDWdPAgtn0='",  # drf-spectacular: page of the API's documentation
]
# The console's own components evaluate expressions in attributes ('unsafe-eval') and set style attributes.
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "script-src": [SELF, "'unsafe-eval'"],
        "style-src-elem": [SELF, *INLINE_STYLES],
        "style-src-attr": ["'unsafe-inline'"],
        "img-src": [SELF, "data:", "blob:"],
        "font-src": [SELF],
        "object-src": [NONE],
        "base-uri": [NONE],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
    }
}
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"
# A day's work without logging in again; what a page fetches by itself does not keep a session alive.
SESSION_IDLE_MINUTES = env.number("SESSION_IDLE_MINUTES", 240, least=5, most=10_080)
SESSION_HOURS = env.number("SESSION_HOURS", 14, least=1, most=336)
SESSION_COOKIE_AGE = SESSION_HOURS * 3600
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_SSL_REDIRECT = TLS
# The desk promises TLS for its own name only: what holds for its domain's other hosts is not its to say.
SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W021"]
if TLS:
    # A proxy in front speaks TLS and says so in this header, which it must set itself on every request.
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    SECURE_HSTS_SECONDS = 365 * 24 * 3600
    SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$", r"^metrics$"]

# --- log --------------------------------------------------------------------------------------------------------------
LOG_LEVEL = env.choice("LOG_LEVEL", ("DEBUG", "INFO", "WARNING", "ERROR"), "INFO")
LOG_FORMAT = env.choice("LOG_FORMAT", ("JSON", "LINE"), "JSON" if PRODUCTION else "LINE").lower()
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"trail": {"()": "refunddesk.logs.Trail"}},
    "formatters": {"json": {"()": "refunddesk.logs.Json"}, "line": {"()": "refunddesk.logs.Line"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "filters": ["trail"], "formatter": LOG_FORMAT}},
    "root": {"handlers": ["console"], "level": "WARNING"},
    "loggers": {
        **{name: {"level": LOG_LEVEL} for name in ("accounts", "handoffs", "refunddesk")},
        # A line a request is for a desk that somebody watches; on one's own machine it is asked for by LOG_LEVEL.
        "refunddesk.access": {"level": LOG_LEVEL if PRODUCTION or env.text("LOG_LEVEL") else "WARNING"},
        # Whoever asks for what is not there or not theirs has left that line already.
        "django.request": {"level": "ERROR"},
    },
}
