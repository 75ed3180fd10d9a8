"""Packed examples: encoded piece by piece, arranged and cut, in memory and in files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lut2hw import bits
from lut2hw.data import packed
from lut2hw.data.packed import PackedExamples
from lut2hw.errors import UsageError
from lut2hw.model.encoder import thermometer
from lut2hw.model.features import Features
from lut2hw.scratch import MEMORY, Scratch


def examples(n: int, seed: int, scratch: Scratch = MEMORY) -> tuple[np.ndarray, np.ndarray, PackedExamples]:
    rng = np.random.default_rng(seed)
    x, y = rng.integers(0, 9, (n, 5)), rng.integers(0, 3, n)
    encoder = thermometer(Features.integers([0] * 5, [8] * 5), rng.integers(0, 9, (50, 5)), 3)
    made = PackedExamples.encode(encoder, x, y, np.arange(n) % 7 + 1, scratch)
    return bits.unpack(encoder(x), n), y, made


@given(n=st.integers(1, 300), seed=st.integers(0, 99), count=st.integers(1, 5))
def test_blocks_order_and_runs(n: int, seed: int, count: int):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(packed, "BLOCK", 128)
        code, y, made = examples(n, seed)
    assert (bits.unpack(made.code, n) == code).all() and (made.label == y).all() and made.label.dtype == np.uint8
    order = np.random.default_rng(seed).permutation(n)
    made = made.arranged(order)
    assert (bits.unpack(made.code, n) == code[:, order]).all() and (made.label == y[order]).all()
    assert (made.weight == order % 7 + 1).all() and not (made.code & ~bits.tail_mask(n)).any()
    runs = list(made.runs(count))
    assert (np.concatenate([bits.unpack(run.code, run.n) for run in runs], axis=1) == code[:, order]).all()
    assert (np.concatenate([run.label for run in runs]) == y[order]).all()
    assert np.ptp([run.code.shape[1] for run in runs]) <= 1 and sum(run.n for run in runs) == n


def test_files_hold_the_same_and_leave_nothing(tmp_path: Path):
    scratch = Scratch(tmp_path)
    for made in (examples(200, 3, scratch), examples(200, 3)):
        order = np.arange(200)[::-1]
        assert (bits.unpack(made[2].arranged(order).code, 200) == made[0][:, order]).all()
    assert not list(tmp_path.iterdir())


def test_a_scratch_folder_that_cannot_be(tmp_path: Path):
    with pytest.raises(UsageError, match="no folder; make it first"):
        Scratch(tmp_path / "none")
    with pytest.raises(UsageError, match=r"cannot take .* GiB more .*give a folder with room"):
        Scratch(tmp_path).empty((1 << 60,), np.uint8)
    assert not list(tmp_path.iterdir())
