"""Every pod of deploy/: valid for each version of Kubernetes, restricted, and wired up in itself."""

import re

import kubernetes_validate
import pytest
from kubernetes_validate.utils import all_versions, major_minor

from cases import ALL, KUBERNETES, NATIVE, PLAIN, claims, environment, pod, workload
from kustomize import render
from manifests import all_containers, pod_of, sidecar_of, template_of
from quantity import quantity, seconds, size

# Before it there are no native sidecars; `plain` is for those.
OLDEST = (1, 29)
VERSIONS = sorted(
    {number for number in map(major_minor, all_versions()) if tuple(map(int, number.split("."))) >= OLDEST}
)
OF_OTHERS = {"PodMonitor", "PrometheusRule"}
NAMES = sorted(ALL)
POLICIES = ["components/network-policy", "components/network-policy-pod-identity"]
DEFAULT_DEADLINE = "25s"
# Linux: sun_path has 108 bytes, the last is NUL.
SOCKET_PATH_MAX = 107
ENUMS = {
    "restartPolicy": {"Always", "Never", "OnFailure"},
    "concurrencyPolicy": {"Allow", "Forbid", "Replace"},
    "fsGroupChangePolicy": {"OnRootMismatch", "Always"},
    "protocol": {"TCP", "UDP", "SCTP"},
    "accessModes": {"ReadWriteOnce", "ReadOnlyMany", "ReadWriteMany", "ReadWriteOncePod"},
    "policyTypes": {"Ingress", "Egress"},
    "imagePullPolicy": {"Always", "IfNotPresent", "Never"},
}


def nodes(value, key=None):
    """Every (key, scalar) below, items of a list under the list's key."""
    if isinstance(value, dict):
        for name, item in value.items():
            yield from nodes(item, name)
    elif isinstance(value, list):
        for item in value:
            yield from nodes(item, key)
    else:
        yield key, value


def nested(value, key):
    """Everything that is not empty and stands under this key, wherever."""
    if isinstance(value, list):
        return [found for item in value for found in nested(item, key)]
    if not isinstance(value, dict):
        return []
    own = [value[key]] if value.get(key) else []
    return own + [found for item in value.values() for found in nested(item, key)]


@pytest.mark.parametrize("version", VERSIONS)
def test_schemas(version):
    checked = 0
    for name, resources in ALL.items():
        plain = name.removeprefix("kubernetes/") in PLAIN
        for resource in resources:
            if resource["kind"] not in OF_OTHERS:
                kubernetes_validate.validate(resource, version, strict=True)
                checked += 1
            assert not plain or not nested(resource, "initContainers")
    assert checked > len(ALL)
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(
            {"apiVersion": "v1", "kind": "Pod", "spec": {"containerz": []}}, version, strict=True
        )


def test_the_plain_forms_are_valid_on_older_clusters():
    for name in PLAIN:
        for resource in ALL[f"kubernetes/{name}"]:
            kubernetes_validate.validate(resource, "1.25", strict=True)


@pytest.mark.parametrize("name", NAMES)
def test_values_that_no_schema_knows(name):
    for key, value in nodes(ALL[name]):
        assert key not in ENUMS or value in ENUMS[key], f"{key}: {value}"
    for container in all_containers(pod(name)):
        for amounts in container.get("resources", {}).values():
            assert all(quantity(amount) > 0 for amount in amounts.values())
        assert re.fullmatch(r"[a-z0-9./-]+:[\w.-]+", container["image"]), "an image has a tag"
    assert workload(name)["metadata"]["name"]


@pytest.mark.parametrize("name", NAMES)
def test_restricted(name):
    """The Pod Security Standard `restricted`, and more: a read-only root, no token of the Kubernetes API."""
    spec = pod(name)
    assert spec["automountServiceAccountToken"] is False
    assert spec["enableServiceLinks"] is False
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert not {"hostNetwork", "hostPID", "hostIPC"} & set(spec)
    for container in all_containers(spec):
        context = container["securityContext"]
        assert context["allowPrivilegeEscalation"] is False
        assert context["readOnlyRootFilesystem"] is True
        assert context["capabilities"] == {"drop": ["ALL"]}
        assert "privileged" not in context
    for volume in spec["volumes"]:
        assert set(volume) - {"name"} <= {"emptyDir", "persistentVolumeClaim", "configMap", "secret", "projected"}


@pytest.mark.parametrize("name", [name for name in NAMES if name.startswith("openshift")])
def test_restricted_v2_is_asked_for_no_user_and_no_group(name):
    assert not {key for key, _ in nodes(pod(name))} & {"runAsUser", "runAsGroup", "fsGroup", "supplementalGroups"}


