"""`splashdam-bench workloads` as a process: the programs beside `SPLASHDAM_BIN`, the Python that runs the tests."""

import json
import os
import subprocess
import sys
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
BENCH = Path(os.environ["SPLASHDAM_BIN"]).with_name("splashdam-bench")
# A hang is a failure; a slow machine is none.
PATIENCE = 900


def command(folder, *flags, python=sys.executable):
    """The smallest set, its results and its report in the folder."""
    apps = ["--python", python, "--checkout", str(CHECKOUT)]
    files = ["--json", str(folder / "results.json"), "--html", str(folder / "report.html")]
    return [str(BENCH), "workloads", "--set", "smoke", *apps, *files, *flags]


def measure(folder, *flags):
    """Runs it to its end and gives its results; what it said is shown where the test fails."""
    done = subprocess.run(command(folder, *flags), capture_output=True, text=True, timeout=PATIENCE, check=False)
    print(done.stdout, done.stderr)
    results = json.loads((folder / "results.json").read_text())
    results["exit"] = done.returncode
    results["terminal"] = done.stdout
    return results
