"""What the tests ask of the app. Each view logs the numbers that the request names."""

import os
import signal
import sys
import time

from django.http import JsonResponse

from shop import ledger


def numbers(request):
    first, count = (int(request.GET.get(name, 1)) for name in ("first", "count"))
    return range(first, first + count)


def log(request):
    for number in numbers(request):
        ledger.log(number, int(request.GET.get("size", 0)))
    return JsonResponse({"pid": os.getpid()})


def fail(request):
    """An exception that nobody catches: Django itself logs it, with its traceback, to `django.request`."""
    raise ValueError(f"n={request.GET['first']} is what this view was asked to choke on")


def sleep(request):
    """Logs, then blocks the worker beyond gunicorn's `--timeout`; if asked deaf to SIGABRT, so that SIGKILL must do."""
    log(request)
    if "deaf" in request.GET:
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGABRT])
    # Under gevent only the real sleep blocks the hub, and only a blocked hub runs into the time-out.
    nap = time.sleep
    if "gevent" in sys.modules:
        nap = sys.modules["gevent.monkey"].get_original("time", "sleep")
    nap(60)
    return JsonResponse({"pid": os.getpid()})


def killed(request):
    """Logs, and is gone the moment after."""
    log(request)
    os.kill(os.getpid(), signal.SIGKILL)
