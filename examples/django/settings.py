"""The smallest Django settings with logs in CloudWatch."""

SECRET_KEY = "an example's"
ALLOWED_HOSTS = ["127.0.0.1"]
ROOT_URLCONF = "app"

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "plain": {"format": "%(levelname)s %(process)d %(name)s: %(message)s"},
    },
    "handlers": {
        "watchtower": {
            "class": "splashdam.CloudWatchLogHandler",
            "formatter": "plain",
            "log_group_name": "/example/django",
            "log_stream_name": "{machine_name}/{logger_name}/{process_id}",
            "use_queues": False,
        },
    },
    "loggers": {
        "orders": {"handlers": ["watchtower"], "level": "INFO"},
        "django.request": {"handlers": ["watchtower"], "level": "WARNING"},
    },
}
