"""One page that logs, and gunicorn's way in."""

import logging
import os

from django.core.wsgi import get_wsgi_application
from django.http import HttpResponse
from django.urls import path

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "settings")
log = logging.getLogger("orders")


def order(request, number):
    log.info("order %d is taken", number)
    return HttpResponse("thank you\n", content_type="text/plain")


urlpatterns = [path("orders/<int:number>", order)]
application = get_wsgi_application()
