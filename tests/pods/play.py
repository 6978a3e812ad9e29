"""Pods from our own manifests, and what a kubelet does with them.

Changed against the manifests is only what stands here: the images' names and the app's program; the network, which is
the machine's, so every address is one of the loopback; the endpoint and the credentials; and each container is given
what OpenShift's restricted-v2 gives it: a user from a range, and the group 0.
"""

import itertools
import json
import os
import random
import re
import socket
import urllib.error
import urllib.request
from contextlib import ExitStack

from harness import CREDENTIALS, PATIENCE, wait_for
from manifests import DEPLOY, for_podman, load, render, sidecar_of

__all__ = ["GROUP", "Stage"]

# As the manifests have it.
GROUP = "/my/app"
KUBERNETES = DEPLOY / "kubernetes"
APPS = {
    "rust": ["/app/service"],
    "python": ["/usr/bin/python3", "/app/app.py"],
    # As fast as it can, and waits until all is durable.
    "feed": ["/app/feed", "--size", "1000", "--await", "durable", "--count"],
}
names = map("pod{}".format, itertools.count(1))


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


class Stage:
    """Where pods are played; ends them all."""

    def __init__(self, podman, images, endpoint):
        self.podman = podman
        self.images = images
        self.endpoint = endpoint
        self.stack = ExitStack()

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        return self.stack.__exit__(*exc)

    def pod(self, form, app="rust", count=None, settings=(), app_user=None):
        """The workload of one of deploy/kubernetes's folders as a pod whose containers are not started yet.

        The app runs as the sidecar's user, as on OpenShift, unless there is one of its own.
        """
        [workload] = [found for found in render(KUBERNETES / form) if found["kind"] in ("Deployment", "Job")]
        settings = {"SPLASHDAM_ENDPOINT_URL": self.endpoint, **CREDENTIALS, **dict(settings)}
        return self.play(workload, app, count, settings, app_user)

    def clowder_pod(self, config, app="rust", count=None):
        """The ClowdApp of deploy/clowder as the operator makes it a pod, with this as Clowder's file."""
        folder = self.podman.folder / f"clowder-{next(names)}"
        folder.mkdir()
        # Below a folder that is root's alone: the kubelet opens it to the pod by a mount.
        (folder / "cdappconfig.json").write_text(json.dumps(config))
        return self.play(of_clowdapp(folder), app, count, {"SPLASHDAM_ENDPOINT_URL": self.endpoint})

    def play(self, workload, app, count, settings, app_user=None):
        name = next(names)
        pod = for_podman(workload, name)
        ports = {"SPLASHDAM_HEALTH": free_port(), "SPLASHDAM_ADMIN": free_port()}
        spec = pod["spec"]
        spec["hostNetwork"] = True
        # What restarts a container is the test.
        spec["restartPolicy"] = "Never"
        user = random.randrange(1_000_000_000, 1_001_000_000)
        facts = {"metadata.name": name, "metadata.namespace": "tests"}
        for container in spec["containers"]:
            container["env"] = [resolved(variable, facts) for variable in container["env"]]
            container["securityContext"] |= {"runAsUser": user, "runAsGroup": 0}
            container["imagePullPolicy"] = "Never"
            container.pop("ports", None)
        sidecar = self._sidecar(spec, settings | {key: f"127.0.0.1:{port}" for key, port in ports.items()})
        self._app(spec, app, count, app_user)
        rename_volumes(spec, name)
        played = self.stack.enter_context(self.podman.play(pod))
        return Played(played, sidecar, ports, user)

    def _sidecar(self, spec, settings):
        container = sidecar_of(spec)
        container["image"] = self.images["sidecar"]
        kept = [variable for variable in container["env"] if variable["name"] not in settings]
        container["env"] = kept + [{"name": name, "value": value} for name, value in settings.items()]
        return container["name"]

    def _app(self, spec, app, count, user):
        [container] = [container for container in spec["containers"] if container["name"] == "app"]
        container["image"] = self.images["app"]
        container["command"] = APPS[app] + ([] if count is None else [str(count)])
        container["env"].append({"name": "PYTHONDONTWRITEBYTECODE", "value": "1"})
        if user is not None:
            container["securityContext"] |= {"runAsUser": user, "runAsGroup": user}
        container["volumeMounts"].append({"name": "system", "mountPath": "/usr", "readOnly": True})
        spec["volumes"].append({"name": "system", "hostPath": {"path": "/usr", "type": "Directory"}})


