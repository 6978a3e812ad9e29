"""A hung sidecar: where others would have to wait with us nobody waits, and elsewhere only one call does."""

from statistics import median

from hung_rounds import ROUNDS, run_rounds, told
from process_app import prove


def test_greenlets(folder, cloud, sidecar):
    """gevent without a web server. A wait of the handler would show in every round; the machine's own moods do not."""
    control = run_rounds(folder, "greenlets", "control")
    hung = run_rounds(folder, "greenlets", "splashdam", hang=sidecar.process)
    for name in "gap", "call":
        measured, without = told(hung, name), told(control, name)
        rows = [[round(1000 * seconds, 1) for seconds in row] for row in (measured, without)]
        print(f"longest {name}, ms: {rows[0]} with the sidecar hung, {rows[1]} without a handler")
        assert len(measured) == ROUNDS and min(measured) < 0.2 + 2 * median(without)
    prove(cloud, sidecar, range(ROUNDS * 1600))


def test_one_wait_for_all_streams(folder, cloud, sidecar):
    """The wait of 250 ms is the hung sidecar's, not each stream's: an app with many streams waits once, too."""
    app = run_rounds(folder, "waits", hang=sidecar.process)
    waits = told(app, "waits")
    print(f"log calls that waited, in each round: {waits}")
    assert min(waits) == 1
    prove(cloud, sidecar, range(ROUNDS * 1204))
