"""The workloads as a user runs them: both apps, all six modes, real sidecar and emulator, every record accounted for.

Nothing here looks at a speed: the machine may be as slow as it likes.
"""

import json
import os
import shutil
import signal
import subprocess

import pytest
from bench import PATIENCE, command, measure

MODES = {"none", "null", "stdout", "splashdam", "sync", "queue"}
SHIPS = {"splashdam", "sync", "queue"}
APPS = {"rust", "python"}


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """One run for all tests of this module."""
    folder = tmp_path_factory.mktemp("smoke")
    results = measure(folder, "--part", "serial", "--part", "pairs", "--part", "tasks", "--part", "load")
    if keep := os.environ.get("SPLASHDAM_KEEP_RESULTS"):
        shutil.copy(folder / "results.json", keep)
    return results


def in_earnest(skipped):
    """Without those that want a disk where there is none: the error names the flag."""
    return [one for one in skipped if "--spool-in" not in one["why"]]


def test_everything_ran_and_counts(results):
    assert in_earnest(results["skipped"]) == []
    runs = [run for kind in ("api", "tasks", "load") for run in results[kind]]
    assert [run["faults"] for run in runs if run["faults"]] == []
    assert results["complete"] is True
    assert results["exit"] == (1 if results["skipped"] else 0)


def test_each_app_ran_each_mode(results):
    for kind in ("api", "tasks"):
        assert {(run["app"], run["mode"]) for run in results[kind]} == {(app, mode) for app in APPS for mode in MODES}


def test_no_record_is_lost_on_the_way_through_the_sidecar(results):
    for run in results["api"] + results["tasks"] + results["load"]:
        account = run["account"]
        assert account["emitted"] == account["delivered"] + account["lost"]
        if run.get("mode", "splashdam") == "splashdam":
            assert account["emitted"] > 0
            assert (account["lost"], account["doubled"]) == (0, 0)


def test_records_are_those_of_the_operation(results):
    """Four a request of `concurrent`, by the endpoint's count; the warm-up's are among them."""
    serial = [run for run in results["api"] if run["drive"]["kind"] == "serial" and run["mode"] in SHIPS]
    assert len(serial) == 2 * len(SHIPS)
    for run in serial:
        assert run["operation"] == "concurrent_unknown"
        assert run["account"]["delivered"] % 4 == 0
        assert run["account"]["delivered"] >= 4 * run["requests"]


def test_what_ships_nothing_has_no_account(results):
    for run in results["api"] + results["tasks"]:
        if run["mode"] not in SHIPS:
            assert set(run["account"].values()) == {0}
            assert run["cpu"]["sidecar_seconds"] is None


def test_synchronous_calls_wait_for_the_remote(results):
    """Four calls at 10 ms take 40 ms at least, and one request's 63 records 315 ms with two workers."""
    serial = {(run["app"], run["mode"]): run for run in results["api"] if run["drive"]["kind"] == "serial"}
    for app in APPS:
        assert serial[app, "sync"]["latency"]["min"] >= 40_000 + 4 * 12_000
    for run in results["tasks"]:
        if run["mode"] == "sync":
            assert min(run["request_seconds"]) >= 0.315


def test_cpu_is_told_apart(results):
    for run in results["api"] + results["tasks"]:
        assert run["cpu"]["app_seconds"] >= 0
        assert (run["cpu"]["sidecar_seconds"] is not None) == (run["mode"] == "splashdam")
    assert sum(run["cpu"]["app_seconds"] for run in results["api"]) > 0


def test_the_machine_the_versions_and_the_command_are_there(results):
    assert results["machine"]["cpus"] > 0
    assert {"splashdam", "django", "gunicorn", "celery", "watchtower", "boto3"} <= results["versions"].keys()
    assert results["command"].startswith("splashdam-bench workloads --set smoke")


def test_the_terminal_has_a_table(results):
    for word in ("sysconfig", "splashdam", "sync", "lost"):
        assert word in results["terminal"]


def test_services_that_call_each_other_lose_nothing(folder):
    results = measure(folder, "--part", "ladder", "--app", "rust")
    assert results["skipped"] == []
    topologies = {run["topology"] for run in results["api"] if run["mode"] == "splashdam"}
    assert topologies == {"single", "chain", "tree"}
    for one in results["api"]:
        if one["mode"] == "splashdam":
            assert one["account"]["lost"] == 0
            assert one["faults"] == []


def test_ctrl_c_leaves_a_report_of_what_there_is(folder):
    flags = ["--app", "rust", "--part", "tasks", "--part", "serial", "--part", "soak"]
    with subprocess.Popen(command(folder, *flags), stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as bench:
        # The third step's beginning: two are behind it.
        steps = 0
        for line in bench.stderr:
            steps += line.startswith("[")
            if steps == 3:
                bench.send_signal(signal.SIGINT)
                break
        said = bench.communicate(timeout=PATIENCE)[0]
    results = json.loads((folder / "results.json").read_text())
    assert results["complete"] is False
    assert 2 <= len(results["tasks"]) < 6
    assert results["soaks"] == []
    assert "interrupted" in said.lower()
    assert (folder / "report.html").stat().st_size > 0


def test_ctrl_c_keeps_the_runs_of_the_step_under_way(folder):
    flags = ["--app", "rust", "--part", "pairs", "--rounds", "100"]
    with subprocess.Popen(
        command(folder, *flags), stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True
    ) as bench:
        for line in bench.stderr:
            if line.strip() == "round 2 of 100":
                bench.send_signal(signal.SIGINT)
                break
        bench.stderr.read()
    assert bench.wait(PATIENCE) == 130
    results = json.loads((folder / "results.json").read_text())
    assert results["complete"] is False
    assert {(run["round"], run["mode"]) for run in results["api"]} >= {
        (round, mode) for round in (1, 2) for mode in ("null", "splashdam")
    }
    assert all(run["account"]["lost"] == 0 and run["faults"] == [] for run in results["api"])


def test_without_the_python_app_the_other_is_measured_all_the_same(folder):
    done = subprocess.run(
        command(folder, "--part", "serial", python="/nonexistent/python"),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    results = json.loads((folder / "results.json").read_text())
    assert {run["app"] for run in results["api"]} == {"rust"}
    assert [skipped["what"] for skipped in results["skipped"]] == ["everything of the app in python"]
    assert "/nonexistent/python" in done.stderr
    assert done.returncode == 1
