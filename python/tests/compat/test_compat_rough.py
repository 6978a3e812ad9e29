"""Rough treatment, as real apps give it: closed descriptors, dead pipes, exhausted stacks, forks under load."""

import logging
import os
import random
import threading

import pytest

import splashdam
from harness import numbers, start_sidecar, wait_for
from programs import PATIENCE

SETUP = """if True:
    import logging, os, signal, sys, threading, splashdam
    logging.raiseExceptions = len(sys.argv) < 3  # Whoever gives a second argument wants to hear nothing.
    logger = logging.getLogger("app")
    logger.setLevel(logging.INFO)
    timeout = float(os.environ.get("EXIT_TIMEOUT", 2))
    handler = splashdam.CloudWatchLogHandler(log_stream_name=sys.argv[1], exit_timeout=timeout)
    logger.addHandler(handler)
    logger.info("n=0")
"""


def run_numbered(side, run_app, stream, code, count, **options):
    """Runs the code after `SETUP`; every number must arrive, once, and nothing may be said or raised."""
    done = run_app(SETUP + code, stream, **options)
    assert (done.returncode, done.stderr) == (0, "")
    wait_for("all arrived", lambda: len(numbers(side.read(stream))) >= count)
    assert numbers(side.read(stream)) == dict.fromkeys(range(count), 1)


def test_descriptors_closed_by_somebody_else(side, run_app, stream):
    """What makes a daemon of an app (Celery's --detach, python-daemon) closes all descriptors it does not know."""
    code = """
    for n in range(1, 4):
        os.closerange(3, 64)
        logger.info("n=%d", n)
    assert handler.flush(60, "ended").all_delivered, handler.stats()
    """
    run_numbered(side, run_app, stream, code, 4)


def test_an_app_that_wants_to_die_of_a_broken_pipe(folder, emulator, run_app, stream):
    """SIGPIPE set back to its default, as command line tools do; then the sidecar goes."""
    code = """
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    assert handler.flush(60, "ended").all_delivered
    os.kill(int(os.environ["SIDECAR"]), signal.SIGKILL)
    for n in range(1, 1000):
        logger.info("n=%d", n)
    os._exit(0)
    """
    with start_sidecar(folder, emulator.url) as sidecar:
        environment = {"SPLASHDAM_SOCKET": str(sidecar.socket), "SIDECAR": str(sidecar.process.pid)}
        assert run_app(SETUP + code, stream, environment=environment).returncode == 0


@pytest.mark.parametrize("how", ["sys.stderr = None", "sys.stderr.close()", "os.close(2)", "sys.stderr = object()"])
def test_no_standard_error(run_app, folder, stream, how):
    """A daemon has none. What would be said there, that the sidecar is absent, is not worth an exception."""
    code = f"""
    {how}
    for n in range(100):
        logger.info("x" * 100_000)
    handler.flush(0.2)
    print(handler.stats().adds_up, flush=True)
    """
    environment = {"SPLASHDAM_SOCKET": str(folder / "nobody"), "EXIT_TIMEOUT": "0.2"}
    done = run_app(SETUP + code, stream, "quiet", environment=environment)
    assert done.stdout == "True\n", done.stderr


def test_logging_at_the_very_end(side, run_app, stream):
    """From exit functions, from a thread that goes on, and from a destructor while the interpreter is torn down."""
    code = """
    import atexit
    class Last:
        def __del__(self):
            logger.info("n=3")
    last = Last()
    last.itself = last
    atexit.register(logger.info, "n=2")
    go_on = threading.Event()
    def work():
        go_on.wait()
        logger.info("n=1")
    threading.Thread(target=work).start()
    threading.Timer(0.05, go_on.set).start()
    """
    run_numbered(side, run_app, stream, code, 4)


def test_a_stack_that_is_used_up(side, run_app, stream):
    """RecursionError anywhere in the call: the app gets its own, the account still adds up, later records arrive."""
    code = """
    def down(depth):
        try:
            logger.info("deep")
            down(depth + 1)
        except RecursionError:
            pass
    for limit in range(150, 230):
        sys.setrecursionlimit(limit)
        try:
            down(0)
        except RecursionError:
            pass
    sys.setrecursionlimit(1000)
    logger.info("n=1")
    assert handler.flush(60, "ended").all_delivered, handler.stats()
    assert handler.stats().adds_up
    """
    done = run_app(SETUP + code, stream, "quiet")
    assert done.returncode == 0, done.stderr[-2000:]
    assert numbers(side.read(stream)) == {0: 1, 1: 1}


