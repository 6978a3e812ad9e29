"""The components go beside any workload, in any sensible order, and change nothing of it; `kubectl` says the same."""

import itertools
import os
import subprocess

import kubernetes_validate
import pytest
import yaml

from cases import KUBERNETES, environment
from kustomize import load, render
from manifests import all_containers, pod_of, sidecar_of, template_of
from test_kustomize import by_name, kubectl_has_kustomize, kustomization
from test_pods import VERSIONS

COMPONENTS = sorted(path.parent.name for path in KUBERNETES.glob("components/*/kustomization.yaml"))
# An app as others write it: with its own first container, group, volume and time; nothing of it may be touched.
POD = """
metadata: {labels: {app: theirs}}
spec:
  restartPolicy: RESTART
  terminationGracePeriodSeconds: 120
  securityContext: {fsGroup: 2000, runAsUser: 1000}
  initContainers:
    - {name: migrate, image: "theirs:1", volumeMounts: [{name: data, mountPath: /data}]}
    - {name: splashdam, env: [{name: SPLASHDAM_GROUP, value: /theirs}]}
  containers:
    - name: web
      image: theirs:1
      ports: [{containerPort: 8080}]
      volumeMounts: [{name: data, mountPath: /data}, {name: splashdam-socket, mountPath: /run/splashdam}]
  volumes: [{name: data, emptyDir: {}}]
"""
KINDS = {
    "Deployment": "apps/v1",
    "StatefulSet": "apps/v1",
    "DaemonSet": "apps/v1",
    "Job": "batch/v1",
    "CronJob": "batch/v1",
}
LASTING = ("Deployment", "StatefulSet", "DaemonSet")


