"""The web servers of these tests: real ones, on free ports of the loopback, gone with their test whatever happens."""

import http.client
import json
import os
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple, Optional

from harness import Program, wait_for
from programs import PATIENCE

HERE = Path(__file__).parent
SOURCE = HERE.parents[1] / "src"


class Answer(NamedTuple):
    """What became of one request; `status` is None where the connection broke."""

    status: Optional[int]
    body: dict
    seconds: float


class Server(Program):
    """A web server and its workers. `socket` is the sidecar's."""

    def __init__(self, command, socket, environment=()):
        # What the test's own run has in PYTHONPATH stays behind the sources.
        path = os.pathsep.join(filter(None, [str(SOURCE), os.environ.get("PYTHONPATH")]))
        ours = {"PYTHONPATH": path, "SPLASHDAM_SOCKET": str(socket), "PYTHONUNBUFFERED": "1"}
        super().__init__([sys.executable, "-m", *command], {**ours, **dict(environment)})

    def __exit__(self, *_):
        workers = self.workers()
        super().__exit__()
        for pid in workers:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def workers(self):
        """The processes that the server has started and that still run."""
        try:
            children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
        except OSError:
            return []
        return [int(pid) for pid in children.split()]

    def get(self, path, **query):
        """One request on a connection of its own."""
        target = f"/{path}?" + "&".join(f"{name}={value}" for name, value in query.items())
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        begun = time.monotonic()
        try:
            connection.request("GET", target)
            answer = connection.getresponse()
            text = answer.read()
        except (OSError, http.client.HTTPException):
            return Answer(None, {}, time.monotonic() - begun)
        finally:
            connection.close()
        body = json.loads(text) if answer.headers.get_content_type() == "application/json" else {}
        return Answer(answer.status, body, time.monotonic() - begun)


class Gunicorn(Server):
    """Real gunicorn with the Django project in `site`; two workers."""

    def __init__(self, folder, *flags, settings="shop.settings"):
        self.returned_file = folder / f"returned-{settings}"
        environment = {"DJANGO_SETTINGS_MODULE": settings, "SHOP_RETURNED": str(self.returned_file)}
        command = ["gunicorn", "shop.wsgi", "--chdir", str(HERE / "site"), "--bind", "127.0.0.1:0", "--workers", "2"]
        command += ["--no-control-socket", "--worker-tmp-dir", str(folder), "--graceful-timeout", "2", *flags]
        super().__init__(command, folder / "s", environment)
        self.port = int(self.line(r"Listening at: http://127\.0\.0\.1:(\d+)")[1])
        wait_for("both workers are there", lambda: len(self.workers()) == 2)

    def returned(self):
        """The numbers whose log calls have returned, in whichever process."""
        text = self.returned_file.read_text() if self.returned_file.exists() else ""
        return [int(line) for line in text.split()]


class Uvicorn(Server):
    """Real uvicorn, one process, one loop, with the FastAPI app in `api`."""

    def __init__(self, folder, *, handler="splashdam"):
        command = ["uvicorn", "shop_api:app", "--app-dir", str(HERE / "api"), "--port", "0"]
        super().__init__(command, folder / "s", {"SHOP_HANDLER": handler})
        self.port = int(self.line(r"running on http://127\.0\.0\.1:(\d+)")[1])
