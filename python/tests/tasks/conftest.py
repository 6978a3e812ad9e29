"""Celery's tests: a site with Redis, endpoint and sidecar for each."""

import shutil
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from celery_site import Site


@pytest.fixture(scope="session")
def redis_server():
    """Debian's, or a test that says why it was not run."""
    if not shutil.which("redis-server"):
        pytest.skip("redis-server is not installed: Celery's tests need a real one")


@pytest.fixture
def site(redis_server, folder, emulator, cloud):
    with Site(folder, emulator, cloud) as running:
        yield running


@pytest.fixture
def spooling_site(redis_server, folder, emulator, cloud):
    """Its sidecar keeps records on disk, too, so that they survive a `kill -9` of it."""
    with Site(folder, emulator, cloud, "--spool-dir", folder / "spool") as running:
        yield running
