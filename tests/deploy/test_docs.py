"""docs/operations.md has each alert, each state and each reason, and names nothing in deploy/ that is not there."""

import re
from pathlib import Path

import pytest

from manifests import DEPLOY
from test_monitoring import ALERTS

ROOT = DEPLOY.parent
OPERATIONS = (ROOT / "docs/operations.md").read_text(encoding="utf-8")
CLOWDER = (ROOT / "docs/clowder.md").read_text(encoding="utf-8")
SOURCE = ROOT / "sidecar/src"


def section(title):
    return re.search(rf"^## {title}\n(.*?)(?=^## |\Z)", OPERATIONS, re.MULTILINE | re.DOTALL)[1]


def table(text, head):
    """First cells, without their backticks, of the table whose first heading this is."""
    body = re.search(rf"^\| {re.escape(head)} \|.*\n\|[-| ]+\|\n((?:\|.*\n)+)", text, re.MULTILINE)[1]
    return [row.split("|")[1].strip().strip("`") for row in body.splitlines()]


def strings_of(file, begin):
    """String literals of the block that begins with this text, up to the end of its function."""
    text = (SOURCE / file).read_text(encoding="utf-8")
    block = text[text.index(begin) :]
    return re.findall(r'"([^"]+)"', block[: block.index("\n    }\n")])


def test_alerts_are_those_of_the_rules():
    assert table(section("Alerts"), "alert") == list(ALERTS)


def test_states_of_the_sidecar_are_those_of_the_code():
    states = set(strings_of("admin/view.rs", "let state = match"))
    assert len(states) >= 3
    assert set(table(section("Runbook"), "sidecar's state")) == states


def test_states_of_lanes_are_those_of_the_code():
    states = set(strings_of("engine/lane.rs", "pub fn state(&self)"))
    assert len(states) >= 5
    assert set(table(section("Runbook"), "lane's state")) == states


def test_every_reason_of_a_loss_has_its_word():
    account = (SOURCE / "engine/account.rs").read_text(encoding="utf-8")
    reasons = re.findall(r"^ *(?:reasons!\()?(?:Rejected|Dropped): .*$", account, re.MULTILINE)
    words = [word for line in reasons for word in re.findall(r'"(\w+)"', line)]
    assert len(words) == 9
    for word in words:
        assert f"`{word}`" in section("Watch"), word
        assert f"`{word}`" in section("Alerts") + section("Runbook"), word


@pytest.mark.parametrize("folder", table(section("Kubernetes"), "folder"))
def test_forms_are_there(folder):
    names = re.findall(r"[\w./-]+", folder.replace("`", ""))
    for name in names:
        assert (DEPLOY / "kubernetes" / name).resolve().is_dir(), name


def test_files_that_are_named_are_there():
    for text in (OPERATIONS, CLOWDER):
        for name in re.findall(r"`(deploy/[\w./-]+)`", text):
            assert (ROOT / name).exists(), name


def test_alerts_point_to_their_section():
    for rule in ALERTS.values():
        url = rule["annotations"]["runbook_url"]
        file, anchor = url.split("/main/")[1].split("#")
        assert f"## {anchor.capitalize()}\n" in Path(ROOT / file).read_text(encoding="utf-8")


def test_clowders_excerpt_is_that_of_the_template():
    """What docs/clowder.md shows of the sidecar is what the template has, but for names."""
    shown = re.search(r"```yaml\n(.*?)```", CLOWDER, re.DOTALL)[1]
    template = (DEPLOY / "clowder/clowdapp.yaml").read_text(encoding="utf-8")
    for key in ("ACG_CONFIG", "SPLASHDAM_SHUTDOWN_DEADLINE", "SPLASHDAM_SOCKET", "POD_NAME"):
        pattern = rf"name: {key}\b[^\n]*\n\s*(value[^\n]*)"
        one, other = re.search(pattern, shown)[1], re.search(pattern, template)[1]
        assert one.split("{")[0].strip() == other.split("{")[0].strip(), key
    for path in ("/run/splashdam", "/cdapp/"):
        assert f"mountPath: {path}\n" in shown
        assert f"mountPath: {path}\n" in template
