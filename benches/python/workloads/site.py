"""The URLs, and gunicorn's way in."""

import os

from django.core.wsgi import get_wsgi_application
from django.urls import path

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "workloads.settings")
application = get_wsgi_application()

from workloads import views  # noqa: E402  (models want the settings to be there)

urlpatterns = [
    path("noop", views.noop),
    path("sysconfig", views.sysconfig),
    path("concurrent", views.concurrent),
]
