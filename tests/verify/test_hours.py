"""Random networks, families and options for as long as is asked for: LUT2HW_HOURS, by default a minute.

A round follows from its seed alone. One that fails is named with the line that repeats it, and the next one follows;
LUT2HW_SEED repeats a round.
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from helpers import needs

from lut2hw import targets

DEFAULT_HOURS = 1 / 60
AGAIN = "LUT2HW_SEED={} pytest tests/verify/test_hours.py -m slow"


def one_round(seed: int, work: Path) -> None:
    """Networks of one family through the golden model, simulators and, of half of the rounds, the proof."""
    import test_answers
    import test_verify

    rng = random.Random(seed)
    family = rng.choice(sorted(targets.TARGETS))
    if rng.random() < 0.5:
        test_verify.differential(family, range(seed, seed + 8), work)
    else:
        heads = rng.sample(test_answers.HEADS, len(test_answers.HEADS))
        test_answers.differential(family, range(seed, seed + 6), work, heads)


def failures(
    hours: float, one: Callable[[int, Path], None], work: Path, seed: int | None = None
) -> tuple[int, list[str]]:
    """Rounds that were made, and what failed, each with the line that repeats it."""
    end, rounds, out = time.monotonic() + 3600 * hours, 0, list[str]()
    while not rounds or (seed is None and time.monotonic() < end):
        now = random.SystemRandom().getrandbits(31) if seed is None else seed
        folder = work / f"round{rounds}"
        folder.mkdir()
        rounds += 1
        try:
            one(now, folder)
        except Exception as error:
            words = str(error).split("\n")[0]
            out.append(f"{AGAIN.format(now)}   # {type(error).__name__}: {words}")
            print(out[-1], flush=True)
    return rounds, out


@pytest.mark.slow
@needs.tool("yosys", "iverilog")
def test_random_networks(tmp_path):
    seed = os.environ.get("LUT2HW_SEED")
    hours = float(os.environ.get("LUT2HW_HOURS", DEFAULT_HOURS))
    rounds, failed = failures(hours, one_round, tmp_path, None if seed is None else int(seed))
    print(f"{rounds} rounds")
    assert not failed, "\n".join([f"{len(failed)} of {rounds} rounds failed; again:", *failed])


def test_a_failure_names_its_seed(tmp_path):
    seen: list[int] = []

    def one(seed: int, work: Path) -> None:
        seen.append(seed)
        assert seed % 2 == 0, "odd"

    rounds, failed = failures(1e-5, one, tmp_path)
    assert rounds == len(seen) and len(failed) == sum(seed % 2 for seed in seen)
    assert all(f"LUT2HW_SEED={seed} " in line for seed, line in zip([s for s in seen if s % 2], failed, strict=True))
    (tmp_path / "again").mkdir()
    rounds, failed = failures(9, one, tmp_path / "again", seed=7)
    assert rounds == 1 and failed[0].startswith("LUT2HW_SEED=7 pytest") and failed[0].endswith("AssertionError: odd")
