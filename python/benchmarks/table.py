"""The table for people."""

from benchmarks.summary import COUNTS, ENOUGH, number

HEADS = (
    "row",
    "rounds",
    "records",
    "bytes",
    "p50 µs",
    "p99 µs",
    "p99.9 µs",
    "app CPU",
    "recv CPU",
    "app MiB",
    "recv MiB",
    *COUNTS,
)


def cell(spread, scale=1.0):
    return number(spread.median / scale) if spread else "-"


def p50(spread):
    return str(spread) if spread else "-"


def line(name, found):
    """The cells of one row."""
    p999 = cell(found["p999"]) if found["records"] >= ENOUGH or not found["p999"] else f"≤ {cell(found['max'])}"
    return (
        name,
        str(found["rounds"]),
        f"{found['records']:,}",
        cell(found["record_bytes"]),
        p50(found["p50"]),
        cell(found["p99"]),
        p999,
        cell(found["app_cpu"]),
        cell(found["receiver_cpu"]),
        cell(found["rss_kib"], 1024),
        cell(found["receiver_rss_kib"], 1024),
        *("-" if found[count] is None else f"{found[count]:,}" for count in COUNTS),
    )


def table(machine, summary):
    """All rows, with what has to be known to read them."""
    lines = [HEADS, *(line(name, found) for name, found in summary.items())]
    widths = [max(map(len, column)) for column in zip(*lines)]
    text = ["  ".join(cell.ljust(width) for cell, width in zip(cells, widths)).rstrip() for cells in lines]
    return "\n".join([*about(machine), "", *text, ""])


def about(machine):
    yield (
        f"One logger.info call, Python {machine['python']}; app, sidecar or syslog reader, and endpoint are processes"
        f" of their own on the same {machine['cpus']} CPUs."
    )
    yield (
        f"Other work kept {machine['cpus_others']:.2f} CPUs busy meanwhile, over {machine['seconds']:.0f} s."
        " Medians of the rounds, p50 with least..greatest; the empty loop is subtracted."
    )
    yield "CPU: seconds, user + system, for 100,000 records; recv: sidecar or reader. Counts: sums of all rounds."
