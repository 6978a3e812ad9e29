"""What is in the image, and that it works where nothing else is: no libraries, no shell, no names but DNS's."""

import re
import subprocess
from pathlib import Path

import pytest
from names import NameServer

from harness import CREDENTIALS, wait_for

ROOT = Path(__file__).resolve().parents[2]
MIB = 1 << 20
EM_AARCH64 = 183
GROUP = "/image"
# As a cluster hardens a container.
HARDENED = ["--read-only", "--user", "1000660000:0", "--cap-drop", "all", "--security-opt", "no-new-privileges"]


@pytest.fixture
def image(images):
    return images["sidecar"]


def run(podman, *command):
    """Runs a container to its end; gives its exit code and what it said."""
    done = subprocess.run(
        ["podman", *podman.flags, "run", "--rm", "--network", "none", *HARDENED, *command],
        env=podman.environment,
        capture_output=True,
        text=True,
        timeout=60,
    )
    return done.returncode, done.stdout + done.stderr


def test_it_is_small_and_holds_the_binary_and_the_roots_alone(podman, image):
    assert podman.inspect(image)["Size"] <= 15 * MIB
    container = podman("create", image).strip()
    archive = podman.folder / "image.tar"
    podman("export", "--output", archive, container)
    podman("rm", container)
    files = subprocess.run(["tar", "--list", "--file", archive], check=True, capture_output=True, text=True).stdout
    made = {"etc/hosts", "etc/hostname", "etc/resolv.conf", "etc/mtab", "run/.containerenv"}
    files = {name for name in files.split() if not name.endswith("/")} - made
    assert files == {"splashdam", "etc/ssl/certs/ca-certificates.crt"}


def test_it_says_what_it_is_and_runs_as_nobody(podman, image):
    config = podman.inspect(image)["Config"]
    assert config["User"] == "65532:65532" and config["Entrypoint"] == ["/splashdam", "run"]
    labels = {name.removeprefix("org.opencontainers.image."): value for name, value in config["Labels"].items()}
    assert labels["title"] == "splashdam" and labels["licenses"] == "Apache-2.0"
    assert re.fullmatch(r"\d+\.\d+\.\d+", labels["version"]) and re.fullmatch(r"[0-9a-f]{40}", labels["revision"])


def test_without_arguments_it_says_what_it_needs(podman, image):
    code, said = run(podman, image)
    assert code == 2 and "SPLASHDAM_GROUP" in said and "ACG_CONFIG" in said, said


def test_neither_the_emulator_nor_a_shell_is_in_it(podman, image):
    for command in ("emulator", "demo"):
        code, said = run(podman, "--entrypoint", "/splashdam", image, command)
        assert code == 2 and "unrecognized subcommand" in said, said
    assert run(podman, "--entrypoint", "/bin/sh", image)[0] == 127


def test_the_other_architecture_is_built_or_what_is_missing_is_named(tmp_path):
    """Built where Rust's standard library for it is installed; else the first thing to install is said."""
    libraries = ["rustc", "--print", "target-libdir", "--target", "aarch64-unknown-linux-gnu"]
    found = subprocess.run(libraries, check=True, capture_output=True, text=True).stdout.strip()
    command = [ROOT / "deploy/build-image", "--arch", "arm64", "--context", tmp_path]
    built = subprocess.run(command, check=False, capture_output=True, text=True)
    if Path(found).is_dir():
        header = (tmp_path / "splashdam").read_bytes()[:20]
        assert built.returncode == 0 and header[18] == EM_AARCH64, built.stderr
    else:
        assert built.returncode == 1 and "rustup target add aarch64-unknown-linux-gnu" in built.stderr, built.stderr


def test_names_are_resolved_as_in_a_pod(podman, image, emulator, cloud):
    """A static binary brings the resolver that it was linked with; a pod's search list and ndots are the hard case."""
    port = emulator.url.rsplit(":", 1)[1]
    variables = {**CREDENTIALS, "AWS_REGION": "eu-central-1", "SPLASHDAM_GROUP": GROUP, "SPLASHDAM_ADMIN": "off"}
    variables["SPLASHDAM_ENDPOINT_URL"] = f"http://logs.example.test:{port}"
    flags = [flag for name, value in variables.items() for flag in ("--env", f"{name}={value}")]
    with NameServer("logs.example.test") as server:
        flags += ["--dns", server.listen, "--dns-search", "shop.svc.cluster.test", "--dns-opt", "ndots:5"]
        flags += ["--network", "host", "--tmpfs", "/run/splashdam:mode=0777", "--env", "SPLASHDAM_STREAM=s"]
        container = podman("create", *HARDENED, *flags, image).strip()
        podman("start", container)
        try:
            # What it sends at its end shows that it got there.
            send(podman, container)
            wait_for("the record arrived", lambda: cloud.messages("s", GROUP) == ["a name was found"])
        finally:
            podman("rm", "--force", "--time", "0", container)
    assert {"logs.example.test.shop.svc.cluster.test", "logs.example.test"} <= set(server.asked)


def send(podman, container):
    sent = subprocess.run(
        ["podman", *podman.flags, "exec", "--interactive", container, "/splashdam", "send"],
        env=podman.environment,
        input="a name was found\n",
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert sent.returncode == 0, sent.stderr
