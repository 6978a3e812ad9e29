"""Requests that fan out into Celery's tasks: what arrives, what is measured, and that nothing stays behind."""

import os
import signal
from contextlib import ExitStack, contextmanager
from itertools import pairwise

import pytest

from programs import wait_for
from rig import App, Emulator, family, far_side, state, wait_until_gone
from workloads.tasks import MOST_DURATIONS, Measured, Plan
from workloads.versions import versions

SHAPE = ["--tasks", "7", "--records", "23", "--requests", "2", "--warm-up", "1", "--task-ms", "0"]
RECORDS = 3 * 23
LONG = ["--mode", "stdout", "--tasks", "1000", "--records", "1000", "--task-ms", "200"]


@contextmanager
def running(mode, folder, *flags):
    """A small run with an endpoint of its own; gives the app, and the endpoint."""
    folder = folder / mode
    folder.mkdir(exist_ok=True)
    with Emulator() as emulator, far_side(mode, folder, emulator) as side, App("tasks", *side, *SHAPE, *flags) as app:
        yield app, emulator


def result_of(app):
    """Awaits the run's end."""
    assert app.end() == 0, app.output()
    assert app.lines[-1].startswith("result: ")
    [result] = app.told("result: ")
    return result


# Starting and ending Celery takes seconds, most of them asleep: so some run at once.
@pytest.mark.parametrize("modes", [("none", "null", "stdout"), ("splashdam", "sync", "shipper")], ids="+".join)
def test_every_record_arrives_once_where_it_is_to_arrive(modes, folder):
    with ExitStack() as stack:
        for mode, (app, emulator) in [(mode, stack.enter_context(running(mode, folder))) for mode in modes]:
            result = result_of(app)
            check_figures(result)
            assert result["emitted"] == (0 if mode == "none" else RECORDS)
            assert result["lost_in_client"] == 0
            logged = sorted(number for number, _, _ in app.records())
            assert logged == (list(range(RECORDS)) if mode == "stdout" else [])
            arriving = RECORDS if mode in ("splashdam", "sync", "shipper") else 0
            wait_for("all have arrived", lambda emulator=emulator, n=arriving: emulator.unique() >= n)
            emulator.check(arriving)


def check_figures(result):
    """Warm-up is in no figure but `emitted`."""
    assert len(result["request_seconds"]) == 2
    assert len(result["task_micros"]) == 14
    spent = (result["ended_micros"] - result["began_micros"]) / 1e6
    assert 0 < max(result["task_micros"]) / 1e6 < sum(result["request_seconds"]) <= spent
    assert result["cpu_seconds"] > 0
    assert result["broker_cpu_seconds"] > 0
    assert result["flush_seconds"] >= 0
    assert result["versions"] == versions()


def test_watchtowers_queue_is_lost_unless_the_app_ends_logging_in_celerys_children(folder):
    """They end by `os._exit`: `logging.shutdown` is not called, and Watchtower listens to no signal of Celery's."""
    with running("queue", folder) as (plain, losing), running("queue", folder, "--end-logging") as (helped, keeping):
        assert result_of(plain)["emitted"] == result_of(helped)["emitted"] == RECORDS
        assert losing.unique() < RECORDS
        keeping.check(RECORDS)


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGKILL])
def test_nothing_outlives_the_launcher(end, folder):
    with App("tasks", *LONG, TMPDIR=str(folder)) as app:
        wait_for("the workers log", app.records)
        processes = family(app.process.pid)
        # The launcher, Redis, Celery's parent, its two children.
        assert len(processes) == 5
        groups = [state(pid)[1] for pid in processes]
        assert sorted(groups.count(group) for group in set(groups)) == [1, 4]
        app.process.send_signal(end)
        wait_until_gone(processes)


def test_a_worker_that_dies_ends_the_run(folder):
    with App("tasks", *LONG, TMPDIR=str(folder)) as app:
        wait_for("the workers log", app.records)
        parent = next(pid for pid in family(app.process.pid) if len(family(pid)) == 3)
        os.kill(parent, signal.SIGKILL)
        assert app.end() == 1
    assert "Celery's worker ended with -9" in app.output()


@pytest.mark.parametrize(("tasks", "records"), [(671, 2117), (7, 23), (5, 3), (1, 9), (4, 0)])
def test_records_are_spread_evenly(tasks, records):
    plan = Plan(tasks=tasks, records=records, requests=2, warm_up=1, first=1000)
    borders = plan.borders(2)
    assert (borders[0], borders[-1]) == (1000 + 2 * records, 1000 + 3 * records)
    shares = [end - first for first, end in pairwise(borders)]
    assert len(shares) == tasks
    assert max(shares) - min(shares) <= 1
    assert plan.borders(1)[-1] == borders[0]


def test_durations_are_sampled_beyond_a_number():
    few = Measured(task_micros=list(range(MOST_DURATIONS)))
    many = Measured(task_micros=list(range(3 * MOST_DURATIONS)))
    assert few.sampled() == few.task_micros
    sample = many.sampled()
    assert len(sample) == len(set(sample)) == MOST_DURATIONS
    assert abs(sum(sample) / len(sample) / (1.5 * MOST_DURATIONS) - 1) < 0.05
