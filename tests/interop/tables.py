"""The README's tables, made from what the binary says: `tables.py BINARY` writes them between their markers."""

import re
import subprocess
import sys
import tempfile
from pathlib import Path
from urllib.request import urlopen

from programs import Sidecar

README = Path(__file__).parent.parent.parent / "README.md"

OPTION = re.compile(r"^ {6}--([a-z-]+)(?:\[=<(.+?)>\]| <(.+?)>)\s+(.*)", re.DOTALL)


def sections(text):
    """The help's sections with their options, as [(title, [(usage, meaning, default)])]."""
    found = []
    for block in text.split("\n\n"):
        title, _, body = block.partition("\n")
        # A description may stand on lines of its own below its flag.
        entries = re.split(r"\n(?= {6}--)", body)
        options = [option(entry) for entry in entries if OPTION.match(entry)]
        if options and title.endswith(":"):
            found.append((title.rstrip(":"), options))
    return found


def option(entry):
    flag, optional, value, rest = OPTION.match(entry).groups()
    usage = f"--{flag}[={optional}]" if optional else f"--{flag} {value}"
    words = " ".join(rest.split())
    default = re.search(r" \[default: ([^]]*)\]", words)
    meaning = re.sub(r" \[(default|alias): [^]]*\]", "", words)
    return usage, meaning, default[1] if default else ""


def cell(text):
    return text.replace("|", "\\|")


def options(binary):
    """The options of `run`, from its help."""
    text = subprocess.run([binary, "run", "--help"], check=True, capture_output=True, text=True).stdout
    lines = ["| flag | meaning | default |", "|---|---|---|"]
    for title, found in sections(text):
        if title == "Options":
            continue
        lines.append(f"| **{title}** | | |")
        for usage, meaning, default in found:
            default = f"`{default}`" if default else ""
            lines.append(f"| `{cell(usage)}` | {cell(meaning)} | {cell(default)} |".replace("|  |", "| |"))
    return "\n".join(lines)


def metrics(binary):
    """The metrics, from a scrape of a sidecar that has nothing to do."""
    flags = ["--group", "g", "--admin", "127.0.0.1:0"]
    with (
        tempfile.TemporaryDirectory(prefix="splashdam-") as folder,
        Sidecar(Path(folder), "http://127.0.0.1:9", *flags, binary=binary) as sidecar,
    ):
        address = sidecar.line(r"admin interface address=(\S+)")[1]
        text = urlopen(f"http://{address}/metrics", timeout=30).read().decode()
    lines = ["| metric | labels | meaning |", "|---|---|---|"]
    for family, kind, body in re.findall(r"# HELP (\S+) .*\n# TYPE \S+ (\w+)\n((?:[^#].*\n)*)", text):
        meaning = re.search(rf"# HELP {family} (.*)\.\n", text)[1]
        name = family + {"counter": "_total", "info": "_info"}.get(kind, "")
        labels = sorted(set(re.findall(r"(\w+)=\"", body)) - {"le"})
        what = cell(meaning) + (" (histogram)" if kind == "histogram" else "")
        lines.append(f"| `{name}` | {', '.join(labels)} | {what} |".replace("|  |", "| |"))
    return "\n".join(lines)


def fill(readme, binary):
    """The README with its tables renewed."""
    for name, make in (("options", options), ("metrics", metrics)):
        begin, end = f"<!-- {name} -->\n", f"<!-- /{name} -->"
        before, rest = readme.split(begin)
        readme = before + begin + make(binary) + "\n" + end + rest.split(end, 1)[1]
    return readme


if __name__ == "__main__":
    README.write_text(fill(README.read_text(encoding="utf-8"), sys.argv[1]), encoding="utf-8")
