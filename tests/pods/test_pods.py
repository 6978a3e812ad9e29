"""The promises of deploy/, kept by real pods: who ends when, who is killed, and what must have arrived all the same.

In each the app says how many records it logged, and the endpoint, read back, has every one of them.
"""

import re

import pytest
import spool_writer
from play import GROUP

from harness import CREDENTIALS, wait_for

SOME = 300
APPS = pytest.mark.parametrize("app", ["rust", "python"])
SPOOLS = pytest.mark.parametrize("form", ["overlays/spool-emptydir", "overlays/spool-pvc"])


def arrived(cloud):
    return cloud.numbers(group=GROUP)


def wait_for_more(cloud, than=0):
    wait_for("more records arrived", lambda: len(arrived(cloud)) > than + SOME)


@APPS
def test_a_pod_that_ends_leaves_nothing_behind(stage, cloud, app):
    pod = stage.pod("deployment", app)
    pod.start()
    wait_for_more(cloud)
    assert pod.stop_in_order() == (0, 0), pod.sidecar.log()
    assert arrived(cloud) == dict.fromkeys(range(pod.written()), 1)


@APPS
def test_an_app_of_another_user_and_group_is_let_in(stage, cloud, app):
    pod = stage.pod("job", app, count=SOME, app_user=2_000_000_000)
    pod.start()
    assert pod.app.exit_code() == 0, pod.app.log()
    assert pod.sidecar.stop(60) == 0, pod.sidecar.log()
    assert pod.written() == SOME
    assert arrived(cloud) == dict.fromkeys(range(SOME), 1)


@APPS
@SPOOLS
def test_a_sidecar_killed_again_and_again_loses_nothing(stage, cloud, app, form):
    pod = stage.pod(form, app)
    pod.start()
    for _ in range(3):
        wait_for_more(cloud, than=len(arrived(cloud)))
        pod.sidecar.kill()
        pod.start_sidecar()
    wait_for_more(cloud, than=len(arrived(cloud)))
    assert pod.stop_in_order() == (0, 0), pod.sidecar.log()
    assert arrived(cloud).keys() == set(range(pod.written()))


@APPS
def test_ended_together_as_on_an_old_cluster_the_sidecar_outlives_its_app(stage, cloud, app):
    pod = stage.pod("overlays/plain-deployment", app)
    pod.start()
    wait_for_more(cloud)
    pod.sidecar.terminate()
    pod.app.terminate()
    assert (pod.app.exit_code(), pod.sidecar.exit_code()) == (0, 0), pod.sidecar.log()
    assert arrived(cloud) == dict.fromkeys(range(pod.written()), 1)


@APPS
def test_a_job_with_a_plain_sidecar_is_complete_when_its_app_is(stage, cloud, app):
    pod = stage.pod("overlays/plain-job", app, count=SOME, settings={"SPLASHDAM_EXIT_AFTER_LAST_CLIENT": "1s"})
    pod.start()
    assert (pod.app.exit_code(), pod.sidecar.exit_code()) == (0, 0), pod.sidecar.log()
    assert arrived(cloud) == dict.fromkeys(range(SOME), 1)


def test_a_job_that_never_logs_is_complete_all_the_same(stage):
    pod = stage.pod("overlays/plain-job", settings={"SPLASHDAM_EXIT_IF_NO_CLIENT": "1s"})
    pod.sidecar.start()
    assert pod.sidecar.exit_code() == 0, pod.sidecar.log()


@APPS
def test_a_job_with_a_native_sidecar(stage, cloud, app):
    pod = stage.pod("job", app, count=SOME)
    pod.start()
    assert pod.app.exit_code() == 0
    assert pod.sidecar.running(), "it is the kubelet that ends a native sidecar"
    assert pod.sidecar.stop(60) == 0, pod.sidecar.log()
    assert arrived(cloud) == dict.fromkeys(range(SOME), 1)


