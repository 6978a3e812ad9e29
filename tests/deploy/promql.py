"""Which metrics and labels an expression in PromQL names. Enough to compare them with what a sidecar exposes.

It is no parser; whether an expression is PromQL at all, promtool says.
"""

import re

STRING = re.compile(r'"(?:[^"\\]|\\.)*"')
DURATION = re.compile(r"\[[^\]]*\]|\boffset\s+\w+")
SELECTOR = re.compile(r"([a-zA-Z_:][a-zA-Z0-9_:]*)?\s*\{([^}]*)\}")
MATCHER = re.compile(r"([a-zA-Z_][a-zA-Z0-9_]*)\s*(?:=~|!~|!=|=)")
LISTED = re.compile(r"\b(by|without|on|ignoring|group_left|group_right)\s*\(([^)]*)\)")
NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*(?!\s*\()(?![a-zA-Z0-9_:])")
KEYWORDS = {"and", "or", "unless", "bool", "offset", "by", "without", "on", "ignoring", "group_left", "group_right"}


def names(expression):
    """Of an expression: {metric: labels of its matchers}, and the labels that it groups or joins by."""
    text = DURATION.sub("", STRING.sub('""', expression))
    listed = {label.strip() for _, labels in LISTED.findall(text) for label in labels.split(",") if label.strip()}
    text = LISTED.sub(" ", text)
    metrics = {}
    for metric, matchers in SELECTOR.findall(text):
        if not metric:
            raise ValueError(f"a selector without a metric's name: {expression}")
        metrics.setdefault(metric, set()).update(MATCHER.findall(matchers))
    for name in NAME.findall(SELECTOR.sub(" ", text)):
        if name not in KEYWORDS:
            metrics.setdefault(name, set())
    return metrics, listed
