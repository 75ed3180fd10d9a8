"""The passes of the compiler, in order: the one list that `compile_network`, `on_pass` and the benchmarks go by."""

from __future__ import annotations

from lut2hw.passes import duplicates, finish, merge, pipeline, ram, rival, settle, tables
from lut2hw.passes.base import Pass

PASSES: tuple[Pass, ...] = (
    duplicates.PASS,
    ram.PACK,
    tables.PASS,
    merge.PASS,
    settle.PASS,
    finish.PASS,
    rival.PASS,
    ram.GATHER,
    pipeline.PASS,
)
"""Those on the tables alone come before those on the whole core."""
