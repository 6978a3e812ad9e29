"""The app as gunicorn loads it: once in the master with `--preload`, else once in each worker."""

import os

import django.core.wsgi

application = django.core.wsgi.get_wsgi_application()

from shop import ledger  # noqa: E402  (only now are the settings there)

# Records of its own for each load. With `--preload` the master thereby has open connections when it forks.
LOADED_FROM = 1_000_000
for k in range(len(ledger.LOGGERS)):
    ledger.log(LOADED_FROM + len(ledger.LOGGERS) * os.getpid() + k)
