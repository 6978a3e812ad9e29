"""Django's settings: the ORM on SQLite, one connection a worker for as long as it lives, and the mode's `LOGGING`."""

from workloads import modes
from workloads.spec import Spec

SPEC = Spec.current()

SECRET_KEY = "not a secret: only benchmarks run this"
ALLOWED_HOSTS = ["127.0.0.1", "localhost", "[::1]"]
DEBUG = False
USE_TZ = True
INSTALLED_APPS = ["workloads"]
MIDDLEWARE = ["django.middleware.common.CommonMiddleware", "workloads.views.request_context"]
ROOT_URLCONF = "workloads.site"
WSGI_APPLICATION = "workloads.site.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": SPEC.database,
        "CONN_MAX_AGE": None,
        "OPTIONS": {"timeout": 20},
    }
}
LOGGING_CONFIG = "workloads.modes.configure"
LOGGING = modes.dictionary(SPEC)
