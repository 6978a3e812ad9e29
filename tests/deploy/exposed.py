"""What a sidecar exposes: a scrape of the real one, as {series name: its labels with their values}."""

import re
from urllib.request import urlopen

from programs import Sidecar

SERIES = re.compile(r"^(\w+)(?:\{(.*)\})? \S+$", re.MULTILINE)
LABEL = re.compile(r'(\w+)="([^"]*)"')


def scrape(folder):
    flags = ["--group", "/my/app", "--admin", "127.0.0.1:0"]
    with Sidecar(folder, "http://127.0.0.1:9", *flags) as sidecar:
        address = sidecar.line(r"admin interface address=(\S+)")[1]
        text = urlopen(f"http://{address}/metrics", timeout=60).read().decode()
    found = {}
    for name, labels in SERIES.findall(text):
        values = found.setdefault(name, {})
        for label, value in LABEL.findall(labels):
            values.setdefault(label, set()).add(value)
    return found
