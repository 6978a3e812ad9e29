"""docs/reliability.md promises nothing that no test shows: each row of its tables names tests, and they are there."""

import re
from pathlib import Path

import pytest

import tests_named

ROOT = Path(__file__).resolve().parents[2]
DOCUMENT, SECURITY = ROOT / "docs/reliability.md", ROOT / "SECURITY.md"
NAME = re.compile(r"`([\w/.-]+(?:::\w+)+)`")


def rows():
    """The cells of each row below a heading whose last column is of tests."""
    inside = False
    for line in DOCUMENT.read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        if not cells:
            inside = False
        elif cells[-1].lower() in {"test", "tests"}:
            inside = True
        elif inside and set(cells[0]) - set("-: "):
            yield cells


def test_each_fault_has_a_test_and_the_test_is_there():
    known = tests_named.every()
    read = list(rows())
    assert len(read) > 100, "the tables are read"
    without = [cells[0] for cells in read if not NAME.search(cells[-1])]
    assert without == [], "faults whose row names no test"
    named = [name for cells in read for name in NAME.findall(cells[-1])]
    assert [name for name in named if tests_named.of_module(name) not in known] == [], "tests that are not there"


def test_each_row_says_what_happens_and_what_is_lost():
    assert [cells[0] for cells in rows() if len(cells) != 4 or not all(cells)] == []


def test_the_threat_model_names_tests_or_modules_that_are_there():
    known = tests_named.every()
    named = [tests_named.of_module(name) for name in NAME.findall(SECURITY.read_text(encoding="utf-8"))]
    assert len(named) > 15, "they are read"
    assert [name for name in named if not any((test + "::").startswith(name + "::") for test in known)] == []


@pytest.mark.parametrize(
    "name",
    [
        "engine::tests::spooled::what_the_disk_holds_is_delivered_whatever_happens",
        "process::bounds::one_hung_destination_of_three_stops_no_other",
        "delivery::a_hung_sidecar_is_left_and_tried_again",
        "tests/pods/test_pods.py::test_a_sidecar_killed_again_and_again_loses_nothing",
    ],
)
def test_names_are_found_as_they_are_printed(name):
    assert tests_named.of_module(name) in tests_named.every()


def test_what_is_not_there_is_not_found():
    assert "process::bounds::there_is_no_such_test" not in tests_named.every()
