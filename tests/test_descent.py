"""The descent learner: effects against brute force, exhaustive scan, monotone loss, repeatable bytes."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lut2hw import bits, encode
from lut2hw.data import Dataset, load
from lut2hw.encode import Features
from lut2hw.errors import UsageError
from lut2hw.learn import descent, descent_kernels
from lut2hw.learn.descent import DescentOptions, Trainer, train_descent
from lut2hw.model import to_bytes


@pytest.fixture(scope="module")
def digits() -> Dataset:
    return load("digits")


@pytest.fixture(scope="module")
def coder(digits: Dataset) -> encode.Encoder:
    return encode.thermometer(digits.features, digits.x_train, 2)


def made_up(n_bits: int, n: int, n_classes: int, seed: int, **options) -> Trainer:
    """A trainer on random bits, its votes visited once so that scores differ."""
    rng = np.random.default_rng(seed)
    code = rng.integers(0, 2, (n_bits, n))
    label = (code[:3].sum(axis=0) + rng.integers(0, 2, n)) % n_classes
    settings = {"luts": 12, "votes": 6, "k": 3, "tau": 0.9, "seed": seed, "threads": 1, "levels": 3}
    trainer = Trainer(bits.pack(code), label, n_classes, **{**settings, **options})
    trainer.sweep()
    return trainer


def outputs(trainer: Trainer, forced: dict[int, int] | None = None) -> list[np.ndarray]:
    """Outputs of all LUTs from wiring and tables alone, some forced to a constant."""
    code = bits.unpack(trainer.columns[:trainer.n_bits], trainer.n)
    forest, done = trainer.forest, {}

    def output(lut: int) -> np.ndarray:
        if lut not in done:
            pattern = np.zeros(trainer.n, int)
            for j, source in enumerate(forest.wiring[lut]):
                pattern |= (code[source] if source < trainer.n_bits else output(source - trainer.n_bits)) << j
            done[lut] = forest.table[lut][pattern].astype(int)
            if forced and lut in forced:
                done[lut] = np.full(trainer.n, forced[lut])
        return done[lut]

    return [output(lut) for lut in range(len(forest))]


def losses(trainer: Trainer, forced: dict[int, int] | None = None) -> np.ndarray:
    """Integer loss of every example from the definition: scores, weights, logarithm."""
    out = outputs(trainer, forced)
    scores = np.zeros((trainer.n_classes, trainer.n), int)
    for lut, parent in enumerate(trainer.forest.parent):
        if parent < 0:
            scores[trainer.forest.class_of[lut]] += out[lut]
    if forced is None:
        assert (scores == trainer.scores).all()
    own = scores[trainer.label, np.arange(trainer.n)]
    u = trainer.w[trainer.zero + scores - own].sum(axis=0)
    return trainer.loss[(u.astype(np.float32).view(np.int32) >> 13) - trainer.base]


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32), n_classes=st.integers(2, 4), n=st.integers(30, 200))
def test_effects_are_the_change_in_loss(seed: int, n_classes: int, n: int) -> None:
    trainer = made_up(9, n, n_classes, seed)
    trainer.grow(3)
    trainer.grow(3)
    assert max(trainer.forest.depth) > 1
    for lut in range(len(trainer.forest)):
        path = trainer._path(lut)
        high, low = trainer._reach(path[:-1], [trainer.forest.slot[each] for each in path[1:]])
        count = trainer._effects(path[0], high, low, trainer.forest.wiring[lut])
        listed = np.zeros(n, int)
        listed[trainer.index[:count]] = trainer.effect[:count]
        assert (listed == losses(trainer, {lut: 1}) - losses(trainer, {lut: 0})).all()


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32), j=st.integers(0, 2), parts=st.integers(1, 4), margin=st.integers(0, 50),
       n_bits=st.integers(4, 400))
def test_scan_values_every_signal(seed: int, j: int, parts: int, margin: int, n_bits: int) -> None:
    trainer = made_up(n_bits, 150, 3, seed, threads=parts)
    trainer.margin = margin
    wiring = trainer.forest.wiring[0]
    count = trainer._effects(0, trainer.valid, np.zeros_like(trainer.valid), wiring)
    descent_kernels.scan(count, 3, trainer.rows, 0, trainer.width, trainer.index, trainer.effect, trainer.pattern,
                         margin, 3, trainer.sums, trainer.value)
    code = bits.unpack(trainer.columns[:trainer.n_bits], trainer.n)[:, trainer.index[:count]].astype(int)
    effect = trainer.effect[:count].astype(int)
    for v in range(trainer.n_bits):
        inputs = [v if i == j else wiring[i] for i in range(3)]
        pattern = sum(code[s] << i for i, s in enumerate(inputs))
        saved = np.bincount(pattern, effect, 8)
        assert trainer.value[j, v] == np.minimum(saved + margin, 0).sum()


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 2**32), margin=st.sampled_from([0.0, 2.0]))
def test_loss_never_rises(seed: int, margin: float) -> None:
    trainer = made_up(20, 300, 3, seed, margin=margin, proposals=8)
    for grown in (3, 3, 0):
        before = trainer.total_loss()
        trainer.grow(grown)
        assert trainer.total_loss() <= before
        for lut in range(len(trainer.forest)):
            before = trainer.total_loss()
            trainer.visit(lut)
            assert trainer.total_loss() <= before
    assert trainer.total_loss() == losses(trainer).sum()


def test_a_grown_wire_leaves_the_loss(digits: Dataset) -> None:
    trainer = made_up(9, 100, 3, 5)
    trainer.visit = lambda lut, moves=1: 0  # type: ignore[method-assign]
    before = trainer.total_loss()
    trainer.grow(4)
    trainer._evaluate(range(len(trainer.forest)))
    assert losses(trainer).sum() == before


@pytest.mark.parametrize("options", [
    {"votes": 60}, {"votes": 24, "levels": 3, "augment": "shift1", "validation": 0.2}])
def test_bytes_do_not_depend_on_threads(digits: Dataset, coder: encode.Encoder, options: dict,
                                        monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(descent, "_SMALL", 0)  # so that few examples use both threads, too
    nets = [train_descent(digits, coder, luts=60, k=4, seed=3, threads=threads, sweeps=2, **options)
            for threads in (1, 2)]
    assert to_bytes(nets[0]) == to_bytes(nets[1])
    other = train_descent(digits, coder, luts=60, k=4, seed=4, threads=2, sweeps=2, **options)
    assert to_bytes(nets[0]) != to_bytes(other)


def test_learns_digits(digits: Dataset, coder: encode.Encoder) -> None:
    seen = []
    net = train_descent(digits, coder, luts=200, k=6, progress=seen.append)
    assert (net.predict(digits.x_test) == digits.y_test).mean() > 0.93
    assert (net.predict(digits.x_train) == digits.y_train).mean() == pytest.approx(seen[-1].train)
    assert all(a.loss >= b.loss for a, b in itertools.pairwise(seen))
    assert net.head.kind == "argmax" and net.n_luts == 200
    assert len(net.encoder) <= len(coder)


def test_deep_network_predicts_what_was_trained(digits: Dataset, coder: encode.Encoder) -> None:
    seen = []
    net = train_descent(digits, coder, luts=90, k=4, votes=30, levels=3, sweeps=3, progress=seen.append)
    assert 2 <= len(net.layers) <= 3 and net.n_luts == 90 and len(net.head.signal) == 30
    assert (net.predict(digits.x_train) == digits.y_train).mean() == pytest.approx(seen[-1].train)


def test_two_classes_make_a_threshold_head() -> None:
    digits = load("digits", classes="0,1,2,3,4:5,6,7,8,9")
    coder = encode.fixed(digits.features, 8)
    seen = []
    net = train_descent(digits, coder, luts=80, k=4, votes=40, levels=2, progress=seen.append)
    assert net.head.kind == "threshold"
    assert (net.predict(digits.x_train) == digits.y_train).mean() == pytest.approx(seen[-1].train)
    assert (net.predict(digits.x_test) == digits.y_test).mean() > 0.9


def test_care_set_is_what_training_saw(digits: Dataset, coder: encode.Encoder) -> None:
    net = train_descent(digits, coder, luts=40, k=4, votes=20, levels=2, sweeps=1)
    n = len(digits.y_train)
    signals = bits.unpack(net.signals(net.encoder(digits.x_train)), n)
    for layer in net.layers:
        for lut in range(len(layer)):
            pattern = sum(signals[s].astype(int) << j for j, s in enumerate(layer.wiring[lut]))
            assert (np.bincount(pattern, minlength=16) > 0).tolist() == (layer.care_bits[lut] > 0).tolist()


def test_validation_keeps_the_best_sweep(digits: Dataset, coder: encode.Encoder) -> None:
    seen = []
    net = train_descent(digits, coder, luts=50, k=6, validation=0.3, patience=2, sweeps=12, progress=seen.append)
    rng = np.random.default_rng(0)
    held = rng.permutation(len(digits.y_train))[-round(0.3 * len(digits.y_train)):]
    right = (net.predict(digits.x_train[held]) == digits.y_train[held]).mean()
    assert right == pytest.approx(max(p.validation for p in seen))


def test_interrupt_and_time_limit_return_the_best_so_far(digits: Dataset, coder: encode.Encoder) -> None:
    def interrupt(progress: descent.Progress) -> None:
        raise KeyboardInterrupt

    net = train_descent(digits, coder, luts=50, k=4, votes=50, progress=interrupt)
    assert net.meta["ended"] == "interrupt"
    assert (net.predict(digits.x_test) == digits.y_test).mean() > 0.7
    net = train_descent(digits, coder, luts=5000, k=6, sweeps=1000, time_limit=0.2)
    assert net.meta["ended"] == "time limit"


def test_shift_moves_images() -> None:
    x = np.arange(12).reshape(1, 12)
    down = descent.shifted(x, (3, 4), 1, 0).reshape(3, 4)
    assert down[1].tolist() == [0, 1, 2, 3] and down[0].tolist() == [0, 1, 2, 3]
    left = descent.shifted(x, (2, 2, 3), 0, -1).reshape(2, 2, 3)
    assert left[0, 0].tolist() == [3, 4, 5]


@pytest.mark.parametrize(("options", "words"), [
    ({"luts": 5}, "too few"),
    ({"luts": 50, "k": 9}, "1 to 8"),
    ({"luts": 50, "augment": "flip"}, "augmentation"),
    ({"luts": 50, "validation": 1.0}, "validation"),
    ({"luts": 50, "tau": 0.0}, "tau"),
    ({"luts": 50, "sweeps": 0}, "sweeps"),
    ({"luts": 50, "time_limit": -1.0}, "time limit"),
])
def test_bad_options_are_refused(digits: Dataset, coder: encode.Encoder, options: dict, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        train_descent(digits, coder, **options)


def test_augmentation_needs_images() -> None:
    features = Features.integers([0, 0], [3, 3])
    x, y = np.array([[0, 3], [3, 0]] * 8), np.array([0, 1] * 8)
    plain = Dataset("plain", features, ("a", "b"), x, y, x, y)
    with pytest.raises(UsageError, match="image"):
        train_descent(plain, encode.fixed(features, 2), luts=4, augment="shift1")
    assert (train_descent(plain, encode.fixed(features, 2), luts=4).predict(x) == y).all()


def test_options_are_checked_when_made() -> None:
    with pytest.raises(UsageError, match="margin"):
        DescentOptions(margin=-1)


def test_classifier_follows_the_conventions_of_scikit_learn() -> None:
    from sklearn.utils.estimator_checks import check_estimator

    from lut2hw import DescentClassifier

    results = check_estimator(DescentClassifier(luts=40, sweeps=3), on_fail=None)
    assert [(r["check_name"], r["exception"]) for r in results if r["status"] == "failed"] == []


def test_classifier_of_two_classes_has_a_signed_decision() -> None:
    from lut2hw import DescentClassifier

    digits = load("digits")
    y = np.where(digits.y_train < 5, "low", "zero or high")
    model = DescentClassifier(luts=60, random_state=1).fit(digits.x_train, y)
    decision = model.decision_function(digits.x_test)
    assert (decision != 0).all() and len(np.unique(decision)) > 5
    assert (model.classes_[(decision > 0).astype(int)] == model.predict(digits.x_test)).all()
    assert model.score(digits.x_test, np.where(digits.y_test < 5, "low", "zero or high")) > 0.9


@pytest.mark.parametrize("k", [1, 2, 8])
def test_any_k(digits: Dataset, coder: encode.Encoder, k: int) -> None:
    seen = []
    net = train_descent(digits, coder, luts=60, k=k, votes=30, levels=2, sweeps=2, progress=seen.append)
    assert all(layer.k == k for layer in net.layers)
    assert (net.predict(digits.x_train) == digits.y_train).mean() == pytest.approx(seen[-1].train)
    assert seen[-1].train > 0.7


def test_inputs_bound_the_encoder_bits(digits: Dataset, coder: encode.Encoder) -> None:
    net = train_descent(digits, coder, luts=100, k=4, votes=40, levels=2, sweeps=2, inputs=30)
    assert len(net.encoder) <= 30
    assert (net.predict(digits.x_test) == digits.y_test).mean() > 0.8


def test_restarts_do_not_raise_the_loss(digits: Dataset, coder: encode.Encoder) -> None:
    seen = []
    train_descent(digits, coder, luts=40, k=4, sweeps=2, restarts=2, progress=seen.append)
    assert len(seen) == 6 and all(a.loss >= b.loss for a, b in itertools.pairwise(seen))


def test_the_largest_network_fits_and_uses_the_device(digits: Dataset, coder: encode.Encoder) -> None:
    from lut2hw import fit

    size = fit.largest(coder, 10, target="ice40", device="hx1k", k=4)
    assert 0.9 * 0.85 * 1280 < size.cells <= 0.85 * 1280
    net = train_descent(digits, coder, luts=size.luts, k=4, votes=size.votes, levels=3, inputs=size.inputs, sweeps=1)
    assert 0.8 * size.cells < fit.chip_cells(net, "ice40") <= 1.02 * size.cells
    with pytest.raises(UsageError, match="hx1"):
        fit.largest(coder, 10, target="ice40", device="hx1", k=4)
    with pytest.raises(UsageError, match="too small"):
        fit.largest(coder, 10, target="ice40", device="lp384", k=4, utilization=0.1)
