"""A page in a real Chromium, without a driver: a frame page opens it, asks it the questions of probe.js, and is dumped.

The page itself is not touched. Files may look into files' frames here; all else is as browsers have it.
"""

import json
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from html import unescape
from pathlib import Path

PATIENCE = 120
PROBE = Path(__file__).with_name("probe.js")
FLAGS = [
    "--headless",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-extensions",
    "--disable-sync",
    "--no-first-run",
    "--hide-scrollbars",
    "--allow-file-access-from-files",
    "--enable-logging=stderr",
    "--virtual-time-budget=20000",
]


@dataclass
class Seen:
    """What the page looked like, and what the browser had to say."""

    facts: dict
    console: list


def chromium():
    found = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    assert found, "Chromium is missing: apt-get install chromium, or name one in CHROMIUM"
    return found


def look(page, folder, width):
    """Opens a page in a frame so many pixels wide."""
    frame = folder / f"frame-{width}.html"
    frame.write_text(
        f'<!DOCTYPE html><meta charset="utf-8"><body style="margin:0"><pre id="facts"></pre>'
        f'<iframe id="page" style="border:0;width:{width}px;height:900px" src="{page.as_uri()}"></iframe>'
        f"<script>{PROBE.read_text(encoding='utf-8')}</script>",
        encoding="utf-8",
    )
    profile = folder / f"profile-{width}"
    # Chromium's own sandbox does not run as root, as in containers; the page is ours.
    sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
    command = [chromium(), *FLAGS, *sandbox, f"--user-data-dir={profile}", f"--window-size={width},900", "--dump-dom"]
    done = subprocess.run(
        [*command, frame.as_uri()], capture_output=True, text=True, timeout=PATIENCE, encoding="utf-8", errors="replace"
    )
    assert done.returncode == 0, f"Chromium ended with {done.returncode}: {done.stderr[-2000:]}"
    found = re.search(r'<pre id="facts">(.+?)</pre>', done.stdout, re.DOTALL)
    assert found, f"the probe did not answer: {done.stdout[:500]!r} {done.stderr[-2000:]}"
    facts = json.loads(unescape(found[1]))
    assert "failed" not in facts, facts["failed"]
    return Seen(facts, [line for line in done.stderr.splitlines() if "CONSOLE" in line])
