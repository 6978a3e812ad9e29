"""What a run was made with. Something that is not installed is absent."""

import contextlib
import platform
import re
import subprocess
from importlib import metadata

#: What the report calls it, and what it is installed as.
PACKAGES = {
    "django": "Django",
    "gunicorn": "gunicorn",
    "celery": "celery",
    "redis-py": "redis",
    "boto3": "boto3",
    "watchtower": "watchtower",
}


def versions() -> dict[str, str]:
    found = {"python": platform.python_version()}
    for name, package in PACKAGES.items():
        with contextlib.suppress(metadata.PackageNotFoundError):
            found[name] = metadata.version(package)
    with contextlib.suppress(OSError, subprocess.SubprocessError):
        told = subprocess.run(["redis-server", "--version"], capture_output=True, text=True, timeout=10, check=True)
        version = re.search(r"\bv=(\S+)", told.stdout)
        if version:
            found["redis"] = version[1]
    return found
