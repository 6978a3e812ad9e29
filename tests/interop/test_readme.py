"""The README's tables say what the binary says, and what the documents point to is there."""

import os
import re
import subprocess
from pathlib import Path

import tables

ROOT = Path(__file__).resolve().parents[2]
LINK = re.compile(r"\]\(([^)#\s]+)(?:#([^)\s]*))?\)")


def documents():
    listed = subprocess.run(["git", "ls-files", "*.md"], cwd=ROOT, check=True, capture_output=True, text=True)
    return [ROOT / name for name in listed.stdout.split()]


def test_links_between_documents_lead_somewhere():
    links = [
        (document, *link) for document in documents() for link in LINK.findall(document.read_text(encoding="utf-8"))
    ]
    ours = [(document, path) for document, path, _ in links if not path.startswith(("http://", "https://"))]
    assert len(ours) > len(documents()), "they are read"
    assert [(document.name, path) for document, path in ours if not (document.parent / path).exists()] == []


def test_options_and_metrics_are_those_of_the_binary():
    readme = tables.README.read_text(encoding="utf-8")
    renewed = tables.fill(readme, os.environ["SPLASHDAM_BIN"])
    assert readme == renewed, "renew it: .venv/bin/python tests/interop/tables.py target/debug/splashdam"
