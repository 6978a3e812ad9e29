"""Adds up the outputs of `cargo test` and pytest: summary.py CARGO_LOG PYTEST_LOG…, each with its status in LOG.status.

Prints `N passed, N failed` as its last line, and fails unless each ran something, nothing failed and all ended with 0.
"""

import re
import sys
from pathlib import Path

CARGO = re.compile(r"^test result: \w+\. (\d+) passed; (\d+) failed;", re.MULTILINE)
PYTEST = re.compile(r"^(?:=+ )?((?:\d+ \w+, )*\d+ \w+) in [\d.]+s", re.MULTILINE)


def cargo(text):
    """All test binaries and documentation tests: (passed, failed)."""
    counts = [(int(passed), int(failed)) for passed, failed in CARGO.findall(text)]
    return sum(passed for passed, _ in counts), sum(failed for _, failed in counts)


def pytest(text):
    """The last line that sums up: (passed, failed); an error counts as a failure."""
    lines = PYTEST.findall(text)
    counts = {name: int(number) for number, name in re.findall(r"(\d+) (\w+)", lines[-1])} if lines else {}
    return counts.get("passed", 0), sum(counts.get(name, 0) for name in ("failed", "error", "errors"))


def main(logs):
    total_passed = total_failed = 0
    for log in logs:
        count = cargo if log == logs[0] else pytest
        passed, failed = count(Path(log).read_text(encoding="utf-8", errors="replace"))
        status = int(Path(f"{log}.status").read_text())
        if failed == 0 and (status != 0 or passed == 0):
            why = f"ended with {status}" if status else "ran no test"
            print(f"{Path(log).name} {why}: counted as one failure")
            failed = 1
        total_passed, total_failed = total_passed + passed, total_failed + failed
    print(f"{total_passed} passed, {total_failed} failed")
    return 1 if total_failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
