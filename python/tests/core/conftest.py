"""Fixtures for tests of the handler itself, against a sidecar that the test plays."""

import logging
import os

import pytest

import splashdam
from fake import FakeSidecar
from splashdam import _client


@pytest.fixture
def path(folder):
    return folder / "s"


@pytest.fixture
def sidecar(path):
    with FakeSidecar(path) as fake:
        yield fake


@pytest.fixture
def logger(path):
    """A logger with a handler of its own: `.handler`. Nothing of it outlives the test."""
    made = logging.Logger(os.urandom(4).hex())
    made.handler = splashdam.Handler(socket=path, max_wait=0.0)
    made.addHandler(made.handler)
    yield made
    client = _client._clients.pop(str(path))
    for link in client.links.values():
        link.reset()  # Closes its connection.


@pytest.fixture
def link(logger):
    """The handler's link."""
    return logger.handler._open()
