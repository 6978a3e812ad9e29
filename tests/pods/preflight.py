"""Whether this machine can run pods at all: asked once, by running one."""

import os
import shutil
import subprocess

from podman import PodmanError

PROGRAMS = ("podman", "runc", "conmon", "catatonit")


def missing():
    """Why no container can be run here, as far as that shows without running one; else None."""
    lacking = [name for name in PROGRAMS if shutil.which(name) is None and not helper(name)]
    if lacking:
        return f"{', '.join(lacking)}: not installed (apt-get install --no-install-recommends podman runc catatonit)"
    if os.geteuid() != 0:
        return "only root can make pods whose memory is limited here"
    return None


def helper(name):
    """Whether it stands where podman looks for its helpers."""
    return any(os.access(f"{folder}/{name}", os.X_OK) for folder in ("/usr/libexec/podman", "/usr/lib/podman"))


def trial(podman):
    """Runs a pod of one container with all that our pods ask for. Gives why that fails, or None."""
    context = podman.folder / "trial"
    context.mkdir()
    source = context / "main.c"
    source.write_text("int main(void) { return 7; }\n")
    try:
        subprocess.run(["cc", "-static", "-o", context / "main", source], check=True, capture_output=True)
        (context / "Containerfile").write_text('FROM scratch\nCOPY main /main\nENTRYPOINT ["/main"]\n')
        podman.build("localhost/trial:1", context)
        with podman.play(trial_pod()) as pod:
            pod["trial"].start()
            code = pod["trial"].exit_code()
    except (OSError, subprocess.SubprocessError, PodmanError) as error:
        return f"a pod cannot be run here: {error}"
    return None if code == 7 else f"a pod's container ended with {code} instead of 7"


def trial_pod():
    security = {"runAsUser": 1000650000, "runAsGroup": 0, "readOnlyRootFilesystem": True}
    security |= {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
    container = {"name": "trial", "image": "localhost/trial:1", "imagePullPolicy": "Never", "securityContext": security}
    container |= {"resources": {"limits": {"memory": "64Mi"}}}
    container |= {"volumeMounts": [{"name": "trial-socket", "mountPath": "/run/splashdam"}]}
    spec = {"hostNetwork": True, "restartPolicy": "Never", "containers": [container]}
    spec["volumes"] = [{"name": "trial-socket", "emptyDir": {}}]
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "trial"}, "spec": spec}
