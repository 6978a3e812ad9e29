"""The same app without the handler, so that a test can tell the handler's cost from the machine's mood."""

from shop.settings import *  # noqa: F403
from shop.settings import LOGGING

for name in "watchtower", "splashdam":
    LOGGING["handlers"][name] = {"class": "logging.NullHandler", "formatter": "verbose", "level": "INFO"}
