"""gunicorn's settings: the app is loaded once, before the fork, and gunicorn's own words go to CloudWatch, too."""

workers = 2
preload_app = True
timeout = 30

logconfig_dict = {
    "formatters": {"plain": {"format": "%(levelname)s %(process)d %(name)s: %(message)s"}},
    "handlers": {
        "console": {"class": "logging.StreamHandler", "formatter": "plain"},
        "splashdam": {"class": "splashdam.Handler", "formatter": "plain", "stream": "gunicorn"},
    },
    "root": {"level": "WARNING", "handlers": ["console"]},
    "loggers": {
        "gunicorn.error": {"level": "INFO", "handlers": ["console", "splashdam"], "propagate": False},
    },
}
