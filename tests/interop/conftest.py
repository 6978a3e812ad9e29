"""What the tests share. See also stage.py."""

import boto3
import pytest

from programs import CREDENTIALS, REGION, Moto
from stage import folder, pytest_configure

__all__ = ["folder", "logs", "moto", "pytest_configure"]


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
