"""The examples for Celery and for Go run as their readers run them."""

import json
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from celery_site import PACKAGE

from harness import Program, start_sidecar
from programs import PATIENCE

EXAMPLES = Path(__file__).parents[3] / "examples"


def test_celery_example(redis_server):
    path = os.pathsep.join([str(PACKAGE), os.environ.get("PYTHONPATH", "")])
    example = Program(
        [sys.executable, EXAMPLES / "celery" / "run.py"],
        {"SPLASHDAM_BIN": os.environ["SPLASHDAM_BIN"], "PYTHONPATH": path},
    )
    with example:
        assert example.process.wait(2 * PATIENCE) == 0, example.output()
        example.reader.join(PATIENCE)
    streams = {name: int(count) for count, name in re.findall(r"^ *(\d+) in (\S+)", example.output(), re.MULTILINE)}
    assert streams["orders"] == 50 and streams["payments"] == 50
    assert streams["celery.app.trace"] == 100, "Celery's own word of each task's success"
    received, delivered = re.search(r"received=(\d+) .*delivered=(\d+) ", example.output()).groups()
    assert int(received) == int(delivered) == sum(streams.values())


@pytest.fixture(scope="session")
def go():
    """Go's command in the example's folder."""
    program = shutil.which("go")
    if not program:
        pytest.skip("`go` is not installed: the Go example was neither compiled nor run")

    def run(*arguments):
        command = [program, *map(str, arguments)]
        done = subprocess.run(command, cwd=EXAMPLES / "go", capture_output=True, text=True, timeout=10 * PATIENCE)
        assert done.returncode == 0, done.stdout + done.stderr

    return run


def test_go_example_passes_its_own_tests(go):
    go("vet", "./...")
    go("test", "-count=1", "./...")


@pytest.fixture
def go_example(go, folder):
    go("build", "-o", folder / "example", ".")
    return folder / "example"


def logged(example, socket, *flags):
    with Program([example, *flags], {"SPLASHDAM_SOCKET": str(socket)}) as program:
        assert program.process.wait(PATIENCE) == 0, program.output()


def test_go_example_with_the_sidecar(go_example, folder, emulator, cloud):
    with start_sidecar(folder, emulator.url) as sidecar:
        logged(go_example, sidecar.socket, "-lines", "500")
        assert sidecar.stop() == 0, sidecar.output()
    records = [json.loads(message) for message in cloud.messages()]
    assert [record["number"] for record in records] == list(range(1, 501))
    assert {record["msg"] for record in records} == {"hello from Go"}
    assert {record["text"] for record in records} == {"two lines\nin one record"}


def test_go_example_with_lines_of_text(go_example, folder, emulator, cloud):
    with start_sidecar(folder, emulator.url) as sidecar:
        logged(go_example, sidecar.socket, "-text", "-lines", "500")
        assert sidecar.stop() == 0, sidecar.output()
    numbers = [int(re.search(r'number="?(\d+)', message)[1]) for message in cloud.messages()]
    assert numbers == list(range(1, 501))


def test_go_example_without_a_sidecar_goes_on_and_says_what_is_lost(go_example, folder):
    began = time.monotonic()
    with Program([go_example, "-lines", "100000"], {"SPLASHDAM_SOCKET": str(folder / "nobody")}) as program:
        assert program.process.wait(PATIENCE) == 1
        program.reader.join(PATIENCE)
        assert program.lines == ["100000 of 100000 records could not be handed to the sidecar"]
    # Waiting 50 ms for each would take 5,000 s.
    assert time.monotonic() - began < PATIENCE
