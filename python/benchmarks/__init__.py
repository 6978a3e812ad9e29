"""What one `logger.info` costs the app, and what becomes of the record; README.md says how it is measured."""

import sys
from pathlib import Path

PYTHON = Path(__file__).resolve().parents[1]
REPOSITORY = PYTHON.parent
# `programs` (starting, awaiting and ending other processes) is shared with the tests; the handler is the checkout's.
sys.path[:0] = [str(REPOSITORY / "tests" / "interop"), str(PYTHON / "src")]