def theirs(kind, name="theirs", labels=("splashdam",), restart=None):
    template = yaml.safe_load(POD.replace("RESTART", restart or ("Always" if kind in LASTING else "Never")))
    spec = {"template": template}
    if kind in LASTING:
        spec["selector"] = {"matchLabels": {"app": "theirs"}}
    if kind == "Deployment":
        spec |= {"replicas": 3, "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1}}}
    if kind == "StatefulSet":
        claims = [{"metadata": {"name": item}, "spec": {}} for item in ("data", "splashdam-spool")]
        template["spec"]["volumes"] = []
        spec |= {"serviceName": "theirs", "volumeClaimTemplates": claims}
    if kind == "CronJob":
        spec = {"schedule": "0 0 * * *", "jobTemplate": {"spec": spec}}
    metadata = {"name": name, "labels": dict.fromkeys(labels, "enabled")}
    return {"apiVersion": KINDS[kind], "kind": kind, "metadata": metadata, "spec": spec}


def kustomized(folder, resources, components):
    """A kustomization of one's own with these components, in this order."""
    names = [os.path.relpath(KUBERNETES / "components" / name, folder) for name in components]
    (folder / "theirs.yaml").write_text(yaml.safe_dump_all(resources), encoding="utf-8")
    fields = yaml.safe_dump({"resources": ["theirs.yaml"], "components": names})
    (folder / "kustomization.yaml").write_text(kustomization(fields), encoding="utf-8")
    return folder


def workload_of(resources):
    [found] = [resource for resource in resources if resource["kind"] in KINDS]
    return found


def combinations():
    """What makes sense: the sidecar, one spool or none, a policy or none, and at the end plain or not."""
    for kind in KINDS:
        spools = [None, "spool-emptydir"] + ["spool-pvc"] * (kind in ("Deployment", "StatefulSet"))
        for spool, policy in itertools.product(spools, [None, "network-policy", "network-policy-pod-identity"]):
            for between in sorted(set(itertools.permutations(filter(None, (spool, policy))))):
                for last in ((), ("plain",)):
                    yield kind, ("sidecar", *between, *last)


ALL = list(combinations())
NAMED = [pytest.param(kind, components, id=f"{kind}-{'-'.join(components)}") for kind, components in ALL]


def contains(result, original):
    """Whether everything of `original` is still in `result`; items of lists that have names may have moved."""
    if isinstance(original, dict):
        return isinstance(result, dict) and all(k in result and contains(result[k], v) for k, v in original.items())
    if isinstance(original, list):
        return all(any(contains(item, wanted) for item in result) for wanted in original)
    return result == original


@pytest.mark.parametrize(("kind", "components"), NAMED)
def test_every_combination_is_whole_and_what_kubectl_says(tmp_path, kind, components):
    resources = render(kustomized(tmp_path, [theirs(kind)], components))
    for resource in resources:
        kubernetes_validate.validate(resource, VERSIONS[0] if "plain" not in components else "1.25", strict=True)
    found = workload_of(resources)
    spec = pod_of(found)
    sidecar = sidecar_of(spec)
    variables = [item["name"] for item in sidecar["env"]]
    assert len(set(variables)) == len(variables)
    assert environment(sidecar)["SPLASHDAM_GROUP"] == "/theirs"
    assert template_of(found)["metadata"]["labels"] == {"app": "theirs", "splashdam": "enabled"}
    volumes = {item["name"] for item in [*spec["volumes"], *(i["metadata"] for i in claims_of(found))]}
    mounted = {mount["name"] for container in all_containers(spec) for mount in container["volumeMounts"]}
    assert mounted <= volumes
    assert ("splashdam-spool" in mounted) == any("spool" in name for name in components)
    first = spec["containers" if "plain" in components else "initContainers"][0]
    assert first == sidecar, "before everything of the app's"
    assert ("restartPolicy" in sidecar) == ("plain" not in components)
    if kubectl_has_kustomize():
        assert by_name(resources) == by_name(by_kubectl(tmp_path))


def claims_of(found):
    return found["spec"].get("volumeClaimTemplates", [])


def by_kubectl(folder):
    done = subprocess.run(["kubectl", "kustomize", folder], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return list(yaml.safe_load_all(done.stdout))


@pytest.mark.parametrize(("kind", "components"), NAMED)
def test_nothing_of_the_app_is_changed(tmp_path, kind, components):
    """A disk of its own needs the pod's group, and of a Deployment one pod at a time; that is all."""
    original = theirs(kind)
    pod = pod_of(original)
    found = workload_of(render(kustomized(tmp_path, [original], components)))
    if "spool-pvc" in components:
        pod["securityContext"] |= {"fsGroup": 65532, "fsGroupChangePolicy": "OnRootMismatch"}
        if kind == "Deployment":
            original["spec"] |= {"replicas": 1, "strategy": {"type": "Recreate"}}
            assert found["spec"]["strategy"] == {"type": "Recreate"}
    if "plain" in components:
        pod["containers"].append(pod["initContainers"].pop())
        assert [item["name"] for item in pod_of(found)["initContainers"]] == ["migrate"]
    assert contains(found, original)
    for container in all_containers(pod):
        assert container["name"] == "splashdam" or container in all_containers(pod_of(found)), "exactly as it was"
    assert set(pod_of(found)) == set(pod)


def test_that_test_can_fail():
    original = theirs("Deployment")
    assert contains(original, theirs("Deployment"))
    original["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] = 65
    assert not contains(original, theirs("Deployment"))
    assert not contains(theirs("Job"), theirs("Job", restart="OnFailure"))


@pytest.mark.parametrize(("kind", "plain"), list(itertools.product(KINDS, [False, True])))
def test_the_order_between_first_and_last_is_free(tmp_path, kind, plain):
    last = ["plain"] if plain else []
    orders = itertools.permutations(["spool-emptydir", "network-policy"])
    folders = (kustomized(tmp_path, [theirs(kind)], ["sidecar", *between, *last]) for between in orders)
    one, other = (by_name(render(folder)) for folder in folders)
    assert one == other


@pytest.mark.parametrize("kind", KINDS)
def test_plain_before_the_sidecar_is_an_error(tmp_path, kind):
    with pytest.raises((ValueError, KeyError, IndexError)):
        render(kustomized(tmp_path, [theirs(kind)], ["plain", "sidecar"]))


@pytest.mark.parametrize("kind", KINDS)
def test_a_component_without_the_sidecar_makes_what_no_cluster_takes(tmp_path, kind):
    for components in (["spool-emptydir"], ["sidecar", "plain", "spool-emptydir"]):
        spec = pod_of(workload_of(render(kustomized(tmp_path, [theirs(kind)], components))))
        [partial] = [item for item in spec["initContainers"] if item["name"] == "splashdam"]
        assert "image" not in partial, "an image is required"


@pytest.mark.parametrize("kind", ["Job", "CronJob"])
def test_a_plain_job_that_starts_its_app_again_in_place_is_refused(tmp_path, kind):
    """The sidecar has ended by then, and would not be there for the next try."""
    folder = kustomized(tmp_path, [theirs(kind, restart="OnFailure")], ["sidecar", "plain"])
    with pytest.raises(ValueError, match="the test failed"):
        render(folder)
    if kubectl_has_kustomize():
        done = subprocess.run(["kubectl", "kustomize", folder], capture_output=True, text=True, timeout=120)
        assert done.returncode != 0


@pytest.mark.parametrize("kind", KINDS)
def test_only_what_is_labelled_is_touched(tmp_path, kind):
    other = theirs(kind, "other", labels=["else"])
    components = ["sidecar", "spool-emptydir", "spool-pvc"]
    assert by_name(render(kustomized(tmp_path, [theirs(kind), other], components)))[kind, "other"] == other


@pytest.mark.parametrize("component", ["sidecar", "spool-emptydir"])
def test_a_cronjobs_patch_is_that_of_the_others(component):
    """kustomize has no patch for both, as the pods stand elsewhere in it."""
    [one], [other] = (load(KUBERNETES / f"components/{component}/{name}.yaml") for name in ("workload", "cronjob"))
    assert template_of(one) == template_of(other)


def test_a_plain_cronjobs_patches_are_those_of_a_job():
    folder = KUBERNETES / "components/plain"
    [workload], [job], [cronjob] = (load(folder / f"{name}.yaml") for name in ("workload", "job", "cronjob"))
    one, two, both = (template_of(item)["spec"]["containers"][0]["env"] for item in (workload, job, cronjob))
    assert one + two == both
    [move], [never], [all_of_it] = (
        load(folder / f"{name}.yaml") for name in ("second-container", "never", "cronjob-second-container")
    )
    elsewhere = [
        {key: text.replace("/jobTemplate/spec", "") for key, text in operation.items()} for operation in all_of_it
    ]
    assert elsewhere == never + move


def test_all_components_are_tried():
    assert set(COMPONENTS) == {name for _, components in ALL for name in components}
