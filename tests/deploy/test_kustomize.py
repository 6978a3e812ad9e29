"""Our subset of kustomize says what kubectl says, and refuses what it does not know."""

import json
import re
import shutil
import subprocess

import pytest
import yaml

from kustomize import render
from manifests import DEPLOY
from merge import json_patch, strategic

FOLDERS = sorted(path.parent.relative_to(DEPLOY) for path in DEPLOY.rglob("kustomization.yaml"))
BUILDABLE = [folder for folder in FOLDERS if "components" not in folder.parts]


def kubectl_has_kustomize():
    """Since kubectl 1.27 it is kustomize 5, which is what deploy/ is written for."""
    if not shutil.which("kubectl"):
        return False
    said = subprocess.run(["kubectl", "version", "--client", "-o", "json"], capture_output=True, text=True, timeout=60)
    version = json.loads(said.stdout or "{}").get("kustomizeVersion", "")
    return bool(re.match(r"v([5-9]|\d\d)\.", version))


def by_name(resources):
    return {(resource["kind"], resource["metadata"]["name"]): resource for resource in resources}


def write(folder, **files):
    for name, text in files.items():
        (folder / f"{name}.yaml").write_text(text, encoding="utf-8")


def kustomization(fields, kind="Kustomization", version="v1beta1"):
    return f"apiVersion: kustomize.config.k8s.io/{version}\nkind: {kind}\n{fields}"


@pytest.mark.parametrize("folder", BUILDABLE, ids=str)
def test_every_kustomization_resolves(folder):
    assert render(DEPLOY / folder)


@pytest.mark.parametrize("folder", BUILDABLE, ids=str)
@pytest.mark.skipif(not kubectl_has_kustomize(), reason="no kubectl with kustomize 5 here to compare with")
def test_kubectl_says_the_same(folder):
    done = subprocess.run(["kubectl", "kustomize", DEPLOY / folder], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert by_name(render(DEPLOY / folder)) == by_name(yaml.safe_load_all(done.stdout))


@pytest.mark.parametrize(
    "fields",
    [
        "namePrefix: x-",
        "resources: [https://example.com/x.yaml]",
        "resources: [missing.yaml]",
        "resources: [thing.yaml, thing.yaml]",
        "resources: [thing.yaml]\npatches: [{path: thing.yaml, options: {}}]",
        "resources: [thing.yaml]\npatches: [{path: other.yaml}]",
        "resources: [thing.yaml]\nlabels: [{pairs: {a: b}, includeSelectors: true}]",
        "resources: [thing.yaml]\npatches: [{path: thing.yaml, target: {kind: ConfigMap, labelSelector: a in (b)}}]",
        "resources: [thing.yaml]\npatches: [{path: thing.yaml, target: {kind: ConfigMap, annotationSelector: a=b}}]",
        "resources: [thing.yaml]\nimages: [{name: a, digest: sha256:0}]",
        "configMapGenerator: [{name: a, files: [thing.yaml], options: {}}]",
    ],
)
def test_what_is_not_known_is_refused(tmp_path, fields):
    thing = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: NAME}\n"
    write(tmp_path, kustomization=kustomization(fields), thing=thing, other=thing.replace("NAME", "other"))
    with pytest.raises((ValueError, OSError)):
        render(tmp_path)


def test_a_file_outside_is_refused_as_in_kustomize(tmp_path):
    inner = tmp_path / "inner"
    inner.mkdir()
    write(tmp_path, thing="apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n")
    write(inner, kustomization=kustomization("resources: [../thing.yaml]"))
    with pytest.raises(ValueError, match="outside"):
        render(inner)


def test_strategic_merge():
    base = {"a": 1, "gone": 2, "env": [{"name": "x", "value": "1"}, {"name": "y", "value": "2"}], "args": ["one"]}
    patch = {"gone": None, "env": [{"name": "y", "value": "3"}, {"name": "z", "value": "4"}], "args": ["two"]}
    env = [{"name": "y", "value": "3"}, {"name": "z", "value": "4"}, {"name": "x", "value": "1"}]
    assert strategic(base, patch) == {"a": 1, "env": env, "args": ["two"]}
    with pytest.raises(ValueError, match="directives"):
        strategic(base, {"env": [{"name": "x", "$patch": "delete"}]})


def test_json_patch():
    document = {"a": [1, 2], "b/c": {"d": 3}}
    operations = [
        {"op": "move", "from": "/a/0", "path": "/a/1"},
        {"op": "add", "path": "/a/-", "value": 4},
        {"op": "replace", "path": "/b~1c/d", "value": 5},
        {"op": "copy", "from": "/b~1c", "path": "/e"},
        {"op": "test", "path": "/e/d", "value": 5},
        {"op": "remove", "path": "/b~1c"},
    ]
    assert json_patch(document, operations) == {"a": [2, 1, 4], "e": {"d": 5}}
    for wrong in (
        {"op": "test", "path": "/a/0", "value": 9},
        {"op": "swap", "path": "/a"},
        {"op": "remove", "path": "a"},
    ):
        with pytest.raises(ValueError):
            json_patch(document, [wrong])
    assert document == {"a": [1, 2], "b/c": {"d": 3}}
