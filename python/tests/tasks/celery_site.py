"""A whole site: Redis, the endpoint, the sidecar, a worker in a process of its own, and a client that sends tasks."""

import os
import signal
import sys
from contextlib import ExitStack
from pathlib import Path

from celery import Celery

import splashdam
from harness import Program, start_sidecar, wait_for
from programs import PATIENCE

HERE = Path(__file__).parent
PACKAGE = Path(splashdam.__file__).parents[1]


class Redis(Program):
    """Debian's redis-server on a Unix socket in `folder`; it keeps nothing on disk."""

    def __init__(self, folder):
        path = folder / "redis"
        super().__init__(
            ["redis-server", "--port", "0", "--unixsocket", path, "--save", "", "--appendonly", "no", "--dir", folder]
        )
        self.url = f"redis+socket://{path}"
        self.line("eady to accept connections")


class Worker(Program):
    """`celery worker`, ready for tasks. Its children die with it: Celery asks the kernel for that itself."""

    def __init__(self, app, environment, *flags):
        command = [sys.executable, "-m", "celery", "-A", app, "worker", "--loglevel", "INFO"]
        super().__init__([*command, "--without-gossip", "--without-mingle", *flags], environment)
        self.line(r"celery@\S+ ready")

    def signal(self, *numbers):
        """Sends one signal after the other, each when Celery has spoken of the one before."""
        for position, number in enumerate(numbers):
            if position:
                self.line("Warm shutdown")
            self.process.send_signal(number)


class Site:
    """All of it; `with` ends every process, whatever happens."""

    def __init__(self, folder, emulator, cloud, *sidecar_flags):
        self.folder, self.emulator, self.cloud, self.sidecar_flags = folder, emulator, cloud, sidecar_flags
        self.processes = ExitStack()
        self.marks = folder / "marks"
        self.marks.touch()

    def __enter__(self):
        with ExitStack() as undo:
            undo.enter_context(self.processes)
            self.redis = self.processes.enter_context(Redis(self.folder))
            self.client = Celery(broker=self.redis.url, backend=self.redis.url)
            self.processes.callback(self.client.close)
            self.start_sidecar()
            undo.pop_all()
        return self

    def __exit__(self, *_):
        self.processes.close()

    def start_sidecar(self):
        self.sidecar = start_sidecar(self.folder, self.emulator.url, *self.sidecar_flags)
        self.processes.enter_context(self.sidecar)

    def kill_sidecar(self):
        self.sidecar.process.kill()
        self.sidecar.process.wait()

    def start_worker(self, *flags, app="app_dictconfig", **environment):
        environment.update(
            PYTHONPATH=os.pathsep.join([str(HERE), str(PACKAGE), os.environ.get("PYTHONPATH", "")]),
            BROKER=self.redis.url,
            MARKS=str(self.marks),
            SPLASHDAM_SOCKET=str(self.folder / "s"),
        )
        self.worker = self.processes.enter_context(Worker(app, environment, *flags))
        return self.worker

    def send(self, task, *arguments, **options):
        """Sends one of `numbered`'s tasks."""
        return self.client.send_task(f"numbered.{task}", arguments, **options)

    def run(self, task, *arguments, **options):
        """Sends one, waits for its end, and gives its result."""
        return self.send(task, *arguments, **options).get(timeout=PATIENCE)

    def counts(self, tasks, each, first=0):
        """Sends that many tasks which log `each` numbers of their own; gives their results and all the numbers."""
        asked = range(first, first + tasks * each)
        return [self.send("count", number, each) for number in asked[::each]], set(asked)

    def marked(self):
        """The numbers whose log call had returned, and the process that each was logged by."""
        whole = self.marks.read_text().rpartition("\n")[0]
        return {int(number): int(pid) for number, pid in map(str.split, whole.splitlines())}

    def wait_for_marks(self, amount):
        """Waits until that many numbers were logged, since the start."""
        wait_for(f"{amount} numbers were logged", lambda: len(self.marked()) >= amount)

    def settle(self):
        """Ends worker and sidecar in good time; gives how often each number arrived. Nothing may have been lost."""
        if self.worker.process.poll() is None:
            assert self.worker.stop() == 0, self.worker.output()
        assert self.sidecar.stop() == 0, self.sidecar.output()
        assert "WARN" not in self.sidecar.output() and "ERROR" not in self.sidecar.output(), self.sidecar.output()
        return self.cloud.numbers()

    def check(self, asked):
        """Every number whose call had returned arrived, none twice, and none that no task was asked for."""
        marked, arrived = self.marked().keys(), self.settle()
        missing = marked - arrived.keys()
        assert not missing, f"{len(missing)} of {len(marked)} are missing: {sorted(missing)[:20]}"
        assert all(number in asked for number in arrived)
        assert set(arrived.values()) == {1}, f"twice: {[n for n, times in arrived.items() if times > 1][:20]}"
        return arrived


COLD = {
    "SIGQUIT": [signal.SIGQUIT],
    "SIGTERM, then SIGQUIT": [signal.SIGTERM, signal.SIGQUIT],
    "SIGINT twice": [signal.SIGINT, signal.SIGINT],
}