@pytest.mark.parametrize("name", NAMES)
def test_the_socket_is_the_apps_whatever_users_there_are(name):
    """Only who mounts its volume comes to it. A group is needed for a disk of one's own alone, which root has made."""
    spec = pod(name)
    assert environment(sidecar_of(spec))["SPLASHDAM_SOCKET_MODE"] == "0666"
    own_disk = "splashdam-spool" in claims(name)
    assert ("fsGroup" in spec["securityContext"]) == own_disk
    if own_disk:
        assert spec["securityContext"]["fsGroup"] > 0
        assert spec["securityContext"]["fsGroupChangePolicy"] == "OnRootMismatch"


@pytest.mark.parametrize("name", NAMES)
def test_volumes_ports_and_the_socket(name):
    spec = pod(name)
    volumes = {volume["name"]: volume for volume in spec["volumes"]}
    assert len(volumes) == len(spec["volumes"])
    made = {claim["metadata"]["name"] for claim in workload(name)["spec"].get("volumeClaimTemplates", [])}
    mounted = {mount["name"] for container in all_containers(spec) for mount in container.get("volumeMounts", [])}
    assert mounted == set(volumes) | made, "each volume is mounted, each mount has a volume"
    sidecar, app = sidecar_of(spec), next(item for item in spec["containers"] if item["name"] == "app")
    socket = environment(app)["SPLASHDAM_SOCKET"]
    assert len(socket.encode()) <= SOCKET_PATH_MAX
    shared = [{m["name"]: m["mountPath"] for m in item["volumeMounts"]}["splashdam-socket"] for item in (sidecar, app)]
    assert shared == ["/run/splashdam", "/run/splashdam"]
    assert socket == "/run/splashdam/splashdam.sock", "the sidecar's default"
    assert "medium" not in volumes["splashdam-socket"]["emptyDir"]
    [port] = sidecar["ports"]
    assert environment(sidecar)["SPLASHDAM_HEALTH"] == f"0.0.0.0:{port['containerPort']}"
    for probe, path in (("startupProbe", "/readyz"), ("livenessProbe", "/healthz"), ("readinessProbe", "/readyz")):
        assert sidecar[probe]["httpGet"] == {"path": path, "port": port["name"]}


@pytest.mark.parametrize("name", NAMES)
def test_labels_find_the_pods(name):
    item = workload(name)
    labels = template_of(item)["metadata"]["labels"]
    assert labels["splashdam"] == "enabled"
    if item["kind"] in ("Deployment", "StatefulSet"):
        assert item["spec"]["selector"]["matchLabels"].items() <= labels.items()
    kinds = {resource["kind"] for resource in ALL[name]}
    assert "NetworkPolicy" not in kinds, "it would forbid the app everything else: only by choice"


@pytest.mark.parametrize("component", POLICIES)
def test_the_policies_let_through_what_splashdam_needs(component):
    resources = render(KUBERNETES / component, render(KUBERNETES / "deployment"))
    [policy] = [resource for resource in resources if resource["kind"] == "NetworkPolicy"]
    for version in VERSIONS:
        kubernetes_validate.validate(policy, version, strict=True)
    assert all(key not in ENUMS or value in ENUMS[key] for key, value in nodes(policy))
    [deployment] = [resource for resource in resources if resource["kind"] == "Deployment"]
    labels = template_of(deployment)["metadata"]["labels"]
    assert policy["spec"]["podSelector"]["matchLabels"].items() <= labels.items()
    [scrape] = [port for rule in policy["spec"]["ingress"] for port in rule["ports"]]
    assert scrape["port"] == sidecar_of(pod_of(deployment))["ports"][0]["containerPort"]
    ways = {(port["protocol"], port["port"]) for rule in policy["spec"]["egress"] for port in rule["ports"]}
    assert {("TCP", 443), ("UDP", 53), ("TCP", 53)} <= ways
    blocks = [block["ipBlock"]["cidr"] for rule in policy["spec"]["egress"] for block in rule.get("to", [])]
    assert blocks == ["169.254.170.23/32"] * component.endswith("pod-identity")


@pytest.mark.parametrize("name", NAMES)
def test_names_that_refer_are_there(name):
    """Service account, claims, and one namespace."""
    spec, resources = pod(name), ALL[name]
    have = {(resource["kind"], resource["metadata"]["name"]) for resource in resources}
    assert ("ServiceAccount", spec["serviceAccountName"]) in have
    for volume in spec["volumes"]:
        if "persistentVolumeClaim" in volume:
            assert volume["persistentVolumeClaim"]["claimName"] in claims(name)
    if workload(name)["kind"] == "StatefulSet":
        assert ("Service", workload(name)["spec"]["serviceName"]) in have
    assert len({resource["metadata"].get("namespace") for resource in resources}) == 1


