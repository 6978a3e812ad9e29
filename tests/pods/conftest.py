"""What the tests of pods share: a podman, the images, an endpoint, and pods made from our own manifests."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import preflight
import pytest
from play import Stage
from podman import Podman

from harness import Cloud, Emulator
from stage import folder, pytest_configure

__all__ = ["cloud", "emulator", "folder", "pytest_configure", "stage"]

ROOT = Path(__file__).parents[2]
SIDECAR = "localhost/splashdam:test"
APP = "localhost/app:test"


def pytest_terminal_summary(terminalreporter):
    """Names each test that this machine could not run: what is not proved here is to be seen, one by one."""
    for report in terminalreporter.stats.get("skipped", []):
        terminalreporter.write_line(f"skipped: {report.nodeid}: {report.longrepr[2].removeprefix('Skipped: ')}")


@pytest.fixture(scope="session")
def podman():
    """A podman that was seen to run a pod; where there is none, every test that needs it says why."""
    why = preflight.missing()
    if why:
        pytest.skip(why)
    # In /tmp, because sockets below it need short paths.
    podman = Podman(Path(tempfile.mkdtemp(prefix="splashdam-", dir="/tmp")))
    try:
        why = preflight.trial(podman)
        if why:
            pytest.skip(why)
        yield podman
    finally:
        podman.close()


@pytest.fixture(scope="session")
def images(podman):
    """Our image, as `make image` builds it, and one of an app."""
    flags = " ".join(podman.flags)
    command = [ROOT / "deploy/build-image", "--tag", SIDECAR]
    # `make test` has built it already.
    built = os.environ.get("SPLASHDAM_STATIC_BIN")
    command += ["--binary", built] if built else []
    environment = podman.environment | {"ENGINE": "podman", "ENGINE_FLAGS": flags}
    subprocess.run(command, cwd=ROOT, env=environment, check=True)
    podman.build(APP, app_context(podman.folder / "app"))
    return {"sidecar": SIDECAR, "app": APP}


def app_context(context):
    """An image with the two apps. What runs them, libraries and Python, comes with a mount of this machine's /usr."""
    system = context / "system"
    system.mkdir(parents=True)
    for name in ("lib", "lib64", "bin"):
        (system / name).symlink_to(f"usr/{name}")
    for name in ("usr", "app"):
        (system / name).mkdir()
    for example in ("service", "feed"):
        shutil.copy(Path(os.environ["SPLASHDAM_BIN"]).parent / "examples" / example, system / "app" / example)
    shutil.copy(ROOT / "tests/pods/app.py", system / "app/app.py")
    shutil.copytree(ROOT / "python/src/splashdam", system / "app/splashdam")
    (context / "Containerfile").write_text("FROM scratch\nCOPY system /\n")
    return context


@pytest.fixture
def emulator():
    with Emulator(auto_create=True) as running:
        yield running


@pytest.fixture
def cloud(emulator):
    return Cloud(emulator.url)


@pytest.fixture
def stage(podman, images, emulator):
    """Makes pods from our manifests, and ends them."""
    with Stage(podman, images, emulator.url) as stage:
        yield stage
