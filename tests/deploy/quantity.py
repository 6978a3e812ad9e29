"""Kubernetes' quantities, and splashdam's sizes and durations, as numbers."""

import re
from decimal import Decimal

SUFFIXES = {
    "": 1, "m": Decimal("0.001"), "k": 10**3, "M": 10**6, "G": 10**9,
    "Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40,
}  # fmt: skip
UNITS = {"ms": Decimal("0.001"), "s": 1, "m": 60, "h": 3600}


def quantity(text):
    """`64Mi`, `80m`, `2`."""
    number, suffix = re.fullmatch(r"(\d+(?:\.\d+)?)([A-Za-z]*)", str(text)).groups()
    return Decimal(number) * SUFFIXES[suffix]


def size(text):
    """`256MiB`, `1000000`."""
    number, suffix = re.fullmatch(r"(\d+)(?:(Ki|Mi|Gi)B)?", text).groups()
    return int(number) * SUFFIXES[suffix or ""]


def seconds(text):
    """`250ms`, `25s`."""
    number, unit = re.fullmatch(r"(\d+)(ms|s|m|h)", text).groups()
    return Decimal(number) * UNITS[unit]
