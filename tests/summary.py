"""Adds up the outputs of `cargo test` and pytest: summary.py CARGO_LOG PYTEST_LOG…, each with its status in LOG.status.

Prints what was skipped and why, what failed and how it began, then `N passed, N failed` as its last line. It fails
unless each ran something, nothing failed and all ended with 0. Who sees only the end of a log sees what to look for.
"""

import re
import sys
from pathlib import Path

CARGO = re.compile(r"^test result: \w+\. (\d+) passed; (\d+) failed;", re.MULTILINE)
CARGO_FAILURE = re.compile(r"^test (.+?)(?: - should panic)? \.\.\. FAILED$", re.MULTILINE)
PYTEST = re.compile(r"^(?:=+ )?((?:\d+ \w+, )*\d+ \w+) in [\d.]+s", re.MULTILINE)
PYTEST_FAILURE = re.compile(r"^(?:FAILED|ERROR) (\S+(?:\[.*?\])?(?: - .*)?)$", re.MULTILINE)
PYTEST_SKIP = re.compile(r"^SKIPPED \[\d+\] (.+)$", re.MULTILINE)
# One by one, where a conftest names them.
PYTEST_SKIPPED = re.compile(r"^skipped: (.+)$", re.MULTILINE)
TOLD_FAILURES = 12
TOLD_LINES = 8
TOLD_WIDTH = 400


def cargo(text):
    """All test binaries and documentation tests: (passed, failed)."""
    counts = [(int(passed), int(failed)) for passed, failed in CARGO.findall(text)]
    return sum(passed for passed, _ in counts), sum(failed for _, failed in counts)


def cargo_failures(text):
    """Each failed test with the first lines that it printed: what it panicked with is among them."""
    for name in dict.fromkeys(CARGO_FAILURE.findall(text)):
        heading = rf"^---- {re.escape(name)} stdout ----\n"
        block = re.search(heading + r"(.*?)(?=^---- |^failures:$)", text, re.MULTILINE | re.DOTALL)
        lines = block[1].strip().splitlines() if block else []
        panic = next((at for at, line in enumerate(lines) if "panicked at" in line), 0)
        yield "\n    ".join([name, *(line[:TOLD_WIDTH] for line in lines[panic : panic + TOLD_LINES])])


def pytest(text):
    """The last line that sums up: (passed, failed); an error counts as a failure."""
    lines = PYTEST.findall(text)
    counts = {name: int(number) for number, name in re.findall(r"(\d+) (\w+)", lines[-1])} if lines else {}
    return counts.get("passed", 0), sum(counts.get(name, 0) for name in ("failed", "error", "errors"))


def pytest_skips(text):
    return [line[:TOLD_WIDTH] for line in PYTEST_SKIPPED.findall(text) or PYTEST_SKIP.findall(text)]


def pytest_failures(text):
    return (line[:TOLD_WIDTH] for line in PYTEST_FAILURE.findall(text))


def main(logs):
    total_passed = total_failed = 0
    told = []
    for log in logs:
        count, failures = (cargo, cargo_failures) if log == logs[0] else (pytest, pytest_failures)
        text = Path(log).read_text(encoding="utf-8", errors="replace")
        passed, failed = count(text)
        status = int(Path(f"{log}.status").read_text())
        skips = pytest_skips(text)
        for skip in skips:
            print(f"skipped: {Path(log).name}: {skip}")
        # What was skipped as a whole has said why: this machine cannot run it.
        if failed == 0 and (status != 0 or (passed == 0 and not skips)):
            why = f"ended with {status}" if status else "ran no test"
            told.append(f"{Path(log).name} {why}: counted as one failure")
            failed = 1
        told.extend(f"{Path(log).name}: {failure}" for failure in failures(text))
        total_passed, total_failed = total_passed + passed, total_failed + failed
    for failure in told[:TOLD_FAILURES]:
        print(f"failed: {failure}")
    if len(told) > TOLD_FAILURES:
        print(f"failed: and {len(told) - TOLD_FAILURES} more, above")
    print(f"{total_passed} passed, {total_failed} failed")
    return 1 if total_failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
