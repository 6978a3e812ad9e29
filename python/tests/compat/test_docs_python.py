"""docs/python.md: every snippet is run or stands in a file that is; its tables name what there is, and all of it."""

import dataclasses
import inspect
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import splashdam
from harness import start_sidecar, wait_for
from programs import CREDENTIALS, PATIENCE, REGION, Sidecar, die_with_parent
from splashdam import _client

ROOT = Path(__file__).parents[3]
SOURCE = str(Path(splashdam.__file__).parents[1])
DOCS = (ROOT / "docs" / "python.md").read_text()
COMPARE = Path(__file__).parent / "apps" / "compare.py"
#: The comment before a block, its language, and the block.
BLOCK = re.compile(r"(?:<!-- ([^>]*) -->\n)?```(python|diff)\n(.*?)```", re.DOTALL)
BLOCKS = BLOCK.findall(DOCS)
#: How such a comment begins where the block stands in a file that a test runs.
COPIED = "copied from "
RUN = [text for how, language, text in BLOCKS if how == "run" and language == "python"]


def environment(emulator, sidecar):
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "SPLASHDAM_", "PYTHON"))}
    kept.update(CREDENTIALS, AWS_DEFAULT_REGION=REGION, AWS_ENDPOINT_URL=emulator.url)
    kept.update(SPLASHDAM_SOCKET=str(sidecar.socket), PYTHONPATH=SOURCE)
    return kept


def run(command, environment):
    return subprocess.run(
        [sys.executable, *command],
        env=environment,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        preexec_fn=die_with_parent,
        check=False,
    )


def table(name):
    """The names in the first column of the table under a comment."""
    rows = re.search(rf"<!-- {name} -->\n\|.*?\n\|[-|]+\n((?:\|.*\n)+)", DOCS)[1].splitlines()
    return [found for row in rows for found in re.findall(r"`([^`]+)`", row.split("|")[1])]


def test_every_snippet_is_accounted_for():
    """A block without a comment before it is neither run nor compared with anything."""
    assert len(RUN) >= 3
    for how, _, text in BLOCKS:
        assert how.startswith(("run", COPIED)), text


@pytest.mark.parametrize(
    "path, language, text", [(how[len(COPIED) :], *rest) for how, *rest in BLOCKS if COPIED in how]
)
def test_a_snippet_that_stands_in_a_tested_file(path, language, text):
    """To the letter; of a diff its new version."""
    if language == "diff":
        text = "".join(line[1:] + "\n" for line in text.splitlines() if line[:1] in (" ", "+"))
    assert text in (ROOT / path).read_text()


@pytest.mark.parametrize("snippet", RUN, ids=range(len(RUN)))
def test_a_snippet_runs_and_its_record_arrives(folder, emulator, cloud, snippet):
    with start_sidecar(folder, emulator.url) as sidecar:
        done = run(["-W", "error", "-c", snippet], environment(emulator, sidecar))
        assert (done.returncode, done.stderr) == (0, "")
        wait_for("the record arrived", lambda: emulator.report()["events"]["accepted"] == 1)
        (message,) = cloud.messages()
        said = re.search(r'(?:info|warning)\("([^"%]+)', snippet)[1]
        assert said in message
        commented = re.search(r"# (\{.*\})$", snippet, re.MULTILINE)
        assert commented is None or commented[1] == message


@pytest.mark.parametrize("version", ["-", "+"])
def test_the_settings_diff(folder, emulator, cloud, version):
    """Both versions log, the old one with the real Watchtower. What arrives is the same, in the same place."""
    ((_, _, diff),) = [block for block in BLOCKS if block[0].startswith("run: the version")]
    settings = "".join(line[1:] + "\n" for line in diff.splitlines() if line[:1] in (" ", version))
    module = {"-": "watchtower", "+": "splashdam"}[version]
    assert settings.count(f"{module}.CloudWatchLogHandler") == settings.count("CloudWatchLogHandler") == 1
    code = (
        settings + "import logging.config\nlogging.config.dictConfig(LOGGING)\nlogging.getLogger('shop').info('sold')\n"
    )
    with Sidecar(folder, emulator.url, "--group", "/my/app", "--retention-days", "14") as sidecar:
        done = run(["-c", code], environment(emulator, sidecar))
        assert done.returncode == 0 and "INFO" in done.stderr, done.stderr
        stream = f"{os.uname().nodename}/shop"
        wait_for(
            "the record arrived", lambda: cloud.streams("/my/app") == [stream] and cloud.messages(stream, "/my/app")
        )
    (message,) = cloud.messages(stream, "/my/app")
    assert re.fullmatch(r"\S+ \S+ INFO \d+ shop sold", message)
    (group,) = cloud.logs.describe_log_groups(logGroupNamePrefix="/my/app")["logGroups"]
    assert group["retentionInDays"] == 14


