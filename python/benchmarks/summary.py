"""From runs to rows: medians with their spread, pairs within a round, and what makes a run count for nothing."""

from dataclasses import dataclass
from statistics import median

from benchmarks.rows import BY_NAME, OURS

TIMES = ("p50", "p99", "p999", "max")
FIGURES = (*TIMES, "app_cpu", "receiver_cpu", "rss_kib", "receiver_rss_kib", "record_bytes")
# With fewer records than this the 99.9th percentile is the slowest call and nothing else.
ENOUGH = 1_000
COUNTS = ("emitted", "delivered", "doubled", "missing")


@dataclass(frozen=True)
class Spread:
    """The median of some rounds, with the least and the greatest."""

    median: float
    least: float
    greatest: float

    @classmethod
    def of(cls, values):
        return cls(median(values), min(values), max(values))

    def __str__(self):
        return f"{number(self.median)} ({number(self.least)}..{number(self.greatest)})"


def number(value):
    """Three digits that say something; a count as it is."""
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def summarize(runs):
    """For each row that was run, in the table's order: a `Spread` for each figure it has, and the sum of each count."""
    rows = {}
    for name in (name for name in BY_NAME if any(run["row"] == name for run in runs)):
        mine = [run for run in runs if run["row"] == name]
        found = {"rounds": len(mine), "records": mine[0]["records"]}
        for figure in FIGURES:
            values = [run[figure] for run in mine if run.get(figure) is not None]
            found[figure] = Spread.of(values) if values else None
        for count in COUNTS:
            values = [run[count] for run in mine]
            found[count] = None if None in values else sum(values)
        rows[name] = found
    return rows


def pairs(runs, one, other, figure):
    """The figure of two rows, round by round: what was measured at nearly the same time can be compared."""
    values = {(run["row"], run["round"]): run.get(figure) for run in runs}
    rounds = sorted({run["round"] for run in runs})
    found = [(values.get((one, turn)), values.get((other, turn))) for turn in rounds]
    return [pair for pair in found if None not in pair]


def faults(runs):
    """Where the account of our handlers does not add up: such a run does not count, however fast it was."""
    return [f"FAULT: round {run['round'] + 1}, {run['row']}: {wrong}" for run in runs for wrong in wrong_in(run)]


def wrong_in(run):
    """What is wrong with one run."""
    if BY_NAME[run["row"]].kind not in OURS:
        return
    emitted, sidecar = run["emitted"], run["far"]["sidecar"]
    if run["missing"] or run["doubled"] or run["far"]["unmarked"]:
        yield f"{emitted} emitted, {run['missing']} missing, {run['doubled']} twice, {run['far']['unmarked']} unmarked"
    if (sidecar["received"], sidecar["delivered"]) != (emitted, emitted):
        yield f"{emitted} emitted, but the sidecar says {sidecar}"
    if run["far"]["violations"]:
        yield f"{run['far']['violations']} of CloudWatch's limits broken"
    if run.get("said"):
        yield f"the app wrote: {run['said']}"
    if run.get("stats") and run["stats"].get("logged") != emitted:
        yield f"{emitted} emitted, but the handler says {run['stats']}"
