"""docs/operations.md has each alert, each state and each reason, and names nothing in deploy/ that is not there."""

import re
from pathlib import Path

import kubernetes_validate
import pytest
import yaml

from cases import environment
from kustomize import render
from manifests import DEPLOY, pod_of, sidecar_of
from quantity import seconds
from test_kustomize import kustomization
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


def test_what_the_docs_show_puts_the_sidecar_beside_an_app(tmp_path):
    """Both excerpts of *Kubernetes*, as they stand: the lines as a patch of a Deployment, then the components."""
    outer, lines = re.findall(r"```yaml\n(.*?)```", section("Kubernetes"), re.DOTALL)
    given = tmp_path / "orders.yaml"
    given.mkdir()
    app = {"name": "web", "image": "orders:1", "env": [{"name": "PORT", "value": "8080"}]}
    theirs = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "orders"}}
    theirs["spec"] = {"selector": {}, "template": {"spec": {"containers": [app]}}}
    (given / "theirs.yaml").write_text(yaml.safe_dump(theirs), encoding="utf-8")
    (given / "lines.yaml").write_text(lines, encoding="utf-8")
    inner = {"resources": ["theirs.yaml"], "patches": [{"path": "lines.yaml"}]}
    (given / "kustomization.yaml").write_text(kustomization(yaml.safe_dump(inner)), encoding="utf-8")
    (tmp_path / "kustomization.yaml").write_text(outer, encoding="utf-8")
    (tmp_path / "splashdam").symlink_to(DEPLOY / "kubernetes")
    [deployment] = render(tmp_path)
    spec = pod_of(deployment)
    kubernetes_validate.validate(deployment, "1.29", strict=True)
    sidecar, [web] = sidecar_of(spec), spec["containers"]
    assert (sidecar["image"], sidecar["restartPolicy"]) == ("splashdam:0.1.0", "Always")
    assert environment(sidecar)["SPLASHDAM_GROUP"] == "/shop/orders"
    assert environment(sidecar)["SPLASHDAM_SPOOL_DIR"] == "/var/spool/splashdam"
    assert environment(web) == {"PORT": "8080", "SPLASHDAM_SOCKET": "/run/splashdam/splashdam.sock"}
    assert [mount["name"] for mount in web["volumeMounts"]] == ["splashdam-socket"]
    deadline = seconds(environment(sidecar)["SPLASHDAM_SHUTDOWN_DEADLINE"])
    assert spec["terminationGracePeriodSeconds"] == 30 + deadline + 5
    assert f"the app's time and {deadline + 5} s" in lines


def test_components_are_all_in_their_table():
    rows = " ".join(table(section("Kubernetes"), "component"))
    named = set(re.findall(r"components/([\w-]+)", rows))
    assert named == {path.parent.name for path in (DEPLOY / "kubernetes/components").glob("*/kustomization.yaml")}


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
