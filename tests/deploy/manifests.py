"""The manifests of deploy/, for tests: read, resolved, and as pods that podman can run.

`load`, `render` and `pod_of` change nothing. `for_podman` is the one translation, and says what it leaves out.
"""

import copy
from pathlib import Path

from kustomize import load, render

__all__ = ["DEPLOY", "all_containers", "for_podman", "load", "pod_of", "render", "sidecar_of", "template_of"]

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
SIDECARS = ("splashdam", "otel-collector")


def template_of(workload):
    """The pod template (`metadata` and `spec`) of a Deployment, StatefulSet, Job, CronJob; a Pod is its own."""
    kind, spec = workload["kind"], workload.get("spec", {})
    if kind == "Pod":
        return {"metadata": workload["metadata"], "spec": spec}
    if kind == "CronJob":
        spec = spec["jobTemplate"]["spec"]
    return spec["template"]


def pod_of(workload):
    """The pod's spec."""
    return template_of(workload)["spec"]


def all_containers(pod):
    return [*pod.get("initContainers", []), *pod["containers"]]


def sidecar_of(pod):
    """Our container."""
    [found] = [container for container in all_containers(pod) if container["name"] in SIDECARS]
    return found


def is_native(container):
    """Whether an init container goes on beside the others."""
    return container.get("restartPolicy") == "Always"


def for_podman(workload, name):
    """A Pod for `podman kube play` 4.3, which knows no native sidecars and cannot probe an image without a shell.

    Native sidecars become containers, and come first: who plays the kubelet starts and stops them in the right order.
    Left out are probes, requests, and what podman has no notion of (fsGroup, seccomp of a pod, service accounts).
    Everything else stays: user, capabilities, read-only root, memory limit, volumes, variables.
    """
    template = copy.deepcopy(template_of(workload))
    pod = template["spec"]
    natives = [container for container in pod.get("initContainers", []) if is_native(container)]
    others = [container for container in pod.get("initContainers", []) if not is_native(container)]
    pod["containers"] = natives + pod["containers"]
    pod["initContainers"] = others
    for key in ("securityContext", "serviceAccountName", "automountServiceAccountToken", "enableServiceLinks"):
        pod.pop(key, None)
    for container in pod["containers"]:
        for key in ("startupProbe", "livenessProbe", "readinessProbe", "restartPolicy"):
            container.pop(key, None)
        container.get("resources", {}).pop("requests", None)
    for claim in workload["spec"].get("volumeClaimTemplates", []):
        claimed = claim["metadata"]["name"]
        pod["volumes"].append({"name": claimed, "persistentVolumeClaim": {"claimName": claimed}})
    labels = template.get("metadata", {}).get("labels", {})
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": labels}, "spec": pod}
