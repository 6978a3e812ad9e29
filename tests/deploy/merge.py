"""The two ways in which a kustomization patches a resource: strategic merge, and JSON patch (RFC 6902).

Of strategic merge only what deploy/ uses: maps are merged, null removes, lists of these keys are merged by it, others
are replaced. The patch's items come first, in its order, as kustomize puts them. Directives are refused.
"""

import copy

# Of Kubernetes' own kinds; lists of other kinds are always replaced.
MERGE_KEYS = {
    "containers": "name",
    "initContainers": "name",
    "volumes": "name",
    "env": "name",
    "volumeMounts": "mountPath",
    "ports": "containerPort",
}
OPERATIONS = {"add", "remove", "replace", "move", "copy", "test"}


def strategic(base, patch, key=None):
    """`patch` merged into a copy of `base`; `key` is the field that both are the value of."""
    if isinstance(patch, dict) and any(name.startswith("$") for name in patch):
        raise ValueError(f"directives are not supported: {patch}")
    if isinstance(patch, dict):
        base = base if isinstance(base, dict) else {}
        merged = {name: value for name, value in base.items() if patch.get(name, "") is not None}
        for name, value in patch.items():
            if value is not None:
                merged[name] = strategic(base.get(name), value, name)
        return merged
    if isinstance(base, list) and isinstance(patch, list) and key in MERGE_KEYS:
        return merge_lists(base, patch, MERGE_KEYS[key])
    return copy.deepcopy(patch)


def merge_lists(base, patch, by):
    known = {item[by]: item for item in base}
    named = {item[by] for item in patch}
    first = [strategic(known.get(item[by]), item) for item in patch]
    return first + [item for item in base if item[by] not in named]


def json_patch(document, operations):
    """A copy of `document` to which the operations have been applied in their order."""
    document = copy.deepcopy(document)
    for operation in operations:
        apply(document, operation)
    return document


def apply(document, operation):
    op = operation["op"]
    if op not in OPERATIONS:
        raise ValueError(f"no operation of JSON patch: {operation}")
    if op in ("add", "replace", "test"):
        value = copy.deepcopy(operation["value"])
    elif op in ("move", "copy"):
        value = copy.deepcopy(look(document, operation["from"]))
    if op in ("remove", "move"):
        take(document, operation["from" if op == "move" else "path"])
    if op == "test" and look(document, operation["path"]) != value:
        raise ValueError(f"the test failed: {operation}")
    if op == "replace":
        take(document, operation["path"])
    if op in ("add", "replace", "move", "copy"):
        put(document, operation["path"], value)


def steps(path):
    if not path.startswith("/"):
        raise ValueError(f"no JSON pointer to a part of a document: {path!r}")
    return [step.replace("~1", "/").replace("~0", "~") for step in path[1:].split("/")]


def parent(document, path):
    """The container that the last step of `path` leads into, and that step."""
    *way, last = steps(path)
    for step in way:
        document = document[int(step)] if isinstance(document, list) else document[step]
    return document, last


def look(document, path):
    container, last = parent(document, path)
    return container[int(last)] if isinstance(container, list) else container[last]


def take(document, path):
    container, last = parent(document, path)
    del container[int(last) if isinstance(container, list) else last]


def put(document, path, value):
    container, last = parent(document, path)
    if isinstance(container, list):
        container.insert(len(container) if last == "-" else int(last), value)
    else:
        container[last] = value
