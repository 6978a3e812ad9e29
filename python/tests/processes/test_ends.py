"""How a process can end right after it logged, and logging from where one would rather not."""

import re
import signal

import pytest
from process_app import App, prove, run


@pytest.mark.parametrize("how", ["return", "exit", "os._exit", "SIGTERM", "SIGABRT", "SIGKILL"])
def test_an_end_right_after_logging(folder, cloud, sidecar, how):
    """An orderly end runs two callbacks of atexit that log, one of them after logging's own shutdown."""
    with App(folder, "ends", how) as app:
        code = app.end()
    assert code == (-getattr(signal, how) if how.startswith("SIG") else 0), app.output()
    at_exit = [1, 2] if how in ("return", "exit") else []
    assert sorted(app.returned()) == [*at_exit, *range(10, 200)]
    prove(cloud, sidecar, app.returned())


def test_daemon_threads_at_exit(folder, cloud, sidecar):
    """Threads that log on until the interpreter stops them, after `logging.shutdown`; the last calls never return."""
    app = run(folder, "ends", "daemon")
    returned = app.returned()
    # A record whose call did not come to its end may have arrived, too; each thread has at most one such.
    last = [max((n for n in returned if n // 100_000 == k), default=100_000 * k - 1) for k in (1, 2)]
    prove(cloud, sidecar, returned, [number + 1 for number in last])


def test_signal_handlers_that_log(folder, cloud, sidecar):
    app = run(folder, "signals")
    logged, signals, _ = map(int, re.findall(r"\d+", app.lines[-1]))
    prove(cloud, sidecar, [*range(logged), *range(100_000, 100_000 + signals)])


def test_signal_handlers_that_raise(folder, cloud, sidecar):
    """What a signal handler raises ends the log call, whose record may be gone; it costs and doubles no other."""
    app = run(folder, "interrupted")
    [interrupted] = [line.split()[1:] for line in app.lines if line.startswith("interrupted")]
    assert len(interrupted) >= 50
    prove(cloud, sidecar, app.returned(), map(int, interrupted))
