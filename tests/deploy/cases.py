"""Everything in deploy/ that has a pod, resolved: what the tests go through."""

from kustomize import load, render
from manifests import DEPLOY, sidecar_of, template_of
from template import process

KUBERNETES = DEPLOY / "kubernetes"
NATIVE = ["deployment", "statefulset", "job", "cronjob", "overlays/spool-emptydir", "overlays/spool-pvc"]
NATIVE += ["overlays/irsa", "overlays/pod-identity", "overlays/production"]
PLAIN = ["overlays/plain-deployment", "overlays/plain-job"]
WORKLOADS = {"Deployment", "StatefulSet", "Job", "CronJob"}


def openshift_template():
    [template] = load(DEPLOY / "openshift/template.yaml")
    images = {"IMAGE": "registry.example.com/orders:1", "SPLASHDAM_IMAGE": "registry.example.com/splashdam:0.1.0"}
    return process(template, NAME="orders", LOG_GROUP="/shop/orders", REGION="eu-west-1", **images)


def resolved():
    """By name: all resources of each way to deploy."""
    found = {f"kubernetes/{name}": render(KUBERNETES / name) for name in NATIVE + PLAIN}
    return found | {"openshift": render(DEPLOY / "openshift"), "openshift/template": openshift_template()}


ALL = resolved()


def workload(name):
    """The one workload among the resources of this name."""
    [found] = [resource for resource in ALL[name] if resource["kind"] in WORKLOADS]
    return found


def pod(name):
    return template_of(workload(name))["spec"]


def claims(name):
    """Claims of volumes by name: those beside the workload, and those that a StatefulSet makes."""
    templates = workload(name)["spec"].get("volumeClaimTemplates", [])
    beside = [resource for resource in ALL[name] if resource["kind"] == "PersistentVolumeClaim"]
    return {claim["metadata"]["name"]: claim for claim in templates + beside}


def environment(container):
    """The container's variables that have a value: {name: text or source}."""
    return {item["name"]: item.get("value", item.get("valueFrom")) for item in container.get("env", [])}


def settings(name):
    return environment(sidecar_of(pod(name)))
