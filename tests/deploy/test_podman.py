"""What podman is given is what the manifest says, but for what podman cannot do."""

import pytest

from cases import ALL, pod, workload
from manifests import all_containers, for_podman

LEFT_OUT = {"startupProbe", "livenessProbe", "readinessProbe", "restartPolicy"}


@pytest.mark.parametrize("name", sorted(ALL))
def test_the_pod_is_the_manifests(name):
    made, meant = for_podman(workload(name), "p"), pod(name)
    spec = made["spec"]
    assert (made["kind"], made["metadata"]["name"]) == ("Pod", "p")
    assert not spec["initContainers"], "what runs beside the app is started by who plays the kubelet"
    assert {container["name"] for container in spec["containers"]} == {"app", "splashdam"}
    assert spec["containers"][0]["name"] == "splashdam"
    for container in spec["containers"]:
        [original] = [item for item in all_containers(meant) if item["name"] == container["name"]]
        kept = {key: value for key, value in original.items() if key not in LEFT_OUT | {"resources"}}
        assert {key: value for key, value in container.items() if key != "resources"} == kept
        assert container["resources"] == {"limits": original["resources"]["limits"]}
    volumes = {volume["name"] for volume in spec["volumes"]}
    assert {mount["name"] for item in spec["containers"] for mount in item["volumeMounts"]} == volumes
    assert pod(name) == meant, "the manifest is as it was"
