"""A Celery app that logs to CloudWatch, all of it on this machine: `python examples/celery/run.py`.

Starts Redis, a CloudWatch emulator, the sidecar and a worker, runs some tasks, prints what CloudWatch has of their
logs, and ends all of it. Needs `redis-server`, `pip install celery redis`, and the `splashdam` binary, built by
`cargo build` or named by SPLASHDAM_BIN.
"""

import ctypes
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from contextlib import ExitStack
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
GROUP = "/shop"
ORDERS = 50
EMULATOR_FLAGS = ["--listen", "127.0.0.1:0", "--verify-signatures", "false"]
PATIENCE = 60


def main():
    found_in = [str(HERE), str(ROOT / "python" / "src"), os.environ.get("PYTHONPATH", "")]
    os.environ["PYTHONPATH"] = os.pathsep.join(found_in)
    binary = find_binary()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="shop-")))

        def start(name, ready, *command):
            return stack.enter_context(Program(name, ready, command))

        os.environ["BROKER"] = f"redis+socket://{folder}/redis"
        os.environ["SPLASHDAM_SOCKET"] = str(folder / "s")
        start("redis", "eady to accept", "redis-server", "--port", "0", "--unixsocket", folder / "redis", "--save", "")
        emulator = start("emulator", r"listening on (http\S+)", binary, "emulator", *EMULATOR_FLAGS)
        sidecar = start("sidecar", "serving", binary, "run", "--group", GROUP, *sidecar_flags(emulator.found[1]))
        worker = start("worker", "ready", sys.executable, "-m", "celery", "-A", "shop", "worker", "-c", "2")
        take_orders()
        worker.stop()  # Warm: the children finish what they are at.
        sidecar.stop()  # It ships what is left first.
        show_what_arrived(emulator.found[1])
        print(sidecar.lines[-1])


def find_binary():
    targets = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    for place in (os.environ.get("SPLASHDAM_BIN", ""), targets / "release/splashdam", targets / "debug/splashdam"):
        if os.access(place, os.X_OK):
            return place
    sys.exit("no splashdam binary: run `cargo build --release --workspace`, or name one by SPLASHDAM_BIN")


def sidecar_flags(endpoint):
    os.environ.update(AWS_ACCESS_KEY_ID="emulator", AWS_SECRET_ACCESS_KEY="emulator")
    return ["--region", "eu-central-1", "--endpoint-url", endpoint, "--admin", "off"]


def take_orders():
    sys.path[:0] = os.environ["PYTHONPATH"].split(os.pathsep)
    from shop import charge, order

    before = time.monotonic()
    orders = [order.delay(number) for number in range(ORDERS)]
    for charge_id in [taken.get(timeout=PATIENCE) for taken in orders]:
        charge.AsyncResult(charge_id).get(timeout=PATIENCE)
    print(f"{ORDERS} orders, {2 * ORDERS} tasks in {time.monotonic() - before:.1f} s")


def show_what_arrived(endpoint):
    for stream in ask(endpoint, "DescribeLogStreams", logGroupName=GROUP)["logStreams"]:
        name = stream["logStreamName"]
        events = ask(endpoint, "GetLogEvents", logGroupName=GROUP, logStreamName=name, startFromHead=True)["events"]
        print(f"{len(events):5} in {name:26} the last: {events[-1]['message'][24:110]}")


def ask(endpoint, operation, **body):
    """One call of CloudWatch's API. Real programs use boto3: this emulator was told to do without signatures."""
    headers = {"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": f"Logs_20140328.{operation}"}
    request = urllib.request.Request(endpoint, json.dumps(body).encode(), headers)
    with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
        return json.load(answer)


class Program:
    """A child process, ready: a line in which `ready` is found has come. It ends with the `with`."""

    def __init__(self, name, ready, command):
        self.name, self.lines, self.found = name, [], None
        if not shutil.which(command[0]):
            sys.exit(f"{command[0]} is not installed")
        self.process = subprocess.Popen(
            [str(part) for part in command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            preexec_fn=lambda: ctypes.CDLL(None).prctl(1, signal.SIGKILL),  # Ends with us, whatever ends us.
        )
        self.has_begun = threading.Event()
        self.reader = threading.Thread(target=self._read, args=[re.compile(ready)], daemon=True)
        self.reader.start()
        if not self.has_begun.wait(PATIENCE) or not self.found:
            self.process.kill()
            sys.exit(f"{name} did not start:\n" + "\n".join(self.lines))

    def _read(self, ready):
        for line in self.process.stdout:
            self.lines.append(line.rstrip())
            self.found = self.found or ready.search(line)
            if self.found:
                self.has_begun.set()
        self.has_begun.set()

    def stop(self):
        self.process.terminate()
        code = self.process.wait(PATIENCE)
        self.reader.join(PATIENCE)
        if code:
            sys.exit(f"{self.name} ended with {code}:\n" + "\n".join(self.lines))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()


if __name__ == "__main__":
    main()