@pytest.mark.parametrize(("form", "count"), [("overlays/spool-emptydir", 150_000), ("deployment", 60_000)])
def test_an_outage_within_the_memory_limit(stage, emulator, cloud, form, count):
    """With a spool all of it goes to the disk; without one it takes what its memory holds, and the app waits."""
    pod = stage.pod(form, "feed", count=count)
    pod.start_sidecar()
    emulator.control("faults", {"kind": "unavailable"})
    pod.app.start()
    if form == "deployment":
        full = count * 0.01
        wait_for("the memory is full", lambda: pod.status()["account"]["received"] > full and is_quiet(pod))
    else:
        assert pod.app.exit_code() == 0, pod.app.log()
    assert pod.probe("/healthz") == 200 and pod.probe("/readyz") == 200, "an outage is nobody's failure"
    emulator.control("faults", method="DELETE")
    wait_for("all arrived", lambda: emulator.report()["marks"]["unique"] >= count, 180)
    peak, killed = pod.sidecar.memory()
    assert killed == 0 and peak <= 64 << 20
    assert pod.app.exit_code() == 0, pod.app.log()
    assert pod.sidecar.stop(60) == 0, pod.sidecar.log()


def is_quiet(pod):
    before = pod.status()["account"]["received"]
    wait_for("half a second went by", iter([False] * 50 + [True]).__next__)
    return pod.status()["account"]["received"] == before


def test_a_spool_of_the_version_before_is_delivered_and_one_of_the_version_after_kept(stage, cloud):
    pod = stage.pod("overlays/spool-emptydir")
    spool = pod.spool()
    spool_writer.write_lane(spool, GROUP, "before", [f"n={n} of the version before" for n in range(10_000, 10_100)])
    after = spool_writer.write_lane(spool, GROUP, "after", ["n=1 of the version after"], version=2)
    pod.hand_over(spool)
    pod.start()
    wait_for("the old ones arrived", lambda: set(range(10_000, 10_100)) <= arrived(cloud).keys())
    assert pod.stop_in_order() == (0, 0), pod.sidecar.log()
    assert cloud.numbers("before", GROUP) == dict.fromkeys(range(10_000, 10_100), 1)
    assert {n for n in arrived(cloud) if n < 10_000} == set(range(pod.written()))
    kept = after.with_name(after.name + ".newer")
    assert {file.suffix for file in kept.iterdir()} == {".segment", ".json"}, "for the version that can read it"
    assert "newer" in pod.sidecar.log()


@APPS
def test_in_clowders_slot_its_file_is_enough(stage, cloud, app):
    keys = {"accessKeyId": CREDENTIALS["AWS_ACCESS_KEY_ID"], "secretAccessKey": CREDENTIALS["AWS_SECRET_ACCESS_KEY"]}
    cloudwatch = {**keys, "region": "eu-central-1", "logGroup": "/from/clowder"}
    pod = stage.clowder_pod({"logging": {"type": "cloudwatch", "cloudwatch": cloudwatch}}, app, count=SOME)
    pod.start()
    assert pod.app.exit_code() == 0
    assert pod.probe("/") == 200, "what Clowder asks"
    assert pod.sidecar.stop(30) == 0, pod.sidecar.log()
    assert pod.written() == SOME
    assert cloud.numbers(group="/from/clowder") == dict.fromkeys(range(SOME), 1)


def test_where_clowder_has_no_logging_the_app_notices_nothing(stage, emulator):
    empty = {"accessKeyId": "", "secretAccessKey": "", "region": "", "logGroup": ""}
    pod = stage.clowder_pod({"logging": {"type": "null", "cloudwatch": empty}}, count=SOME)
    pod.start()
    assert pod.app.exit_code() == 0, pod.app.log()
    assert pod.status()["account"]["dropped"] == SOME
    assert re.search(rf'^splashdam_records_dropped_total{{.*reason="disabled".*}} {SOME}$', pod.metrics(), re.MULTILINE)
    assert pod.sidecar.stop(30) == 0, pod.sidecar.log()
    assert emulator.report()["calls"] == {}


def test_an_exec_probe_needs_no_shell(stage):
    pod = stage.pod("deployment")
    pod.start_sidecar()
    assert pod.sidecar.exec("/splashdam", "probe", "ready")
    assert pod.sidecar.exec("/splashdam", "probe", "live")
    assert not pod.sidecar.exec("/bin/sh", "-c", "true"), "there is no shell"
    assert pod.sidecar.stop(60) == 0