@pytest.mark.parametrize("name", NAMES)
def test_there_is_time_to_end(name):
    """Native: the app's 30 s, then ours. Plain: both at once, and half of our deadline is for the app."""
    spec, given = pod(name), environment(sidecar_of(pod(name)))
    deadline = seconds(given.get("SPLASHDAM_SHUTDOWN_DEADLINE", DEFAULT_DEADLINE))
    grace = spec["terminationGracePeriodSeconds"]
    if name.removeprefix("kubernetes/") in PLAIN:
        assert grace >= deadline + 5
        assert deadline >= 2 * 30
        assert given["SPLASHDAM_SHUTDOWN_QUIET"] == "off"
    else:
        assert grace >= 30 + deadline + 5
        assert "SPLASHDAM_SHUTDOWN_QUIET" not in given


@pytest.mark.parametrize("name", NAMES)
def test_native_or_plain(name):
    spec = pod(name)
    sidecar = sidecar_of(spec)
    if name.removeprefix("kubernetes/") in PLAIN:
        assert not spec["initContainers"]
        assert "restartPolicy" not in sidecar
    else:
        assert spec["initContainers"] == [sidecar]
        assert sidecar["restartPolicy"] == "Always"
    given = environment(sidecar)
    ends = {"SPLASHDAM_EXIT_AFTER_LAST_CLIENT", "SPLASHDAM_EXIT_IF_NO_CLIENT"} & set(given)
    assert len(ends) == (2 if name == "kubernetes/overlays/plain-job" else 0), (
        "only a plain sidecar of a Job ends by itself"
    )


@pytest.mark.parametrize("name", NAMES)
def test_a_spool_has_room_on_its_volume(name):
    spec = pod(name)
    sidecar = sidecar_of(spec)
    given = environment(sidecar)
    if "SPLASHDAM_SPOOL_DIR" not in given:
        assert not any("SPOOL" in setting for setting in given)
        return
    paths = {mount["mountPath"]: mount["name"] for mount in sidecar["volumeMounts"]}
    at = next(path for path in paths if f"{given['SPLASHDAM_SPOOL_DIR']}/".startswith(f"{path}/"))
    volume = next((volume for volume in spec["volumes"] if volume["name"] == paths[at]), {})
    most = size(given["SPLASHDAM_SPOOL_MAX"])
    beside = 112 * 2**20
    if "emptyDir" in volume:
        assert "medium" not in volume["emptyDir"]
        limit = quantity(volume["emptyDir"]["sizeLimit"])
        assert quantity(sidecar["resources"]["requests"]["ephemeral-storage"]) == limit
        assert given["SPLASHDAM_SPOOL_LIFETIME"] == "pod"
        assert most + beside <= limit
    else:
        claim = claims(name)[paths[at]]
        # A file system has its own share: 5 % reserved and 5 % of structures on ext4 of 1 GiB, as mkfs.ext4 makes it.
        assert most + beside <= quantity(claim["spec"]["resources"]["requests"]["storage"]) * 9 / 10
        assert given["SPLASHDAM_SPOOL_LIFETIME"] == "persistent"
        assert claim["spec"]["accessModes"] == ["ReadWriteOncePod"]
        if workload(name)["kind"] != "StatefulSet":
            assert workload(name)["spec"]["strategy"] == {"type": "Recreate"}
            assert workload(name)["spec"]["replicas"] == 1


def test_all_sidecars_are_the_same_but_for_what_an_overlay_says():
    usual = sidecar_of(pod("kubernetes/deployment"))
    for name in ["job", "cronjob", "overlays/irsa", "overlays/pod-identity"]:
        assert sidecar_of(pod(f"kubernetes/{name}")) == usual, name
    own = sidecar_of(pod("openshift/template"))
    assert {key: own[key] for key in own if key not in ("env", "image")} == {
        key: usual[key] for key in usual if key not in ("env", "image")
    }
    assert sidecar_of(pod("openshift")) == usual
    differing = {name for name, value in environment(usual).items() if environment(own).get(name) != value}
    assert differing == {"SPLASHDAM_GROUP", "AWS_REGION"}


def test_a_spool_changes_nothing_else():
    usual = sidecar_of(pod("kubernetes/deployment"))
    for name in ["statefulset", "overlays/spool-emptydir", "overlays/spool-pvc"]:
        own = sidecar_of(pod(f"kubernetes/{name}"))
        same = [key for key in usual if key not in ("env", "volumeMounts", "resources")]
        assert {key: own.get(key) for key in same} == {key: usual[key] for key in same}
        assert environment(usual).items() <= environment(own).items()
    one, other = (environment(sidecar_of(pod(f"kubernetes/{name}"))) for name in ("statefulset", "overlays/spool-pvc"))
    assert one == other


def test_every_folder_with_pods_is_looked_at():
    folders = {str(path.parent.relative_to(KUBERNETES)) for path in KUBERNETES.rglob("kustomization.yaml")}
    assert {folder for folder in folders if not folder.startswith("components/")} - {"base", "replay"} == set(
        NATIVE + PLAIN
    )
