"""Django settings, built from the one table in `amberapp.configuration`."""

import os
import sys
import tomllib
from pathlib import Path

import environ
from csp.constants import NONE, SELF
from django.utils.translation import gettext_lazy as _
from kombu.entity import Queue

from amberapp.configuration import ConfigurationError, read

BASE_DIR = Path(__file__).resolve().parent.parent
VERSION: str = tomllib.loads((BASE_DIR / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
AMBER = read(os.environ)
TESTING = "pytest" in sys.modules or "PYTEST_VERSION" in os.environ
DEMO: bool = AMBER["AMBER_DEMO"]
DEBUG: bool = AMBER["AMBER_DEBUG"]

HOME = Path(AMBER["AMBER_HOME"])
HOME = HOME if HOME.is_absolute() else BASE_DIR / HOME
HOME.mkdir(parents=True, exist_ok=True)

SECRET_KEY: str = AMBER["AMBER_SECRET_KEY"]
if not SECRET_KEY:
    _harmless = {"makemigrations", "makemessages", "compilemessages", "collectstatic", "check", "spectacular"}
    if not (TESTING or DEMO or set(sys.argv[1:2]) & _harmless or "mypy" in sys.modules):
        raise ConfigurationError(
            "AMBER_SECRET_KEY is empty: set it to a long random text "
            "(python -c 'import secrets; print(secrets.token_urlsafe(50))')."
        )
    SECRET_KEY = "amber-demo-" + "0" * 40

# In demo mode the accounts are public knowledge, so the site answers to the loopback addresses only.
LOOPBACK = ["127.0.0.1", "localhost", "[::1]"]
ALLOWED_HOSTS = LOOPBACK if DEMO else (AMBER["AMBER_ALLOWED_HOSTS"] or LOOPBACK)
if TESTING:
    ALLOWED_HOSTS = [*ALLOWED_HOSTS, "testserver"]
CSRF_TRUSTED_ORIGINS = AMBER["AMBER_TRUSTED_ORIGINS"]

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "rest_framework",
    "django_filters",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "csp",
    "leaflet",
    "amberapp",
    "detection",
    "labeling",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "csp.middleware.CSPMiddleware",
    "amberapp.web.uploads.SizeLimit",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "amberapp.errors.UserErrorMiddleware",
    "amberapp.web.without_database.WithoutDatabase",
]

ROOT_URLCONF = "amberapp.urls"
WSGI_APPLICATION = "amberapp.wsgi.application"

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
                "amberapp.web.context.amber",
                "detection.ground.context.imagery",
            ]
        },
    }
]

if AMBER["AMBER_DATABASE_URL"]:
    DATABASES = {"default": environ.Env.db_url_config(AMBER["AMBER_DATABASE_URL"])}
    DATABASES["default"]["CONN_MAX_AGE"] = 60
    DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
    if DATABASES["default"]["ENGINE"].endswith("postgresql"):
        # A machine that is cut off must neither wait for hours itself nor keep its row locks for hours: both ends
        # give the connection up after some 20 seconds without an answer.
        DATABASES["default"].setdefault("OPTIONS", {}).update(
            connect_timeout=5,
            keepalives_idle=10,
            keepalives_interval=3,
            keepalives_count=3,
            tcp_user_timeout=20_000,
            options="-c tcp_keepalives_idle=10 -c tcp_keepalives_interval=3 -c tcp_keepalives_count=3"
            " -c tcp_user_timeout=20000",
        )
else:
    DATABASES = {
        "default": {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": HOME / "amber.sqlite3",
            "OPTIONS": {
                # A write lock taken at BEGIN waits its turn; one upgraded later fails at once.
                "transaction_mode": "IMMEDIATE",
                "timeout": 30,
                "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; "
                "PRAGMA busy_timeout=30000; PRAGMA foreign_keys=ON; "
                # What is deleted (a sender's sealed address) is overwritten, too.
                "PRAGMA secure_delete=ON;",
            },
            # A file, not memory: workers, threads and the live server of the tests share it.
            "TEST": {"NAME": HOME / f"test-{os.getpid()}.sqlite3"},
        }
    }
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

