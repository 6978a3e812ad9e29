"""What we answer to, beside what was measured, and the comparisons that the rows are for."""

from dataclasses import dataclass

from benchmarks.rows import OURS
from benchmarks.summary import ENOUGH, Spread, pairs

NAMES = {
    "handler": "splashdam.Handler",
    "cloudwatch": "splashdam.CloudWatchLogHandler",
    "queue": "Watchtower's queue mode",
    "sync-0ms": "synchronous Watchtower at 0 ms",
    "sync-5ms": "synchronous Watchtower at 5 ms",
    "sync-20ms": "synchronous Watchtower at 20 ms",
    "syslog-stream": "SysLogHandler on a stream socket",
    "syslog-datagram": "SysLogHandler on a datagram socket",
}
ADDED_P50 = 12
P999 = 200
TIMES_LESS = 100


@dataclass(frozen=True)
class Goal:
    """One goal. It is `met`, `MISSED`, or `inconclusive` where a call that only formats misses it on this machine."""

    what: str
    bound: str
    measured: Spread
    verdict: str
    beside: str = ""

    def __str__(self):
        return f"goal {self.verdict:12}  {self.what}, {self.bound}: {self.measured}{self.beside}"


def added(runs, kind, figure="p50", suffix=""):
    """What the kind's call costs more than formatting alone, in the same round, in µs; None if it was not measured."""
    found = pairs(runs, kind + suffix, "null" + suffix, figure)
    return Spread.of([one - other for one, other in found]) if found else None


def times(runs, slow, fast):
    """How many times longer the whole call takes. With the format's share on both sides this flatters us less."""
    found = pairs(runs, slow, fast, "p50")
    return Spread.of([one / other for one, other in found]) if found else None


def every(runs, row, figure):
    """The figure in each of the row's runs."""
    found = [run[figure] for run in runs if run["row"] == row]
    return Spread.of(found) if found else None


def slowest_calls(runs, kind):
    """The goal for p99.9. Preempted calls are slow whatever the handler, so the null handler's stand beside it."""
    measured, own = every(runs, kind, "p999"), every(runs, "null", "p999")
    if measured:
        missed = "inconclusive" if own and own.median > P999 else "MISSED"
        verdict = "met" if measured.median <= P999 else missed
        beside = f"; of the null handler's call: {own}" if own else ""
        yield Goal(f"{NAMES[kind]}, the whole call", f"at most {P999} µs p99.9", measured, verdict, beside)


def verdict_of(met):
    return "met" if met else "MISSED"


def goals(runs):
    """The goals of each of our handlers, as far as the rows were run."""
    found = []
    for kind in OURS:
        name = NAMES[kind]
        more = added(runs, kind)
        if more:
            what, bound = f"{name} adds to the app's format", f"at most {ADDED_P50} µs p50"
            found.append(Goal(what, bound, more, verdict_of(more.median <= ADDED_P50)))
        found.extend(slowest_calls(runs, kind))
        lost = every(runs, f"{kind}.kill", "missing")
        if lost:
            # Of times the median counts; no run may lose a record.
            found.append(Goal(f"{name}, records lost by SIGKILL", "none", lost, verdict_of(lost.greatest == 0)))
        less = times(runs, "sync-5ms", kind)
        if less:
            what = f"{name}, times less than {NAMES['sync-5ms']}"
            found.append(Goal(what, f"at least {TIMES_LESS}", less, verdict_of(less.median >= TIMES_LESS)))
    return found


def ratios(runs):
    """What the rows say beside each other, each within its round."""
    for suffix, where in (
        ("", "the app's format"),
        (".bare", "%(message)s alone"),
        (".paced", "the app's format, paced"),
    ):
        for kind, name in NAMES.items():
            p50, p999 = (added(runs, kind, figure, suffix) for figure in ("p50", "p999"))
            if p50:
                enough = min(run["records"] for run in runs if run["row"] == kind + suffix) >= ENOUGH
                slow = f", {p999} µs p99.9" if enough else ""
                yield f"{name} adds {p50} µs p50{slow} over the null handler, {where}"
    for kind in OURS:
        for other in ("queue", "sync-0ms", "sync-5ms", "sync-20ms", "syslog-stream"):
            found = times(runs, other, kind)
            if found:
                yield f"{NAMES[other]} takes {found} times what {NAMES[kind]} takes (p50, the whole call)"
    for kind, name in NAMES.items():
        gone, of = (every(runs, f"{kind}.kill", figure) for figure in ("missing", "emitted"))
        if gone:
            yield f"{name} lost {gone} of {of.median:,.0f} records by SIGKILL"
