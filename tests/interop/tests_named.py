"""Every test there is, by the name that docs/reliability.md gives it.

Rust: the path of its module without `src`, `tests` and the names of crates, then the function:
`engine::spooled::a_name`, `process::bounds::a_name` for those of the whole process, `delivery::a_name` for
tests/delivery.rs. Python: the path, `::` and the function. Read from the sources, so that nothing need be built.
"""

import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# What is not part of a name: folders and files that every crate has, and the crates themselves.
SILENT = {"src", "tests", "main", "lib", "sidecar", "emulator", "benches"}
RUST = re.compile(r"#\[test\]\s*(?:#\[[^\n]*\]\s*)*fn (\w+)\s*\(")
PYTHON = re.compile(r"^\s*def (test_\w+)\s*\(", re.MULTILINE)


def tracked(pattern):
    listed = subprocess.run(["git", "ls-files", pattern], cwd=ROOT, check=True, capture_output=True, text=True)
    return [ROOT / name for name in listed.stdout.split()]


def rust():
    """Names of all Rust tests."""
    names = set()
    for path in tracked("*.rs"):
        parts = path.relative_to(ROOT).with_suffix("").parts
        module = [part for part in parts if part not in SILENT]
        names |= {"::".join([*module, name]) for name in RUST.findall(path.read_text(encoding="utf-8"))}
    return names


def python():
    """Names of all Python tests."""
    return {
        f"{path.relative_to(ROOT)}::{name}"
        for path in tracked("test_*.py") + tracked("**/test_*.py")
        for name in PYTHON.findall(path.read_text(encoding="utf-8"))
    }


def every():
    return rust() | python()


def of_module(name):
    """A Rust test's name as `cargo test` may print it, as it is here."""
    return name if "/" in name else "::".join(part for part in name.split("::") if part not in SILENT)
