"""`python -m benchmarks`, from the folder `python`: measures, prints the table, the ratios and the goals."""

import argparse
import importlib.util
import json
import os
import platform
import resource
import sys
import time
from pathlib import Path

from benchmarks.goals import goals, ratios
from benchmarks.rows import BY_NAME, ROWS, WATCHTOWER
from benchmarks.run import Broken, binary_or_complain, run
from benchmarks.summary import faults, summarize
from benchmarks.table import table


def arguments():
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--rounds", type=int, help="how often each row is run, in turns (5; with --quick 1)")
    parser.add_argument("--row", action="append", metavar="NAME", help="only this row; may be repeated")
    parser.add_argument("--records", type=int, metavar="N", help="at most so many measured records a run")
    parser.add_argument("--quick", action="store_true", help="few records, one round: does it work, not how fast")
    parser.add_argument("--seconds", type=float, default=240, help="begin no round that would end later (240)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="keep every run and the summary")
    parser.add_argument("--splashdam", metavar="FILE", help="the sidecar's program, else SPLASHDAM_BIN")
    given = parser.parse_args()
    unknown = set(given.row or ()) - BY_NAME.keys()
    if unknown:
        parser.error(f"no such row: {', '.join(sorted(unknown))}; there are {', '.join(BY_NAME)}")
    return given


def all_rounds(given, rows, binary):
    """Every row once a round, each round beginning with another row, so that none always comes first."""
    runs = []
    began = time.monotonic()
    longest = 0.0
    for round_number in range(given.rounds or (1 if given.quick else 5)):
        round_began = time.monotonic()
        if round_number and round_began - began + longest > given.seconds:
            print(f"stopped after {round_number} rounds: another would take more than {given.seconds:.0f} s in all")
            break
        turn = round_number * 7 % len(rows)
        for row in rows[turn:] + rows[:turn]:
            progress(f"round {round_number + 1}: {row.name}")
            runs.append({"round": round_number, **run(row, binary, given.quick, given.records)})
        longest = max(longest, time.monotonic() - round_began)
    progress("")
    return runs


def progress(text):
    """For people who wait."""
    if sys.stderr.isatty():
        print(f"\r{text:40}\r", end="", file=sys.stderr, flush=True)


class Machine:
    """Who was busy meanwhile: work that is not ours makes every figure worse and unsteady."""

    def __init__(self):
        self.began = time.monotonic()
        self.busy_before, self.ours_before = self.busy(), self.ours()

    @staticmethod
    def busy():
        with open("/proc/stat", encoding="ascii") as stat:
            user, nice, system, _idle, _wait, irq, softirq, steal = map(int, stat.readline().split()[1:9])
        return (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK")

    @staticmethod
    def ours():
        used = map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
        return sum(one.ru_utime + one.ru_stime for one in used)

    def said(self):
        seconds = time.monotonic() - self.began
        others = (self.busy() - self.busy_before - self.ours() + self.ours_before) / seconds
        return {"cpus": os.cpu_count(), "python": platform.python_version(), "seconds": seconds, "cpus_others": others}


def main():
    given = arguments()
    rows = tuple(BY_NAME[name] for name in given.row) if given.row else ROWS
    needs_watchtower = any(row.kind in WATCHTOWER for row in rows)
    if needs_watchtower and importlib.util.find_spec("watchtower") is None:
        raise Broken(
            "Watchtower is not installed: pip install -r benchmarks/requirements.txt, or choose rows with --row"
        )
    machine = Machine()
    runs = all_rounds(given, rows, binary_or_complain(given.splashdam))
    said, summary = machine.said(), summarize(runs)
    broken, reached = faults(runs), goals(runs)
    print(table(said, summary), *ratios(runs), *map(str, reached), *broken, sep="\n")
    if given.json:
        details = {"machine": said, "summary": summary, "goals": [vars(goal) for goal in reached]}
        given.json.write_text(
            json.dumps({**details, "faults": broken, "runs": runs}, indent=1, default=vars), encoding="utf-8"
        )
    missed = [goal for goal in reached if goal.verdict == "MISSED"]
    # A quick run is too short for a figure, but the account must be right however short.
    return 1 if broken or (missed and not given.quick) else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Broken as error:
        sys.exit(f"benchmarks: {error}")
