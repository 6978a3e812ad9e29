"""The end of a process, and of those that Python's own exit functions do not see."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

SOURCE = str(Path(__file__).parents[2] / "src")


def run(program, socket, timeout=60):
    """Runs a program with the package and the socket; what it wrote to standard error."""
    environment = {**os.environ, "PYTHONPATH": SOURCE, "SPLASHDAM_SOCKET": str(socket)}
    command = [sys.executable, "-c", program]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=timeout, check=False)


BEGIN = """
import logging, os, sys, splashdam
handler = splashdam.Handler(exit_timeout={exit_timeout}, wait_for="{wait_for}")
logger = logging.getLogger("t")
logger.addHandler(handler)
"""


def test_what_stays_behind_is_said_in_one_line(path):
    streams = "\nfor at in range(20): logger.addHandler(splashdam.Handler(stream=str(at), exit_timeout=0.1))\n"
    ended = run(BEGIN.format(exit_timeout=0.1, wait_for="admitted") + streams + "logger.warning('n=1')", path)
    assert ended.returncode == 0
    [line] = [line for line in ended.stderr.splitlines() if "at the end" in line]
    assert "21 records are lost" in line


@pytest.mark.parametrize("wait_for", ["none", "admitted"])
def test_a_process_without_a_record_ends_silently(path, wait_for):
    ended = run(BEGIN.format(exit_timeout=30, wait_for=wait_for), path)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")


def test_no_resource_is_left_open_in_development_mode(sidecar, path):
    program = BEGIN.format(exit_timeout=0.1, wait_for="none") + "logger.warning('n=1')"
    environment = {**os.environ, "PYTHONPATH": SOURCE, "SPLASHDAM_SOCKET": str(path)}
    command = [sys.executable, "-X", "dev", "-W", "error", "-c", program]
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert (ended.returncode, ended.stderr) == (0, "")
    sidecar.accept()
    assert sidecar.texts() == {1: "n=1"}


def test_celerys_children_end_their_logging(path):
    """The signal that they send before `os._exit`; Celery itself is not needed to hear it."""
    program = """
import types, sys
connected = []
signals = types.ModuleType("celery.signals")
signals.worker_process_shutdown = types.SimpleNamespace(connect=lambda function, **_: connected.append(function))
sys.modules["celery.signals"] = signals
"""
    program += BEGIN.format(exit_timeout=0.1, wait_for="admitted")
    program += "logger.warning('n=1')\n[end] = connected\nend(sender=None, pid=1, exitcode=0)\nos._exit(0)"
    assert "1 records are lost at the end" in run(program, path).stderr
