"""FPGA families by name. A new one is a file of this package and its line in `lut2hw.choices.Family`."""

from __future__ import annotations

import importlib

from lut2hw.choices import Family
from lut2hw.errors import unknown_name
from lut2hw.targets.base import Device, Instance, Target

__all__ = ["TARGETS", "Device", "Instance", "Target", "get"]

TARGETS: dict[str, Target] = {
    family.value: getattr(importlib.import_module(f"lut2hw.targets.{family.value}"), family.name) for family in Family
}
"""By name, in the order of help texts; each is the constant of its module that has its name."""


def get(name: str) -> Target:
    """The target of that name.

    Raises
    ------
    UsageError
        That suggests the nearest known one.
    """
    try:
        return TARGETS[name]
    except KeyError:
        raise unknown_name("target", name, TARGETS) from None
