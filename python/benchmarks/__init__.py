"""What one `logger.info` costs the app that calls it, and what becomes of the record; README.md says how it is measured."""

import sys
from pathlib import Path

PYTHON = Path(__file__).resolve().parents[1]
REPOSITORY = PYTHON.parent
# `programs` (starting, awaiting and ending other processes) is shared with the tests. The handler is the checkout's own.
sys.path[:0] = [str(REPOSITORY / "tests" / "interop"), str(PYTHON / "src")]
