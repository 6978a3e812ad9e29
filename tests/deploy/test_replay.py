"""The Job that delivers what a pod has left on its disk: valid, restricted, and it does so."""

import kubernetes_validate

from cases import KUBERNETES, environment, pod, settings
from harness import Cloud, Emulator, Program
from kustomize import render
from manifests import pod_of, sidecar_of
from programs import CREDENTIALS, PATIENCE, Sidecar
from test_pods import VERSIONS
from test_settings import BINARY

[JOB] = [resource for resource in render(KUBERNETES / "replay") if resource["kind"] == "Job"]
CONTAINER = sidecar_of(pod_of(JOB))
SOME = 200


def test_it_is_the_sidecars_pod_but_for_its_command():
    for version in VERSIONS:
        kubernetes_validate.validate(JOB, version, strict=True)
    one, other = pod_of(JOB), pod("kubernetes/overlays/spool-pvc")
    usual = sidecar_of(other)
    for key in ("securityContext", "serviceAccountName", "automountServiceAccountToken", "enableServiceLinks"):
        assert one[key] == other[key], key
    for key in ("image", "resources"):
        assert CONTAINER[key] == usual[key], key
    assert CONTAINER["securityContext"].items() <= usual["securityContext"].items()
    assert all(mount in usual["volumeMounts"] for mount in CONTAINER["volumeMounts"])
    assert all(volume in other["volumes"] for volume in one["volumes"])
    assert environment(CONTAINER).items() <= settings("kubernetes/overlays/spool-pvc").items()
    assert one["restartPolicy"] == "Never"


def test_it_delivers_what_a_sidecar_has_left(folder):
    spool = folder / "spool"
    flags = ["--group", "/my/app", "--stream", "gone", "--spool-dir", spool, "--spool-lifetime", "persistent"]
    # Nobody answers at port 9.
    with Sidecar(folder, "http://127.0.0.1:9", *flags, "--shutdown-deadline", "2s") as sidecar:
        with sidecar.connect() as client:
            client.sendall(b"".join(b"n=%d\n" % n for n in range(SOME)))
        assert sidecar.stop() == 0, sidecar.output()
        assert sidecar.account()["spooled"] == SOME
    program, *arguments = CONTAINER["command"]
    assert program == "/splashdam", "where the image has it"
    with Emulator(auto_create=True) as emulator:
        variables = environment(CONTAINER) | CREDENTIALS
        variables |= {"SPLASHDAM_SPOOL_DIR": str(spool), "SPLASHDAM_ENDPOINT_URL": emulator.url}
        with Program([BINARY, *arguments], variables) as replay:
            assert replay.process.wait(PATIENCE) == 0, replay.output()
        assert Cloud(emulator.url).numbers("gone", "/my/app") == dict.fromkeys(range(SOME), 1)
