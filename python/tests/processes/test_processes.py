"""Forks, spawned children and pools: each process logs for itself, nobody's records are lost, doubled or another's."""

import pytest
from process_app import prove, run

METHODS = ["fork", "spawn", "forkserver"]


@pytest.mark.parametrize("how", ["return", "exit", "os._exit", "SIGKILL"])
@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_children_that_leave(folder, cloud, sidecar, method, how):
    app = run(folder, "children", method, how)
    parents = [int(line.split()[1]) for line in app.lines if line.startswith("parent ")]
    assert len(parents) == 4
    prove(cloud, sidecar, [*range(500), *(first + k for first in parents for k in range(10))])


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("kind", ["Pool", "ProcessPoolExecutor"])
def test_pools(folder, cloud, sidecar, kind, method):
    run(folder, "pools", kind, method)
    prove(cloud, sidecar, range(410))


def test_forks_while_threads_log(folder, cloud, sidecar):
    """A fork finds the handler's locks held by threads that the child does not have."""
    app = run(folder, "busy_forks")
    by_threads = app.returned()
    assert len(by_threads) > 100
    prove(cloud, sidecar, [*by_threads, *(10 * fork + k for fork in range(15) for k in range(5))])