def test_a_text_that_logs_while_it_is_formatted(side, logger, stream):
    """An object whose `str` logs: two records, each whole. (The outer one is the older of the two.)"""

    class Talks:
        def __str__(self):
            logger.info("n=1")
            return "n=2"

    handler = side.handler(stream)
    logger.addHandler(handler)
    logger.info("%s", Talks())
    assert sorted(side.arrived(handler, stream)) == ["n=1", "n=2"]


def test_threads_streams_and_flushes_at_once(folder, emulator, cloud, eager):
    """More streams than a process keeps open, logged to by eight threads, while others flush, close and ask."""
    with start_sidecar(folder, emulator.url, "--create-rate", "1000", "--linger", "20ms") as sidecar:
        handler = splashdam.CloudWatchLogHandler(log_stream_name="{logger_name}", socket=sidecar.socket)
        loggers = [logging.Logger(f"stream{n}") for n in range(100)]
        for logger in loggers:
            logger.addHandler(handler)
        over = threading.Event()

        def work(at):
            mine = random.Random(at)
            for n in range(at * 1000, at * 1000 + 1000):
                mine.choice(loggers).info("n=%d", n)

        def disturb():
            while not over.is_set():
                handler.flush(0.1, "ended")
                handler.stats()
                handler.close()

        threads = [threading.Thread(target=work, args=(at,)) for at in range(8)]
        disturber = threading.Thread(target=disturb)
        for thread in [*threads, disturber]:
            thread.start()
        for thread in threads:
            thread.join()
        over.set()
        disturber.join()
        report = handler.flush(PATIENCE, "ended")
        assert report.all_delivered, (report, handler.stats())
        assert cloud.numbers() == dict.fromkeys(range(8000), 1)
        handler.close()


def test_forks_while_threads_log(side, run_app, stream):
    """Complaint 31 under load: a child is made while other threads are in the middle of a call. No lock stays shut."""
    code = """
    over = threading.Event()
    def work():
        while not over.is_set():
            logger.info("from a thread")
    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for n in range(1, 30):
        child = os.fork()
        if child == 0:
            signal.alarm(20)
            logger.info("n=%d", n)
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
    over.set()
    for thread in threads:
        thread.join()
    assert handler.flush(60, "ended").all_delivered
    """
    done = run_app(SETUP + code, stream)
    assert (done.returncode, done.stderr) == (0, "")
    wait_for("the children's arrived", lambda: len(numbers(side.read(stream))) >= 30)
    assert numbers(side.read(stream)) == dict.fromkeys(range(30), 1)


def test_descriptors_are_given_back_and_not_inherited(side, stream):
    """A hundred handlers, opened and closed again; and nothing of ours in the programs that the app starts."""
    before = set(os.listdir("/proc/self/fd"))
    for n in range(100):
        handler = side.handler(f"{stream}-{n % 10}")
        handler.handle(logging.makeLogRecord({"msg": f"n={n}", "levelno": 20}))
        ours = set(os.listdir("/proc/self/fd")) - before
        assert not any(os.get_inheritable(int(fd)) for fd in ours if os.path.exists(f"/proc/self/fd/{fd}"))
        assert handler.flush(PATIENCE, "ended").all_delivered
        handler.close()
    assert set(os.listdir("/proc/self/fd")) <= before


def test_disabled(run_app, folder, stream):
    """`SPLASHDAM_DISABLED=1` does nothing at all: no socket, no waiting, no word."""
    code = """
    assert handler.flush(5).reached and handler.flush(5).pending == 0
    logger.info("%d", "not even formatted")
    assert handler.stats().logged == 0
    """
    environment = {"SPLASHDAM_DISABLED": "1", "SPLASHDAM_SOCKET": str(folder / "nobody")}
    done = run_app(SETUP + code, stream, environment=environment)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_relative_path_means_the_folder_of_the_start(folder, emulator, run_app, stream):
    """A daemon changes its folder after it was configured."""
    code = "    os.chdir('/')\n    logger.info('n=1')\n    assert handler.flush(1, 'ended').all_delivered\n"
    code = SETUP.replace('    logger.info("n=0")\n', "") + code
    with start_sidecar(folder, emulator.url):
        code = f"import os; os.chdir({str(folder)!r})\n{code}"
        assert run_app(code, stream, environment={"SPLASHDAM_SOCKET": "s", "EXIT_TIMEOUT": "0"}).returncode == 0
