"""OpenShift's Templates, as `oc process` resolves them: `${NAME}` in a string, `${{NAME}}` for a value of any type."""

import re

import yaml

REFERENCE = re.compile(r"\$\{(\{)?([A-Z0-9_]+)\}?\}")


def process(template, **given):
    """The template's objects. Every parameter has to be declared and used, and to have a value."""
    declared = {item["name"]: item for item in template["parameters"]}
    unknown = set(given) - set(declared)
    values = {name: given.get(name, item.get("value")) for name, item in declared.items()}
    without = {name for name, value in values.items() if value is None}
    unused = set(declared) - used(template["objects"])
    undeclared = used(template["objects"]) - set(declared)
    if unknown or without or unused or undeclared:
        raise ValueError(f"parameters: {unknown=} {without=} {unused=} {undeclared=}")
    return fill(template["objects"], values)


def used(node):
    if isinstance(node, dict):
        return set().union(*map(used, node.values()), set())
    if isinstance(node, list):
        return set().union(*map(used, node), set())
    return {name for _, name in REFERENCE.findall(node)} if isinstance(node, str) else set()


def fill(node, values):
    if isinstance(node, dict):
        return {key: fill(value, values) for key, value in node.items()}
    if isinstance(node, list):
        return [fill(value, values) for value in node]
    if not isinstance(node, str):
        return node
    whole = re.fullmatch(r"\$\{\{([A-Z0-9_]+)\}\}", node)
    if whole:
        return yaml.safe_load(values[whole[1]])
    return REFERENCE.sub(lambda found: values[found[2]], node)