def resolved(variable, facts):
    """A variable from the downward API with its value: podman knows the pod's name only."""
    if "valueFrom" not in variable:
        return variable
    return {"name": variable["name"], "value": facts[variable["valueFrom"]["fieldRef"]["fieldPath"]]}


def of_clowdapp(config):
    """What Clowder makes of the ClowdApp: the slot becomes a native sidecar without arguments."""
    [template] = load(DEPLOY / "clowder/clowdapp.yaml")
    [app] = template["objects"]
    [deployment] = app["spec"]["deployments"]
    pod = deployment["podSpec"]
    [slot] = pod["sidecars"]
    security = {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}}
    sidecar = {"name": slot["name"], "restartPolicy": "Always", "env": slot["envVars"], "resources": {}}
    sidecar |= {"volumeMounts": slot["volumeMounts"], "securityContext": dict(security)}
    container = {"name": "app", "env": pod["env"], "volumeMounts": pod["volumeMounts"], "resources": {}}
    container |= {"securityContext": dict(security)}
    secret = {"name": "config-secret", "hostPath": {"path": str(config), "type": "Directory"}}
    spec = {"initContainers": [sidecar], "containers": [container], "volumes": [*pod["volumes"], secret]}
    return {"kind": "Deployment", "spec": {"template": {"metadata": {}, "spec": spec}}}


def rename_volumes(spec, pod):
    for volume in spec["volumes"]:
        volume["name"] = f"{pod}-{volume['name']}"
        if "persistentVolumeClaim" in volume:
            volume["persistentVolumeClaim"]["claimName"] = volume["name"]
    for container in spec["containers"]:
        for mount in container["volumeMounts"]:
            mount["name"] = f"{pod}-{mount['name']}"


class Played:
    """A pod at work: its app, its sidecar, and what the sidecar says of itself."""

    def __init__(self, pod, sidecar, ports, user):
        self.pod = pod
        self.user = user
        self.sidecar = pod[sidecar]
        self.app = pod["app"]
        self.health = f"http://127.0.0.1:{ports['SPLASHDAM_HEALTH']}"
        self.admin = f"http://127.0.0.1:{ports['SPLASHDAM_ADMIN']}"

    def start(self):
        """As a kubelet starts a native sidecar: the app follows when the startup probe succeeds."""
        self.start_sidecar()
        self.app.start()

    def start_sidecar(self):
        self.sidecar.start()
        wait_for("the sidecar is ready", self.ready)

    def ready(self):
        assert self.sidecar.running(), f"the sidecar ended:\n{self.sidecar.log()}"
        return self.probe("/readyz") == 200

    def probe(self, path):
        """What a probe's GET is answered, or None."""
        try:
            with urllib.request.urlopen(self.health + path, timeout=PATIENCE) as answer:
                return answer.status
        except urllib.error.HTTPError as error:
            return error.code
        except OSError:
            return None

    def spool(self):
        """Where the machine has the spool's volume."""
        return self.pod.volume(f"{self.pod.name}-splashdam-spool")

    def hand_over(self, folder):
        """Gives files that the test made to the user that the containers run as."""
        for path in [folder, *folder.rglob("*")]:
            os.chown(path, self.user, 0)

    def metrics(self):
        """What Prometheus gets, from where it asks."""
        with urllib.request.urlopen(self.health + "/metrics", timeout=PATIENCE) as answer:
            return answer.read().decode()

    def status(self):
        with urllib.request.urlopen(self.admin + "/status", timeout=PATIENCE) as answer:
            return json.load(answer)

    def stop_in_order(self, grace=60):
        """As a kubelet ends a pod with a native sidecar: the app first. Gives both exit codes."""
        return self.app.stop(grace), self.sidecar.stop(grace)

    def written(self):
        """How many records the app says it logged, and that it had to give none up."""
        log = self.app.log()
        last = re.findall(r'^\{"logged": ?(\d+), ?"lost": ?(\d+)\}$', log, re.MULTILINE)
        assert last, f"the app did not say how many:\n{log}"
        assert last[-1][1] == "0", log
        return int(last[-1][0])
