"""The benchmark works and its account adds up. Nothing here is about speed: `python -m benchmarks` is."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from programs import die_with_parent

PYTHON = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(PYTHON))

from benchmarks.app import percentiles  # noqa: E402
from benchmarks.goals import goals  # noqa: E402
from benchmarks.rows import APP_FORMAT, BY_NAME, OURS  # noqa: E402
from benchmarks.summary import faults  # noqa: E402

RECORDS = 40
# For a machine that is very slow; a run never ends by it unless something hangs.
LONGEST = 300


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    """The whole benchmark, every row with few records: what it printed and what it kept."""
    kept = tmp_path_factory.mktemp("benchmarks") / "figures.json"
    command = [sys.executable, "-m", "benchmarks", "--quick", "--records", str(RECORDS), "--json", str(kept)]
    ended = subprocess.run(
        command,
        cwd=PYTHON,
        env={**os.environ, "PYTHONPATH": ""},
        capture_output=True,
        text=True,
        timeout=LONGEST,
        check=False,
        preexec_fn=die_with_parent,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout, json.loads(kept.read_text(encoding="utf-8"))


def test_every_row_is_in_the_table_and_in_the_json(measured):
    printed, kept = measured
    assert {run["row"] for run in kept["runs"]} == kept["summary"].keys() == BY_NAME.keys()
    names = {line.split()[0] for line in printed.splitlines() if line.strip()}
    assert names >= BY_NAME.keys()


def test_each_measured_row_has_every_figure(measured):
    for run in measured[1]["runs"]:
        if not BY_NAME[run["row"]].kill:
            assert run["p50"] <= run["p99"] <= run["p999"] <= run["max"], run
            assert run["rss_kib"] > 0, run
            assert run["app_cpu"] is not None, run


def test_the_apps_records_are_about_as_long_as_a_real_apps(measured):
    for run in measured[1]["runs"]:
        row = BY_NAME[run["row"]]
        if row.format == "app" and not row.kill:
            assert 180 <= run["record_bytes"] <= 220, run


def test_all_that_our_handler_took_arrived_once_also_after_sigkill(measured):
    ours = [run for run in measured[1]["runs"] if BY_NAME[run["row"]].kind in OURS]
    assert {run["row"] for run in ours} == {
        kind + suffix for kind in OURS for suffix in ("", ".bare", ".paced", ".kill")
    }
    for run in ours:
        assert run["emitted"] == run["delivered"] > 0, run
        assert (run["doubled"], run["missing"]) == (0, 0), run


def test_the_others_are_counted_at_their_far_side_too(measured):
    for run in measured[1]["runs"]:
        kind = BY_NAME[run["row"]].kind
        if kind in ("none", "null"):
            assert run["delivered"] is None
        elif run["row"] != "queue.kill":
            assert (run["delivered"], run["doubled"]) == (run["emitted"], 0), run


def test_the_goals_are_printed_beside_what_was_measured(measured):
    printed, kept = measured
    assert len(kept["goals"]) == 4 * len(OURS)
    assert printed.count("\ngoal ") == len(kept["goals"])


def test_percentiles_are_nearest_ranks_in_microseconds():
    found = percentiles([n * 1_000 for n in range(1_000, 0, -1)])
    assert found == {"p50": 500, "p99": 990, "p999": 999, "max": 1_000}
    assert set(percentiles([7_000]).values()) == {7}


def made_up(row, **figures):
    """A run of one of our rows in which all is well but for what is given."""
    well = {"row": row, "round": 0, "emitted": 9, "missing": 0, "doubled": 0, "p50": 20.0, "p999": 90.0}
    far = {"unmarked": 0, "violations": 0, "sidecar": {"received": 9, "delivered": 9}}
    return {**well, "far": {**far, **figures.pop("far", {})}, **figures}


@pytest.mark.parametrize(
    "wrong",
    [
        {"missing": 1},
        {"doubled": 1},
        {"far": {"unmarked": 1}},
        {"far": {"violations": 1}},
        {"far": {"sidecar": {"received": 10, "delivered": 9}}},
        {"said": ["Traceback"]},
        {"stats": {"logged": 8}},
    ],
)
def test_a_run_whose_account_does_not_add_up_is_a_fault(wrong):
    assert faults([made_up("handler"), made_up("null", missing=None, far={})]) == []
    assert len(faults([made_up("handler", **wrong)])) == 1


def test_goals_are_missed_by_what_was_measured():
    met = [
        made_up("null", p50=10.0, p999=50.0),
        made_up("handler"),
        made_up("sync-5ms", p50=2_000.0),
        made_up("handler.kill"),
    ]
    assert [goal.verdict for goal in goals(met)] == ["met"] * 4
    slow = made_up("handler", p50=22.1, p999=201.0)
    missed = [met[0], slow, met[2], made_up("handler.kill", missing=1)]
    assert [goal.verdict for goal in goals(missed)] == ["MISSED"] * 4


def test_slow_calls_prove_nothing_where_formatting_alone_is_as_slow():
    runs = [made_up("null", p50=10.0, p999=201.0), made_up("handler", p999=400.0)]
    assert [goal.verdict for goal in goals(runs)] == ["met", "inconclusive"]


def test_the_apps_format_has_the_number_where_the_emulator_looks_for_it(measured):
    before = APP_FORMAT.split("%(request_id)s")[0]
    assert before.endswith("id=")
    assert all(run["far"]["unmarked"] == 0 for run in measured[1]["runs"] if "unmarked" in run.get("far", {}))
