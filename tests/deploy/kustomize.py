"""A subset of kustomize: what deploy/ uses of it, and nothing else. A field that it does not know is an error.

`kubectl kustomize` is the judge: where it is installed, test_kustomize.py and test_components.py compare its output
with ours. What is not supported: remote resources, name prefixes and suffixes, hashes of generated names, labels in
selectors, `$patch`, selectors of labels other than `key=value`.
"""

import json
import re
from pathlib import Path

import yaml

from merge import json_patch, strategic

KINDS = {
    "Kustomization": "kustomize.config.k8s.io/v1beta1",
    "Component": "kustomize.config.k8s.io/v1alpha1",
}
FIELDS = {
    "apiVersion", "kind", "resources", "components", "namespace", "images", "replicas", "labels", "patches",
    "configMapGenerator",
}  # fmt: skip
# Of the kinds that deploy/ has; kustomize itself knows all of them.
WITHOUT_NAMESPACE = {"Namespace"}


def load(path):
    """The documents of one file."""
    return [document for document in yaml.safe_load_all(Path(path).read_text(encoding="utf-8")) if document]


def render(folder, below=()):
    """What `kubectl kustomize FOLDER` prints, as dicts; `below` are resources that a component is applied to."""
    folder = Path(folder)
    [wanted] = load(folder / "kustomization.yaml")
    refuse_unknown(wanted, FIELDS, folder)
    if KINDS.get(wanted["kind"]) != wanted["apiVersion"]:
        raise ValueError(f"{folder}: {wanted['kind']} is not of {wanted['apiVersion']}")
    resources = list(below)
    for name in wanted.get("resources", []):
        at = inside(folder, name)
        resources += render(at) if at.is_dir() else load(at)
    resources += [config_map(folder, item) for item in wanted.get("configMapGenerator", [])]
    for name in wanted.get("components", []):
        resources = render(folder / name, resources)
    for item in wanted.get("patches", []):
        resources = patch(folder, item, resources)
    for resource in resources:
        finish(resource, wanted, folder)
    names = [(resource["kind"], resource["metadata"]["name"]) for resource in resources]
    if len(set(names)) != len(names):
        raise ValueError(f"{folder}: a resource is there twice: {names}")
    return resources


def refuse_unknown(item, known, where):
    unknown = set(item) - set(known)
    if unknown:
        raise ValueError(f"{where}: not supported: {sorted(unknown)}")


def inside(folder, name):
    """The path of `name`. As in kustomize, a file has to lie below the kustomization; a folder need not."""
    at = (folder / name).resolve()
    if not at.exists():
        raise FileNotFoundError(at)
    if at.is_file() and folder.resolve() not in at.parents:
        raise ValueError(f"{folder}: {name} lies outside")
    return at


def patch(folder, item, resources):
    refuse_unknown(item, {"path", "target"}, folder)
    [change] = yaml.safe_load_all(inside(folder, item["path"]).read_text(encoding="utf-8"))
    target = item.get("target") or {"kind": change["kind"], "name": change["metadata"]["name"]}
    refuse_unknown(target, {"kind", "name", "labelSelector"}, folder)
    hits = [is_meant(resource, target) for resource in resources]
    # By label there may be none, as in kustomize: a component has patches for kinds that are not there.
    if not any(hits) and "labelSelector" not in target:
        raise ValueError(f"{folder}: {item} finds nothing")
    return [apply(resource, change) if hit else resource for resource, hit in zip(resources, hits, strict=True)]


def is_meant(resource, target):
    """Kinds are alternatives with `|` between them, which is what kustomize's patterns have in common with ours."""
    metadata = resource["metadata"]
    if resource["kind"] not in target["kind"].split("|") or target.get("name") not in (None, metadata["name"]):
        return False
    return selected(target.get("labelSelector"), metadata.get("labels", {}))


def selected(selector, labels):
    if selector is None:
        return True
    found = re.fullmatch(r"([\w./-]+)=([\w.-]+)", selector)
    if not found:
        raise ValueError(f"not supported: labelSelector {selector!r}")
    return labels.get(found[1]) == found[2]


def apply(resource, change):
    """A patch that has a target keeps the resource's kind and name, whatever the patch's own are."""
    if isinstance(change, list):
        return json_patch(resource, change)
    patched = strategic(resource, change)
    kept = {key: resource[key] for key in ("apiVersion", "kind")}
    return patched | kept | {"metadata": patched["metadata"] | {"name": resource["metadata"]["name"]}}


def config_map(folder, item):
    refuse_unknown(item, {"name", "files", "options"}, folder)
    options = item["options"]
    refuse_unknown(options, {"disableNameSuffixHash", "labels"}, folder)
    if options.get("disableNameSuffixHash") is not True:
        raise ValueError(f"{folder}: names with a hash are not supported")
    data = {Path(name).name: inside(folder, name).read_text(encoding="utf-8") for name in item["files"]}
    metadata = {"name": item["name"]} | ({"labels": options["labels"]} if "labels" in options else {})
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


def finish(resource, wanted, folder):
    """The transformers, after all patches."""
    metadata = resource["metadata"]
    if "namespace" in wanted and resource["kind"] not in WITHOUT_NAMESPACE:
        metadata["namespace"] = wanted["namespace"]
    for item in wanted.get("labels", []):
        refuse_unknown(item, {"pairs", "includeTemplates"}, folder)
        labelled = [metadata] + (templates(resource) if item.get("includeTemplates") else [])
        for place in labelled:
            place["labels"] = place.get("labels", {}) | item["pairs"]
    for item in wanted.get("replicas", []):
        refuse_unknown(item, {"name", "count"}, folder)
        if metadata["name"] == item["name"] and resource["kind"] in ("Deployment", "StatefulSet"):
            resource["spec"]["replicas"] = item["count"]
    for item in wanted.get("images", []):
        refuse_unknown(item, {"name", "newName", "newTag"}, folder)
        for container in containers(resource):
            container["image"] = renamed(container["image"], item)


def templates(resource):
    """The metadata of what a workload makes: its pods, and a CronJob's Jobs."""
    made = [resource["spec"][key] for key in ("template", "jobTemplate") if key in resource.get("spec", {})]
    return [item.setdefault("metadata", {}) for item in made] + [found for item in made for found in templates(item)]


def renamed(image, item):
    name, _, tag = image.partition(":")
    if name != item["name"]:
        return image
    return f"{item.get('newName', name)}:{item.get('newTag', tag)}"


def containers(node):
    """All containers in a resource, wherever its pod template is."""
    if isinstance(node, list):
        return [found for item in node for found in containers(item)]
    if not isinstance(node, dict):
        return []
    own = [item for key in ("containers", "initContainers") for item in node.get(key) or [] if "image" in item]
    return own + [found for value in node.values() for found in containers(value)]


if __name__ == "__main__":
    import sys

    print(json.dumps(render(sys.argv[1]), indent=2))
