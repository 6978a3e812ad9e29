"""The README's tables say what the binary says."""

import os

import tables


def test_options_and_metrics_are_those_of_the_binary():
    readme = tables.README.read_text(encoding="utf-8")
    renewed = tables.fill(readme, os.environ["SPLASHDAM_BIN"])
    assert readme == renewed, "renew it: .venv/bin/python tests/interop/tables.py target/debug/splashdam"
