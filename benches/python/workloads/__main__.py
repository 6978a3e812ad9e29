"""The command line: `python -m workloads api|tasks|versions`."""

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from typing import Any

from workloads.spec import MODES, Spec

# The beginning, a number and a time, has to stay whole.
LEAST_BYTES, MOST_BYTES = 64, 200_000


def within(least: float, most: float, kind: Callable[[str], Any] = int) -> Callable[[str], Any]:
    """A number with bounds, for argparse."""

    def parse(text: str) -> Any:
        value = kind(text)
        if not least <= value <= most:
            raise argparse.ArgumentTypeError(f"{text}: it must be from {least:g} to {most:g}")
        return value

    parse.__name__ = kind.__name__
    return parse


def arguments(given: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="workloads", description="Apps whose logging is measured.")
    commands = parser.add_subparsers(dest="command", required=True)
    api = commands.add_parser("api", help="Django under gunicorn")
    tasks = commands.add_parser("tasks", help="Celery with a Redis of its own")
    commands.add_parser("versions", help="what it is made with, as JSON")
    for command in (api, tasks):
        add_common(command)
    add_api(api)
    add_tasks(tasks)
    return parser.parse_args(given)


def add_common(command: argparse.ArgumentParser) -> None:
    defaults = Spec()
    command.add_argument("--mode", choices=MODES, required=True)
    command.add_argument("--socket", default="", help="the sidecar's, for mode splashdam, or a shipper's")
    command.add_argument("--endpoint-url", default="", help="CloudWatch's, for modes sync and queue")
    command.add_argument("--group", default=defaults.group)
    command.add_argument("--stream", default=defaults.stream)
    command.add_argument("--bytes", type=within(LEAST_BYTES, MOST_BYTES), default=defaults.bytes, help="of a record")
    command.add_argument("--workers", type=within(1, 256), default=defaults.workers)


def add_api(command: argparse.ArgumentParser) -> None:
    command.add_argument("--listen", default="127.0.0.1:0")
    command.add_argument("--database", required=True, help="an SQLite file, made if it is missing")
    milliseconds = within(0, 60_000, float)
    command.add_argument("--query-ms", type=milliseconds, default=Spec().query_ms, help="added to each query")


def add_tasks(command: argparse.ArgumentParser) -> None:
    defaults = Spec()
    command.add_argument("--tasks", type=within(1, 1_000_000), default=671, help="of one request")
    command.add_argument("--records", type=within(0, 100_000_000), default=2117, help="of one request")
    command.add_argument("--task-ms", type=within(0, 600_000, float), default=defaults.task_ms, help="a task's wait")
    command.add_argument("--requests", type=within(1, 100_000), default=10)
    command.add_argument("--warm-up", type=within(0, 100_000), default=1, help="requests before the measured ones")
    command.add_argument("--first", type=within(0, 10**10), default=0, help="number of the first record")
    command.add_argument(
        "--end-logging",
        action="store_true",
        help="call logging.shutdown when a Celery child ends, which Watchtower's documentation does not ask for",
    )


def main(given: Sequence[str] | None = None) -> int:
    asked = arguments(given)
    if asked.command == "versions":
        from workloads.versions import versions

        print(json.dumps(versions()))
        return 0
    spec = Spec.of(asked)
    problem = spec.problem()
    if problem:
        sys.exit(f"workloads: {problem}")
    if asked.command == "api":
        from workloads import api

        return api.run(spec, asked.listen, asked.database)
    from workloads import tasks

    return tasks.run(spec, tasks.Plan.of(asked))


if __name__ == "__main__":
    sys.exit(main())
