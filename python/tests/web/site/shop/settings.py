"""Settings as a user of Watchtower has them on the day after: the class path is new, every keyword is still there.

One logger has the handler for new code, whose stream all processes share.
"""

import os

SECRET_KEY = "not a secret: only tests run this"
ALLOWED_HOSTS = ["127.0.0.1"]
ROOT_URLCONF = "shop.urls"
WSGI_APPLICATION = "shop.wsgi.application"
USE_TZ = True
MIDDLEWARE = ["django.middleware.common.CommonMiddleware"]

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "verbose": {"format": "%(asctime)s %(levelname)s %(process)d %(name)s: %(message)s"},
    },
    "handlers": {
        "console": {"class": "logging.StreamHandler", "formatter": "verbose", "level": "ERROR"},
        "watchtower": {
            "class": "splashdam.CloudWatchLogHandler",  # was "watchtower.CloudWatchLogHandler"
            "formatter": "verbose",
            "level": "INFO",
            "log_group_name": "/splashdam/tests",
            "log_stream_name": "{machine_name}/{program_name}/{logger_name}/{process_id}",
            "use_queues": True,
            "send_interval": 10,
            "max_batch_count": 1000,
            "create_log_group": False,
            "log_group_retention_days": None,
        },
        "splashdam": {"class": "splashdam.Handler", "formatter": "verbose", "level": "INFO", "stream": "mail"},
    },
    "loggers": {
        "shop": {"handlers": ["console", "watchtower"], "level": "INFO"},
        "billing": {"handlers": ["console", "watchtower"], "level": "INFO"},
        "mail": {"handlers": ["console", "splashdam"], "level": "INFO"},
        "django.request": {"handlers": ["console", "watchtower"], "level": "ERROR", "propagate": False},
    },
}

# Where the app writes down each number whose log call has returned: what the tests then demand of CloudWatch's side.
RETURNED = os.environ["SHOP_RETURNED"]
