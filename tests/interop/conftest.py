"""What the tests share. They need `SPLASHDAM_BIN`, the path of the sidecar's binary (`make test` sets it)."""

import os
import tempfile
from pathlib import Path

import boto3
import pytest

from programs import CREDENTIALS, REGION, Moto


def pytest_configure(config):
    binary = os.environ.get("SPLASHDAM_BIN", "")
    if not os.access(binary, os.X_OK):
        raise pytest.UsageError(f"SPLASHDAM_BIN={binary!r} is no program; `make test` builds it and sets the variable")


@pytest.fixture
def folder():
    """A folder whose path is short enough for a socket's."""
    with tempfile.TemporaryDirectory(prefix="splashdam-") as path:
        yield Path(path)


@pytest.fixture(scope="session")
def moto():
    with Moto() as server:
        yield server


@pytest.fixture
def logs(moto):
    """boto3's CloudWatch Logs client, talking to moto."""
    return boto3.client(
        "logs",
        endpoint_url=moto.url,
        region_name=REGION,
        aws_access_key_id=CREDENTIALS["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
    )
