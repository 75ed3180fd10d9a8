"""Examples cut into shards give the bytes of one piece: sums of integers do not know where they were cut."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from helpers import fast

from lut2hw.choices import Task
from lut2hw.data import Dataset, load
from lut2hw.errors import UsageError
from lut2hw.learn.descent import moves
from lut2hw.learn.descent.schedule import Progress
from lut2hw.learn.descent.train import train_descent
from lut2hw.learn.memorize import learn
from lut2hw.model import encoder as encode
from lut2hw.model.features import Features
from lut2hw.model.network import to_bytes
from lut2hw.shards import Here, cut

CASES = {
    "numbers": {"luts": 20, "votes": 8, "levels": 3, "sweeps": 2},
    "classes": {"luts": 40, "votes": 16, "levels": 3, "sweeps": 2, "restarts": 1, "validation": 0.2, "tau": 1.0},
    "weights": {"luts": 24, "votes": 12, "levels": 2, "sweeps": 1},
    "labels": {"luts": 18, "votes": 6, "levels": 2, "sweeps": 2},
    "alone": {"luts": 20, "votes": 10, "levels": 2, "sweeps": 2, "share": False, "tau": 1.0},
    "altered": {"luts": 20, "sweeps": 2, "augment": "shift1", "inputs": 30, "tau": 1.0},
    "few tried": {"luts": 20, "sweeps": 2, "proposals": 20, "margin": 1.0, "tau": 1.0},
}


def examples(kind: str) -> Dataset:
    """Small data whose labels are of that kind."""
    if kind not in ("numbers", "labels"):
        digits = load("digits")
        some = np.arange(900)
        weight = some % 200 + 1 if kind == "weights" else None
        return replace(digits, x_train=digits.x_train[some], y_train=digits.y_train[some], weight_train=weight)
    rng = np.random.default_rng(3)
    x = rng.integers(0, 60, (700, 5))
    if kind == "labels":
        y, task = np.stack([x[:, 0] > x[:, 1], x[:, 2] > 30], axis=1).astype(np.uint8), Task.MULTILABEL
    else:
        y, task = np.stack([np.sin(x[:, 0] / 9) + x[:, 1] / 50, 1e6 + rng.normal(size=700)], axis=1), Task.REGRESSION
    features = Features.integers([0] * 5, [59] * 5)
    weight = np.arange(600) % 7 + 1 if kind == "numbers" else None
    names = tuple(f"y{t}" for t in range(y.shape[1]))
    return Dataset(
        kind, features, (), x[:600], y[:600], x[600:], y[600:], task=task, target_names=names, weight_train=weight
    )


@pytest.mark.parametrize("kind", fast.first(["numbers", "classes"], CASES))
def test_shards_give_the_same_bytes(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    dataset = examples(kind)
    coder = encode.thermometer(dataset.features, dataset.x_train, 3)
    monkeypatch.setattr(moves, "_SAMPLE", 300)  # the first sweep looks at some examples alone

    def trained(count: int) -> bytes:
        return to_bytes(train_descent(dataset, coder, seed=2, place=Here(count), **CASES[kind]))

    one = to_bytes(train_descent(dataset, coder, seed=2, **CASES[kind]))
    assert all(trained(count) == one for count in (1, 2, 3, 5))


class Cut(Exception):
    """A training is cut off."""


@pytest.mark.parametrize("kind", fast.first(["classes", "numbers"], CASES))
def test_a_training_goes_on_where_it_was_cut_off(kind: str, tmp_path: Path) -> None:
    """After any sweep, at another place, and to the same bytes."""
    dataset = examples(kind)
    coder = encode.thermometer(dataset.features, dataset.x_train, 3)
    whole: list[Progress] = []
    one = to_bytes(train_descent(dataset, coder, seed=2, progress=whole.append, **CASES[kind]))
    state = tmp_path / "state"
    for sweep in range(1, len(whole)):
        left = sweep

        def cut_off(now: Progress) -> None:
            nonlocal left
            left -= 1
            if left < 0:
                raise Cut

        with pytest.raises(Cut):
            train_descent(dataset, coder, seed=2, progress=cut_off, state=(state, False), **CASES[kind])
        rest: list[Progress] = []
        resumed = train_descent(
            dataset, coder, seed=2, progress=rest.append, place=Here(2), state=(state, True), **CASES[kind]
        )
        assert to_bytes(resumed) == one and len(rest) == len(whole) - sweep and not state.exists()


def test_a_state_of_something_else_is_refused(tmp_path: Path) -> None:
    dataset = examples("classes")
    coder = encode.thermometer(dataset.features, dataset.x_train, 3)
    state = tmp_path / "state"
    with pytest.raises(UsageError, match=r"no state to go on from at .* \(No such file or directory\)"):
        train_descent(dataset, coder, luts=10, sweeps=2, tau=1.0, state=(state, True))

    def stop(now: Progress) -> bool:
        return now.sweep == 2

    train_descent(dataset, coder, luts=10, sweeps=2, tau=1.0, state=(state, False), progress=stop)
    with pytest.raises(UsageError, match="is the state of another training"):
        train_descent(dataset, coder, luts=11, sweeps=2, tau=1.0, state=(state, True))
    state.write_bytes(state.read_bytes()[:-100])
    with pytest.raises(UsageError, match=r"no state to go on from .* \(it is not whole\)"):
        train_descent(dataset, coder, luts=10, sweeps=2, tau=1.0, state=(state, True))


def test_sums_beyond_32_bits_give_the_same_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    dataset = examples("classes")
    coder = encode.thermometer(dataset.features, dataset.x_train, 3)
    options = {"luts": 20, "votes": 10, "levels": 2, "sweeps": 2, "tau": 1.0}
    one = to_bytes(train_descent(dataset, coder, **options))
    monkeypatch.setattr(moves, "MANY", 1 << 8)
    assert to_bytes(train_descent(dataset, coder, **options)) == one
    assert to_bytes(train_descent(dataset, coder, place=Here(2), **options)) == one


@pytest.mark.parametrize(
    ("classes", "k"), fast.first([(None, 6)], [(None, 6), ("0,1,2,3,4:5,6,7,8,9", 9), (None, 2)])
)
def test_counts_of_shards_give_the_same_bytes(classes: str | None, k: int) -> None:
    dataset = load("digits", classes=classes)
    coder = encode.thermometer(dataset.features, dataset.x_train, 2)
    options = {"layers": (40, 30), "k": k, "seed": 3}
    one = to_bytes(learn(dataset, coder, **options))
    assert all(to_bytes(learn(dataset, coder, place=Here(count), **options)) == one for count in (1, 2, 3, 5))


def test_no_run_of_words_is_empty() -> None:
    for n_words, count in ((1, 5), (4, 3), (100, 7)):
        runs = cut(n_words, count)
        assert len(runs) == min(n_words, count) and all(first < last for first, last in runs)
        assert runs[0][0] == 0 and runs[-1][1] == n_words
