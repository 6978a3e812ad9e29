"""podman as the tests use it: storage of its own, real pods, and what the kernel says of their containers."""

import json
import os
import shutil
import signal
import subprocess
from pathlib import Path

import yaml

from programs import PATIENCE, wait_for

PATIENT = 3 * PATIENCE
# Where the kernel keeps a cgroup's memory controller, in the first version of the hierarchy and in the second.
CGROUPS = Path("/sys/fs/cgroup")
SETTINGS = """
[containers]
default_ulimits = ["nofile=20000:20000", "nproc=4096:4096"]
log_driver = "k8s-file"
[engine]
events_logger = "file"
"""


class PodmanError(Exception):
    """A command that failed, with what it said."""


class Podman:
    """One podman with its own images and containers below `folder`; `close` leaves nothing behind."""

    def __init__(self, folder):
        self.folder = folder
        settings = folder / "containers.conf"
        settings.write_text(SETTINGS)
        self.environment = os.environ | {"CONTAINERS_CONF": str(settings)}
        self.flags = ["--root", str(folder / "root"), "--runroot", str(folder / "run")]
        self.flags += ["--runtime", "runc", "--cgroup-manager", "cgroupfs"]

    def __call__(self, *command, patience=PATIENT, both=False):
        """Runs one command, and gives what it printed: its standard output, or `both`."""
        done = subprocess.run(
            ["podman", *self.flags, *map(str, command)],
            env=self.environment,
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=patience,
        )
        if done.returncode:
            raise PodmanError(f"podman {' '.join(map(str, command))}: {done.stderr.strip() or done.returncode}")
        return done.stdout + done.stderr if both else done.stdout

    def inspect(self, name):
        return json.loads(self("inspect", name))[0]

    def build(self, tag, context):
        self("build", "--quiet", "--tag", tag, context)

    def play(self, pod):
        """Makes the containers of a pod, and starts none of them."""
        return Pod(self, pod)

    def close(self):
        for command in (["pod", "rm", "--all", "--force", "--time", "0"], ["volume", "rm", "--all", "--force"]):
            subprocess.run(["podman", *self.flags, *command], env=self.environment, capture_output=True, check=False)
        # What overlays still hold mounted cannot be removed.
        for mount in reversed(Path("/proc/self/mounts").read_text().splitlines()):
            target = mount.split()[1]
            if target.startswith(f"{self.folder}/"):
                subprocess.run(["umount", "--lazy", target], capture_output=True, check=False)
        shutil.rmtree(self.folder, ignore_errors=True)


class Pod:
    """A pod whose containers the test starts and stops, as a kubelet would."""

    def __init__(self, podman, pod):
        self.podman = podman
        self.name = pod["metadata"]["name"]
        # A kubelet makes an emptyDir writable for all; podman makes a volume its owner's.
        for volume in pod["spec"].get("volumes", []):
            if "emptyDir" in volume or "persistentVolumeClaim" in volume:
                podman("volume", "create", volume["name"])
                os.chmod(podman("volume", "inspect", "--format", "{{.Mountpoint}}", volume["name"]).strip(), 0o777)
        self.file = podman.folder / f"{self.name}.yaml"
        self.file.write_text(yaml.safe_dump(pod))
        podman("kube", "play", "--build=false", "--start=false", self.file)
        # What holds the pod's namespaces; it is nobody's container.
        podman("start", self.infra())
        self.containers = {c["name"]: Container(podman, f"{self.name}-{c['name']}") for c in pod["spec"]["containers"]}

    def infra(self):
        return json.loads(self.podman("pod", "inspect", self.name))["InfraContainerID"]

    def __getitem__(self, container):
        return self.containers[container]

    def volume(self, name):
        """Where the machine has a volume of the pod."""
        return Path(self.podman("volume", "inspect", "--format", "{{.Mountpoint}}", name).strip())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.podman("pod", "rm", "--force", "--time", "0", self.name)
        for line in self.podman("volume", "ls", "--quiet").split():
            self.podman("volume", "rm", "--force", line)


class Container:
    """One container of a pod."""

    def __init__(self, podman, name):
        self.podman = podman
        self.name = name

    def state(self):
        return self.podman.inspect(self.name)["State"]

    def pid(self):
        return self.state()["Pid"]

    def running(self):
        return self.state()["Running"]

    def start(self):
        self.podman("start", self.name)

    def stop(self, grace):
        """SIGTERM; SIGKILL when the grace is over. Gives the exit code."""
        self.podman("stop", "--time", int(grace), self.name, patience=PATIENT + grace)
        return self.exit_code()

    def terminate(self):
        """SIGTERM, and does not wait."""
        os.kill(self.pid(), signal.SIGTERM)

    def kill(self):
        """SIGKILL from outside, as the kernel's out-of-memory killer or a node's operator would."""
        os.kill(self.pid(), signal.SIGKILL)
        self.exit_code()

    def exit_code(self):
        """Waits for the end."""
        wait_for(f"{self.name} ended", lambda: not self.running(), PATIENT)
        return self.state()["ExitCode"]

    def log(self):
        """What it has written so far, its standard output and its standard error."""
        return self.podman("logs", self.name, both=True)

    def exec(self, *command):
        """Runs a program of its image in it, as an exec probe does; gives whether it succeeded."""
        try:
            self.podman("exec", self.name, *command)
        except PodmanError:
            return False
        return True

    def memory(self):
        """The kernel's account of its memory: the highest use in bytes, and how often it had to kill for want of it."""
        lines = Path(f"/proc/{self.pid()}/cgroup").read_text().splitlines()
        for line in lines:
            _, controllers, path = line.split(":", 2)
            if "memory" in controllers.split(","):
                folder = CGROUPS / "memory" / path.lstrip("/")
                control = dict(pair.split() for pair in (folder / "memory.oom_control").read_text().splitlines())
                return int((folder / "memory.max_usage_in_bytes").read_text()), int(control.get("oom_kill", 0))
        folder = CGROUPS / lines[0].split(":", 2)[2].lstrip("/")
        events = dict(pair.split() for pair in (folder / "memory.events").read_text().splitlines())
        return int((folder / "memory.peak").read_text()), int(events["oom_kill"])
