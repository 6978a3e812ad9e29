"""The promises of deploy/, kept by real pods."""

import pytest

from harness import wait_for
from play import GROUP

ENOUGH = 500


@pytest.mark.parametrize("app", ["rust", "python"])
def test_everything_an_app_wrote_is_there_when_its_pod_has_gone(stage, cloud, app):
    pod = stage.pod("deployment", app)
    pod.start()
    wait_for("some records arrived", lambda: len(cloud.numbers(group=GROUP)) > ENOUGH)
    assert pod.stop_in_order() == (0, 0), pod.sidecar.log()
    assert cloud.numbers(group=GROUP) == dict.fromkeys(range(pod.written()), 1)