AUTH_USER_MODEL = "amberapp.User"
AUTHENTICATION_BACKENDS = ["amberapp.backends.AccountBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
if TESTING:
    PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "home"
LOGOUT_REDIRECT_URL = "public-map"
ACCOUNT_LOGIN_METHODS = {"username", "email"}
ACCOUNT_ADAPTER = "amberapp.accounts.adapter.NamelessAccountAdapter"
ACCOUNT_FORMS = {"login": "amberapp.forms.LoginForm"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "email", "password1*"]
ACCOUNT_EMAIL_VERIFICATION = "optional"
ACCOUNT_RATE_LIMITS = {"login_failed": "10/5m/ip,5/5m/key", "signup": "20/m/ip"}
ACCOUNT_LOGOUT_ON_GET = False
# Behind HTTPS one proxy stands before the site; otherwise X-Forwarded-For is anybody's to write.
ALLAUTH_TRUSTED_PROXY_COUNT = 1 if AMBER["AMBER_HTTPS"] else 0
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes"]

REDIS_URL: str = AMBER["AMBER_REDIS_URL"]
# What counts people must not lie on a disk, and the broker's messages do.
CACHE_URL: str = AMBER["AMBER_CACHE_URL"]
if CACHE_URL and not TESTING:
    CACHES = {
        "default": {
            "BACKEND": "amberapp.web.cache.SteadyRedisCache",
            "LOCATION": CACHE_URL,
            "OPTIONS": {"serializer": "amberapp.web.cache.JSONSerializer"},
        }
    }
else:
    CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
SESSION_ENGINE = "amberapp.web.sessions"

CELERY_BROKER_URL = REDIS_URL or "memory://"
# What a person waits for is light; what reads pixels, learns or scores for minutes is heavy, so that machines can
# be set aside for either (docs/running.md). A worker that names no queue serves both.
CELERY_TASK_QUEUES = (Queue("light"), Queue("heavy"))
CELERY_TASK_DEFAULT_QUEUE = "light"
CELERY_TASK_ROUTES = {"detection.work_on_run": {"queue": "heavy"}}
HEAVY_JOBS = frozenset(
    {
        "demo.content",
        "detection.build_look_alikes",
        "labeling.campaign_round",
        "labeling.compare_classifiers",
        "labeling.publish",
        "labeling.rank_tiles",
        "labeling.retrain",
        "labeling.upgrade_features",
    }
)
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_TASK_IGNORE_RESULT = True
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
# Longer than the longest task: Redis hands a message out again after this time.
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": 12 * 3600,
    "socket_timeout": 5,
    "socket_connect_timeout": 2,
    "socket_keepalive": True,
}
CELERY_WORKER_HIJACK_ROOT_LOGGER = False

STORAGE_ROOT = HOME / "storage"
if AMBER["AMBER_S3_BUCKET"]:
    _default_storage = {
        "BACKEND": "storages.backends.s3.S3Storage",
        "OPTIONS": {
            "bucket_name": AMBER["AMBER_S3_BUCKET"],
            "endpoint_url": AMBER["AMBER_S3_ENDPOINT"] or None,
            "region_name": AMBER["AMBER_S3_REGION"] or None,
            "access_key": AMBER["AMBER_S3_ACCESS_KEY"] or None,
            "secret_key": AMBER["AMBER_S3_SECRET_KEY"] or None,
            "file_overwrite": True,
            "default_acl": None,
        },
    }
else:
    _default_storage = {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {"location": STORAGE_ROOT, "allow_overwrite": True},
    }
STORAGES = {
    "default": _default_storage,
    "staticfiles": {"BACKEND": "amberapp.web.staticfiles.HashedStaticFiles"},
}
if TESTING:
    STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
FEATURE_STORE = HOME / "features"

STATIC_URL = "/static/"
STATIC_ROOT = HOME / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
# Without a collected copy (tests, a developer's shell) files come straight from the source folders.
WHITENOISE_USE_FINDERS = TESTING or DEBUG
# Every test's client is a site of its own; none walks through all files first.
WHITENOISE_AUTOREFRESH = TESTING

LANGUAGE_CODE = "en"
FORMAT_MODULE_PATH = ["amberapp.formats"]
LANGUAGES = [("uk", "Українська"), ("en", "English")]
LOCALE_PATHS = [BASE_DIR / "amberapp" / "locale"]
LANGUAGE_COOKIE_AGE = 365 * 24 * 3600
LANGUAGE_COOKIE_SAMESITE = "Lax"
USE_I18N = True
USE_TZ = True
TIME_ZONE = "Europe/Kyiv"

