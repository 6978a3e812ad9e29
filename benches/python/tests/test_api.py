"""The server as the contract has it: what an operation asks and logs, what arrives, and how it ends."""

import signal
import sqlite3
import time
from contextlib import closing

import pytest

from rig import MODES, SAYS, SHIPS, Api, App, family, far_side, state, wait_until_gone

#: Path, queries, levels of the records.
OPERATIONS = [
    ("/noop?", 0, []),
    ("/sysconfig?", 1, ["INFO"] * 3),
    ("/concurrent?identity=known&", 5, ["INFO"] * 4),
    ("/concurrent?identity=unknown&", 4, ["INFO", "WARNING", "INFO", "INFO"]),
]
ROUNDS = 6


def ask_all(server):
    """Each operation some times, numbered without a gap; gives how many records and requests that makes."""
    number = 0
    for _ in range(ROUNDS):
        for path, queries, levels in OPERATIONS:
            status, answer = server.get(f"{path}n={number}")
            assert (status, answer["queries"]) == (200, queries)
            number += len(levels)
    return number, ROUNDS * len(OPERATIONS)


@pytest.mark.parametrize("mode", MODES)
def test_every_record_arrives_once_where_it_is_to_arrive(mode, folder, emulator, database):
    with far_side(mode, folder, emulator) as flags, Api(database, *flags, "--query-ms", "0") as server:
        records, requests = ask_all(server)
        assert server.stop() == 0, server.output()
        accounts = server.told("account: ")
    assert len(accounts) == 2, server.output()
    assert sum(account["requests"] for account in accounts) == requests
    assert sum(account["emitted"] for account in accounts) == (0 if mode == "none" else records)
    assert [account.get("lost_in_client") for account in accounts] == ([0, 0] if mode in SAYS else [None, None])
    assert len(server.records()) == (records if mode == "stdout" else 0)
    emulator.check(records if mode in SHIPS else 0)
    # One call a record, or one a process at its end: nothing was full, nothing was due.
    calls = {
        "sync": range(records, records + 1),
        "queue": range(1, 3),
        "splashdam": range(1, records),
        "shipper": range(1, records),
    }
    assert emulator.calls() in calls.get(mode, [0])


@pytest.mark.parametrize("size", [96, 207, 1000])
def test_what_a_record_looks_like(size, database):
    flags = ["--mode", "stdout", "--query-ms", "0", "--workers", "1", "--bytes", size]
    began = time.time_ns() // 1000
    with Api(database, *flags) as server:
        for path, _, _ in OPERATIONS:
            server.get(f"{path}n=1000")
        assert server.stop() == 0
    ended = time.time_ns() // 1000
    records = server.records()
    # One worker serves one request after the other, so that their records stand in order.
    numbers = [1000 + k for _, _, levels in OPERATIONS for k in range(len(levels))]
    assert [number for number, _, _ in records] == numbers
    assert [level for _, _, level in records] == [level for _, _, levels in OPERATIONS for level in levels]
    assert all(began <= micros <= ended for _, micros, _ in records)
    assert {len(line) for line in server.lines if line.startswith("n=")} == {size}


def test_a_query_takes_as_long_as_it_is_told_to(database):
    with Api(database, "--mode", "none", "--query-ms", "40") as server:
        for path, queries, _ in OPERATIONS:
            began = time.monotonic()
            server.get(f"{path}n=0")
            assert time.monotonic() - began >= queries * 0.04
        assert server.get("/sysconfig?n=-1")[0] == 400


def test_workers_stay_in_the_group_and_do_not_outlive_the_launcher(database):
    with Api(database, "--mode", "none", "--workers", "3") as server:
        processes = family(server.process.pid)
        assert len(processes) == 4
        assert len({state(pid)[1] for pid in processes}) == 1
        server.process.send_signal(signal.SIGKILL)
        wait_until_gone(processes)


def test_the_database_is_made_once_and_only_ours_is_used(folder):
    path = folder / "inventory.sqlite"
    with Api(path, "--mode", "none") as server:
        assert server.get("/sysconfig?n=0")[0] == 200
    made = path.stat()
    with Api(path, "--mode", "none") as server:
        assert server.get("/sysconfig?n=0")[0] == 200
    assert (path.stat().st_ino, path.stat().st_size) == (made.st_ino, made.st_size)
    foreign = folder / "foreign.sqlite"
    with closing(sqlite3.connect(foreign)) as connection:
        connection.execute("CREATE TABLE somebody (id)")
    with App("api", "--mode", "none", "--database", foreign) as app:
        assert app.end() == 1
    assert "is not this app's database" in app.output()
