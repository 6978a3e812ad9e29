"""`splashdam send` through a running sidecar: what it ships, and that its exit code is the truth."""

import os
import subprocess

import pytest

from programs import PATIENCE, Sidecar
from test_moto import JSON_LINES, ODD, texts


def send(socket, text, *flags):
    command = [os.environ["SPLASHDAM_BIN"], "send", "--socket", str(socket), *flags]
    return subprocess.run(command, input=text.encode(), capture_output=True, timeout=PATIENCE)


def test_stdin_is_delivered(moto, logs, folder):
    lines = ODD + JSON_LINES + [f"record {n:05}" for n in range(1_000)]
    with Sidecar(folder, moto.url, "--group", "/interop/send", "--in-flight-max", "1") as sidecar:
        sent = send(sidecar.socket, "\n".join(lines), "--stream", "sent")
        assert sent.returncode == 0, sent.stderr
        # It said so only after CloudWatch had it.
        assert texts(logs, "/interop/send", "sent") == lines
        assert sidecar.stop() == 0, sidecar.output()


@pytest.mark.parametrize("flags, code", [(["--enabled=false"], 3), ([], 4)], ids=["dropped", "late"])
def test_what_was_not_delivered_is_said(folder, flags, code):
    # Nobody listens at the endpoint, so what is not dropped waits.
    nobody = "http://127.0.0.1:9"
    with Sidecar(folder, nobody, "--group", "g", "--shutdown-deadline", "1s", *flags) as sidecar:
        sent = send(sidecar.socket, "one\ntwo\n", "--flush-timeout", "500ms")
        assert sent.returncode == code, sent.stderr


def test_without_a_sidecar_it_fails(folder):
    sent = send(folder / "s", "one\n", "--flush-timeout", "200ms")
    assert sent.returncode == 1
    assert b"no sidecar" in sent.stderr