SECURE_REFERRER_POLICY = "same-origin"
SECURE_CONTENT_TYPE_NOSNIFF = True
X_FRAME_OPTIONS = "DENY"
SESSION_COOKIE_HTTPONLY = True
# Only forms that a stranger fills in set it, and it goes with the browser: nothing on a reader's device outlives the visit.
CSRF_COOKIE_AGE = None
if AMBER["AMBER_HTTPS"]:
    SECURE_SSL_REDIRECT = True
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    SECURE_HSTS_SECONDS = 31_536_000
    SESSION_COOKIE_SECURE = True
    CSRF_COOKIE_SECURE = True

# How every map begins (the tag leaflet_map, static/js/shared/map.js). No tiles from anybody else's server: a plain ground.
# The scale and the buttons are placed by the pages, which know what lies over their maps.
LEAFLET_CONFIG = {
    "TILES": [],
    "DEFAULT_CENTER": (51.3, 27.2),
    "DEFAULT_ZOOM": 9,
    "MIN_ZOOM": 3,
    "MAX_ZOOM": 20,
    "SCALE": None,
    "RESET_VIEW": False,
}

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:", "blob:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "worker-src": [SELF],
        "manifest-src": [SELF],
        "object-src": [NONE],
        "base-uri": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
    }
}

DATA_UPLOAD_MAX_MEMORY_SIZE = 5 * 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 2000
# Bytes of one request, files included (amberapp.web.uploads). A photo of a report has at most 8 MB, a tile 100 MB.
STRANGERS_SEND_AT_MOST = 9 * 1024 * 1024
# What a stranger sends is held in memory: a photo as it came, with its place and camera, must not lie on a disk, and
# would stay there if the process were killed meanwhile.
FILE_UPLOAD_MAX_MEMORY_SIZE = STRANGERS_SEND_AT_MOST
PEOPLE_SEND_AT_MOST = 128 * 1024 * 1024
OPEN_DOORS = ("/report/", "/api/reports/", "/account/")

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["rest_framework.authentication.SessionAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["amberapp.web.permissions.IsVolunteer"],
    "DEFAULT_PAGINATION_CLASS": "amberapp.api.Pages",
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["amberapp.api.ShallowJSON"],
    "DEFAULT_FILTER_BACKENDS": ["django_filters.rest_framework.DjangoFilterBackend"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "DEFAULT_THROTTLE_CLASSES": [
        "amberapp.web.rate_limit.NamelessThrottle",
        "amberapp.web.rate_limit.PersonThrottle",
    ],
    "DEFAULT_THROTTLE_RATES": {"anon": "240/min", "user": "1200/min"},
    "EXCEPTION_HANDLER": "amberapp.api.error_response",
    "PAGE_SIZE": 50,
    "NUM_PROXIES": ALLAUTH_TRUSTED_PROXY_COUNT,
}
if TESTING:
    REST_FRAMEWORK["DEFAULT_THROTTLE_RATES"] = {"anon": None, "user": None}
SPECTACULAR_SETTINGS = {
    "TITLE": "Amber",
    "DESCRIPTION": _("Tiles, labels, detections, reviews, releases and reports of an Amber site."),
    "VERSION": VERSION,
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "COMPONENT_SPLIT_REQUEST": True,
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "amberapp.api.with_errors",
    ],
    "ENUM_NAME_OVERRIDES": {
        "LabelVerdict": "labeling.models.label.LabelVerdict",
        "ReleaseKind": "labeling.models.release.ReleaseKind",
        "ReviewVerdict": "labeling.models.review.ReviewVerdict",
        "ReviewEntry": "labeling.review.api.ENTRIES",
        "Standing": "labeling.review.api.STANDINGS",
        "WorkState": "amberapp.models.work.WorkState",
    },
}

if AMBER["AMBER_EMAIL_URL"]:
    vars().update(environ.Env.email_url_config(AMBER["AMBER_EMAIL_URL"]))
else:
    EMAIL_BACKEND = "django.core.mail.backends.console.EmailBackend"
# A mail server that takes the line and says nothing must not keep a worker.
EMAIL_TIMEOUT = 20
DEFAULT_FROM_EMAIL = AMBER["AMBER_FROM_EMAIL"]

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {
            "()": "amberapp.web.private_paths.Lines",
            "format": "{asctime} {levelname} {name}: {message}",
            "style": "{",
        }
    },
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": "WARNING"},
    "loggers": {"amber": {"level": "INFO"}},
}