def test_the_canary(folder, emulator, cloud):
    """Both handlers side by side, then the script: well at first, then with a record that only Watchtower delivered."""
    ((_, _, settings),) = [block for block in BLOCKS if block[0] == "run: canary"]
    logs = "".join(f"logging.getLogger('shop{n % 3}').info('n={n}')\n" for n in range(50))
    with Sidecar(folder, emulator.url, "--group", "/my/app-canary") as sidecar:
        variables = environment(emulator, sidecar)
        done = run(["-c", settings + logs], variables)
        assert done.returncode == 0, done.stderr
        wait_for("all arrived", lambda: emulator.report()["events"]["accepted"] == 100)
        compared = run([COMPARE, "/my/app", "/my/app-canary", "60", "0"], variables)
        assert compared.returncode == 0, compared.stdout + compared.stderr
        name = f"{os.uname().nodename}/shop"
        rows = [line.split() for line in compared.stdout.splitlines()[1:]]
        assert [row[-1] for row in rows] == [name + str(n) for n in range(3)]
        assert [row[:4] for row in rows] == [["17", "17", "0", "0"]] * 2 + [["16", "16", "0", "0"]]

        lost = {"logEvents": [{"timestamp": int(cloud_now(cloud, name + "1")), "message": "only the old one has it"}]}
        cloud.logs.put_log_events(logGroupName="/my/app", logStreamName=name + "1", **lost)
        compared = run([COMPARE, "/my/app", "/my/app-canary", "60", "0"], variables)
        assert compared.returncode == 1, compared.stdout + compared.stderr
        rows = [line.split() for line in compared.stdout.splitlines()]
        assert ["18", "17", "1", "0", name + "1"] in rows
        assert "only the old one has it" in compared.stdout


def cloud_now(cloud, stream):
    """A time within the span that is compared."""
    return cloud.events(stream, "/my/app")[-1]["timestamp"]


def test_every_keyword_has_its_row():
    """The tables name each keyword of the two handlers, once, and no other."""
    drop_in = inspect.signature(splashdam.CloudWatchLogHandler.__init__).parameters
    expected = {name for name in drop_in if name not in ("self", "args", "kwargs")} | {"level"}
    assert sorted(table("keywords")) == sorted(expected)
    own = set(inspect.signature(splashdam.Handler.__init__).parameters) - {"self", "group", "stream", "level"}
    assert sorted(table("own keywords")) == sorted(own)
    defaults = inspect.signature(splashdam.Handler.__init__).parameters
    assert (defaults["window"].default, defaults["max_wait"].default) == (4 * 1024 * 1024, 0.25)
    assert (defaults["wait_for"].default, defaults["exit_timeout"].default) == ("admitted", 2)


def test_the_bound_on_connections_is_told():
    assert f"{_client.MOST_LINKS} at most" in DOCS and f"idle for {_client.IDLE_AFTER:.0f} seconds" in DOCS


@pytest.mark.parametrize("kind", [splashdam.FlushReport, splashdam.Stats])
def test_every_field_has_its_row(kind):
    properties = {name for name, value in vars(kind).items() if isinstance(value, property)}
    expected = {field.name for field in dataclasses.fields(kind)} | properties
    named = {name for name in table(kind.__name__) if re.fullmatch(r"[a-z_]+", name)}
    assert named - {"queue_full", "sidecar_lost", "unconfirmed"} == expected


def test_every_line_on_standard_error_has_its_row():
    """What the handler may say is in the table, and what is in the table the handler may say."""
    sources = "\n".join(path.read_text() for path in Path(splashdam.__file__).parent.glob("*.py"))
    for line in table("lines"):
        assert line in sources, line
    said = re.findall(r'(?:_problem = f?|return )"((?:the sidecar|there is|nobody|no )[^"{]*)', sources)
    assert len(said) >= 8
    for line in said:
        assert any(line.startswith(known) or known in line for known in table("lines")), line


def test_settings_of_the_sidecar_exist():
    """Every `--option` that is named is one of `run`'s; the recipes in between name those of other programs."""
    options = set(re.findall(r"`(--[a-z-]+)", (ROOT / "README.md").read_text()))
    ours = DOCS.partition("## Django")[0] + DOCS.partition("## When something is wrong")[2]
    named = set(re.findall(r"(?<![\w-])(--[a-z][a-z-]+)", ours))
    assert named and named <= options, named - options
