"""A Django app under gunicorn whose logs go to CloudWatch through splashdam, with a CloudWatch of our own:

    python examples/django/run.py

needs no AWS account, but Django and gunicorn (`pip install django gunicorn`) and splashdam's binary, which it takes
from `SPLASHDAM_BIN`, else from `target/` (`cargo build --bins`).
"""

import contextlib
import json
import os
import re
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
GROUP = "/example/django"
PATIENCE = 60


def main():
    with tempfile.TemporaryDirectory(prefix="splashdam-") as folder, contextlib.ExitStack() as started:
        splashdam, socket = binary(), f"{folder}/socket"
        path = os.pathsep.join([str(ROOT / "python/src"), os.environ.get("PYTHONPATH", "")])
        here = {"SPLASHDAM_SOCKET": socket, "PYTHONPATH": path}
        keys = {"AWS_ACCESS_KEY_ID": "emulator", "AWS_SECRET_ACCESS_KEY": "emulator"}

        # What stands in for AWS here. In the cloud, the sidecar finds its credentials by itself.
        emulator = [splashdam, "emulator", "--listen", "127.0.0.1:0", "--verify-signatures", "false"]
        cloudwatch = started.enter_context(running(emulator, r"listening on (http://\S+)", Path(folder, "emulator")))
        sidecar = [splashdam, "run", "--group", GROUP, "--stream", "{app}", "--socket", socket, "--admin", "off"]
        sidecar += ["--region", "eu-central-1", "--endpoint-url", cloudwatch]
        started.enter_context(running(sidecar, None, Path(folder, "sidecar"), keys))

        gunicorn = [sys.executable, "-m", "gunicorn", "app", "--chdir", HERE, "--config", HERE / "gunicorn.conf.py"]
        gunicorn += ["--bind", "127.0.0.1:0", "--no-control-socket"]
        app = started.enter_context(running(gunicorn, r"Listening at: (http://\S+)", Path(folder, "gunicorn"), here))
        for number in range(1, 7):
            get(f"{app}/orders/{number}")
        with contextlib.suppress(urllib.error.HTTPError):
            get(f"{app}/nowhere")

        wanted = [f"order {number} is taken" for number in range(1, 7)] + ["Not Found: /nowhere"]
        records = wait_for("the records are in CloudWatch", lambda: all_there(cloudwatch, wanted))
    print(f"{len(records)} records in {GROUP}:")
    for stream, message in records:
        print(f"  {stream:40} {message}")


def binary():
    """splashdam's binary."""
    places = [os.environ.get("SPLASHDAM_BIN"), ROOT / "target/release/splashdam", ROOT / "target/debug/splashdam"]
    found = next((str(place) for place in places if place and os.access(place, os.X_OK)), None)
    return found or sys.exit("no splashdam binary: `cargo build --bins`, or set SPLASHDAM_BIN")


@contextlib.contextmanager
def running(command, ready, log, environment=()):
    """Runs a program; gives what it says when it is ready; ends it at the end of the block, killing it if need be."""
    with log.open("w") as output:
        program = subprocess.Popen(command, env={**os.environ, **dict(environment)}, stdout=output, stderr=output)
    try:
        yield ready and wait_for(f"{command[1]} is ready", lambda: said(program, ready, log))[1]
    finally:
        program.terminate()
        try:
            program.wait(PATIENCE)
        finally:
            program.kill()


def said(program, pattern, log):
    text = log.read_text()
    if program.poll() is not None:
        sys.exit(f"it ended with {program.returncode}:\n{text}")
    return re.search(pattern, text)


def wait_for(what, condition):
    """The first true value of the condition."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        value = condition()
        if value:
            return value
        time.sleep(0.05)
    sys.exit(f"waited {PATIENCE} s in vain until {what}")


def get(url, body=None, headers=()):
    request = urllib.request.Request(url, data=body, headers=dict(headers))
    with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
        return answer.read()


def call(cloudwatch, operation, **arguments):
    """One call of the CloudWatch Logs API, unsigned, as our emulator takes it."""
    headers = {"X-Amz-Target": f"Logs_20140328.{operation}", "Content-Type": "application/x-amz-json-1.1"}
    return json.loads(get(cloudwatch, json.dumps(arguments).encode(), headers))


def all_there(cloudwatch, wanted):
    """All records as (stream, message), once those that are wanted are among them."""
    try:
        streams = call(cloudwatch, "DescribeLogStreams", logGroupName=GROUP)["logStreams"]
    except urllib.error.HTTPError:
        return None  # The sidecar creates the group with the first record.
    records = []
    for name in (stream["logStreamName"] for stream in streams):
        page = call(cloudwatch, "GetLogEvents", logGroupName=GROUP, logStreamName=name, startFromHead=True)
        records += [(name, event["message"]) for event in page["events"]]
    return records if all(any(text in message for _, message in records) for text in wanted) else None


if __name__ == "__main__":
    main()
