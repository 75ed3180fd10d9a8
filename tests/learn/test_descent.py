"""The descent learner: effects against brute force, exhaustive scan, monotone loss, repeatable bytes."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
from helpers import fast
from hypothesis import given, settings
from hypothesis import strategies as st

from lut2hw import bits, targets
from lut2hw.compile.compiler import compile_network
from lut2hw.data import Dataset, load
from lut2hw.errors import UsageError
from lut2hw.learn.descent import moves, pace, shard, train
from lut2hw.learn.descent.growth import grow
from lut2hw.learn.descent.moves import Trainer
from lut2hw.learn.descent.problem import Problem
from lut2hw.learn.descent.schedule import Progress
from lut2hw.learn.descent.softmax import Softmax, default_tau, table_taus
from lut2hw.learn.descent.train import train_descent
from lut2hw.learn.descent_options import DescentOptions
from lut2hw.learn.look import likely_look
from lut2hw.learn.regions import pixels, squares, subspaces
from lut2hw.model import encoder as encode
from lut2hw.model.features import Features
from lut2hw.model.network import LutNetwork, from_bytes, to_bytes
from lut2hw.model.parts import Head
from lut2hw.verify.golden import classes_of


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
    rng = np.random.default_rng(seed)
    problem = Problem(bits.pack(code), n, rng)
    loss = Softmax(problem, label, n_classes, votes=6, tau=0.9)
    settings = {"luts": 12, "votes": 6, "k": 3, "rng": rng, "threads": 1, "levels": 3}
    trainer = Trainer(problem, loss, **{**settings, **options})
    trainer.sweep()
    return trainer


@given(
    st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), min_size=1, max_size=60, unique=True),
    st.integers(1, 35),
)
def test_squares_cover_every_pixel(position, side):
    inside = squares(np.array(position), side)
    assert inside.any(axis=0).all() and inside.any(axis=1).all()
    for members in inside:
        assert (np.ptp(np.array(position)[members], axis=0) < side).all()


@given(st.integers(1, 300), st.floats(0.001, 1))
def test_subspaces_read_their_share(n, share):
    inside = subspaces(n, share)
    some = max(1, min(8, round(8 * share)))
    assert (inside.sum(axis=0) == some).all() and inside.any(axis=1).all()
    assert np.ptp(inside.sum(axis=1)) <= 4 and (n < 8 or len(inside) == 8)
    if n >= 70 and some == 4:  # any two bits are apart somewhere, as in random subspaces
        assert len(np.unique(inside, axis=1).T) == 70


@pytest.mark.parametrize("share", fast.first([True], [True, False]))
def test_subspace_bounds_what_a_vote_reads(digits, coder, share):
    """Through any LUTs; and votes of one subspace stand together."""
    options = {"luts": 240, "votes": 120, "levels": 3, "subspace": 0.25, "sweeps": 2, "restarts": 1, "share": share}
    network = train_descent(digits, coder, **options)
    reads = [{bit} for bit in range(len(network.encoder))]
    for layer in network.layers:
        reads += [set().union(*(reads[signal] for signal in lut)) for lut in layer.wiring.tolist()]
    for c in range(10):
        votes = [reads[vote] for vote in network.head.signal[network.head.class_of == c].tolist()]
        assert max(map(len, votes)) <= len(coder) // 4
        together = [len(a & b) for a, b in itertools.pairwise(votes)]
        apart = [len(a & b) for a, b in zip(votes, votes[6:], strict=False)]
        assert np.mean(together) > 1.2 * np.mean(apart)
    assert (network.predict(digits.x_test) == digits.y_test).mean() > 0.85


@pytest.mark.parametrize("share", fast.first([True], [True, False]))
def test_window_bounds_what_a_vote_reads(digits, coder, share):
    """All that a vote depends on lies in one square, through any LUTs."""
    options = {"luts": 240, "votes": 120, "levels": 3, "window": 4, "sweeps": 2, "restarts": 1, "share": share}
    network = train_descent(digits, coder, **options)
    where = pixels(digits, network.encoder)
    reads = [{(int(row), int(column))} for row, column in where]
    for layer in network.layers:
        reads += [set().union(*(reads[signal] for signal in lut)) for lut in layer.wiring.tolist()]
    for vote in network.head.signal.tolist():
        assert (np.ptp(np.array(sorted(reads[vote])), axis=0) < 4).all()
    assert len({min(reads[vote]) for vote in network.head.signal.tolist()}) > 3
    for c in range(10):  # from the top of the image to the bottom, so that neighbours can be added near each other
        rows = [{row for row, _ in reads[vote]} for vote in network.head.signal[network.head.class_of == c].tolist()]
        assert all(max(earlier) - 3 <= min(later) for i, later in enumerate(rows) for earlier in rows[:i])
    again = train_descent(digits, coder, threads=2, **options)
    assert all((a.wiring == b.wiring).all() for a, b in zip(network.layers, again.layers, strict=True))
    assert (network.predict(digits.x_test) == digits.y_test).mean() > 0.85


def test_window_needs_an_image(digits, coder):
    table = replace(digits, features=replace(digits.features, image_shape=None))
    with pytest.raises(UsageError, match="--window needs image data, which digits is not"):
        train_descent(table, coder, luts=10, window=3)


def outputs(trainer: Trainer, forced: dict[int, int] | None = None) -> list[np.ndarray]:
    """Outputs of all LUTs from wiring and tables alone, some forced to a constant."""
    code = bits.unpack(trainer.shard.columns[: trainer.n_bits], trainer.n)
    graph, done = trainer.graph, {}

    def output(lut: int) -> np.ndarray:
        if lut not in done:
            pattern = np.zeros(trainer.n, int)
            for j, source in enumerate(graph.wiring[lut]):
                pattern |= (code[source] if source < trainer.n_bits else output(source - trainer.n_bits)) << j
            done[lut] = graph.table[lut][pattern].astype(int)
            if forced and lut in forced:
                done[lut] = np.full(trainer.n, forced[lut])
        return done[lut]

    return [output(lut) for lut in range(len(graph))]


def losses(trainer: Trainer, forced: dict[int, int] | None = None) -> np.ndarray:
    """Integer loss of every example from the definition: scores, weights, logarithm."""
    out, loss = outputs(trainer, forced), trainer.loss
    scores = np.zeros((loss.n_outputs, trainer.n), int)
    for lut in trainer.graph.votes:
        scores[trainer.graph.class_of[lut]] += out[lut]
    if forced is None:
        assert (loss.scores == scores.T).all()
    own = scores[loss.label, np.arange(trainer.n)]
    u = loss.w[loss.zero + scores - own].sum(axis=0)
    return loss.table[(u.astype(np.float32).view(np.int32) >> 13) - loss.base]


def share(trainer: Trainer, edges: int, seed: int) -> None:
    """Let inputs that read encoder bits read hidden LUTs instead, at random, all else brought up to date."""
    graph, rng = trainer.graph, np.random.default_rng(seed)
    for _ in range(edges):
        lut = int(rng.integers(len(graph)))
        hidden = [each for each in range(len(graph)) if graph.class_of[each] < 0]
        lower = [each for each in hidden if graph.level[each] < graph.level[lut]]
        slots = np.flatnonzero(graph.wiring[lut] < trainer.n_bits)
        if lower and len(slots):
            wiring = graph.wiring[lut].copy()
            wiring[rng.choice(slots)] = trainer.n_bits + rng.choice(lower)
            trainer.rewire(lut, wiring)
            trainer.update(lut)


def check_graph(trainer: Trainer) -> None:
    """Candidates' bits by example are those of their signals; readers are those that read; levels rise."""
    code, graph = bits.unpack(trainer.shard.columns[: trainer.n_bits], trainer.n), trainer.graph
    candidates = trainer.candidates
    signals = np.concatenate([code, np.array(outputs(trainer))])[candidates.signal, : trainer.n_train]
    position = np.arange(len(candidates.signal))
    assert (trainer.shard.rows[:, position // 32] >> (position % 32).astype(np.uint32) & 1 == signals.T).all()
    for lut in range(len(graph)):
        reads = graph.wiring[lut][graph.wiring[lut] >= trainer.n_bits] - trainer.n_bits
        assert all(graph.level[read] < graph.level[lut] and graph.class_of[read] < 0 for read in reads)
        assert len(graph.readers[lut]) == (graph.wiring[: len(graph)] == trainer.n_bits + lut).sum()
        assert graph.readers[lut] or graph.class_of[lut] >= 0


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32), n_classes=st.integers(2, 4), n=st.integers(30, 200), shared=st.integers(0, 12))
def test_effects_are_the_change_in_loss(seed: int, n_classes: int, n: int, shared: int) -> None:
    trainer = made_up(9, n, n_classes, seed)
    grow(trainer, 3)
    grow(trainer, 3)
    share(trainer, shared, seed)
    graph, listed = trainer.graph, np.zeros(n, int)
    for lut in range(len(graph)):
        wiring = graph.wiring[lut]
        assert trainer.lister(lut)(wiring)
        listing = trainer.shard.listing
        listed[:] = 0
        listed[listing.index[: listing.n]] = listing.effect[: listing.n]
        assert (listed == losses(trainer, {lut: 1}) - losses(trainer, {lut: 0})).all()
        for slot in np.flatnonzero(wiring < trainer.n_bits):  # the effects of a LUT that would grow there
            assert trainer.lister(lut, slot)(wiring)
            listed[:] = 0
            listed[listing.index[: listing.n]] = listing.effect[: listing.n]
            table, entry = graph.table[lut].copy(), np.arange(8) & ~(1 << slot)
            graph.table[lut] = table[entry | 1 << slot]
            with_one = losses(trainer, {})
            graph.table[lut] = table[entry]
            assert (listed == with_one - losses(trainer, {})).all()
            graph.table[lut] = table


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    j=st.integers(0, 2),
    parts=st.integers(1, 4),
    margin=st.integers(0, 50),
    n_bits=st.integers(4, 400),
    wide=st.booleans(),
)
def test_scan_values_every_signal(seed: int, j: int, parts: int, margin: int, n_bits: int, wide: bool) -> None:
    trainer = made_up(n_bits, 150, 3, seed, threads=parts)
    wiring = trainer.graph.wiring[0]
    assert trainer.lister(0)(wiring)
    trainer.floor = lambda: margin  # type: ignore[method-assign]
    listing, count = trainer.shard.listing, trainer.shard.listing.n
    listing.chunk = 3
    trainer.wide = wide
    trainer.scan(0, trainer.candidates.width)
    code = bits.unpack(trainer.shard.columns[: trainer.n_bits], trainer.n)[:, listing.index[:count]].astype(int)
    effect = listing.effect[:count].astype(int)
    for v in range(trainer.n_bits):
        inputs = [v if i == j else wiring[i] for i in range(3)]
        pattern = sum(code[s] << i for i, s in enumerate(inputs))
        saved = np.bincount(pattern, effect, 8)
        assert trainer.value[j, v] == np.minimum(saved + margin, 0).sum()


def test_long_sums_are_the_same(digits: Dataset, coder: encode.Encoder, monkeypatch: pytest.MonkeyPatch):
    """Of more examples than 32 bits can sum, effects are summed part by part, to the same network."""
    options = {"luts": 24, "levels": 2, "k": 4, "sweeps": 2, "restarts": 0, "tau": 0.6, "margin": 1.0}
    short = to_bytes(train_descent(digits, coder, **options))
    monkeypatch.setattr(moves, "MANY", 1)
    monkeypatch.setattr(shard, "_PIECE", 1)
    assert to_bytes(train_descent(digits, coder, **options)) == short


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 2**32), margin=st.sampled_from([0.0, 2.0]))
def test_loss_never_rises(seed: int, margin: float) -> None:
    trainer = made_up(20, 300, 3, seed, margin=margin, proposals=8)
    for grown in (3, 3, 0):
        before = trainer.total_loss()
        grow(trainer, grown)
        assert trainer.total_loss() <= before
        share(trainer, 3, seed)
        for lut in range(len(trainer.graph)):
            before = trainer.total_loss()
            trainer.visit(lut)
            assert trainer.total_loss() <= before
    assert trainer.total_loss() == losses(trainer).sum()
    check_graph(trainer)


def test_a_grown_wire_leaves_the_loss(digits: Dataset) -> None:
    trainer = made_up(9, 100, 3, 5)
    trainer.visit = lambda lut, moves=1: 0  # type: ignore[method-assign]
    before = trainer.total_loss()
    grow(trainer, 4)
    assert losses(trainer).sum() == before


@pytest.mark.parametrize(
    "options",
    [
        {"votes": 60},
        {"votes": 24, "levels": 3, "augment": "shift1", "validation": 0.2},
        {"votes": 20, "levels": 3, "augment": "warp2"},
    ],
)
def test_bytes_do_not_depend_on_threads(
    digits: Dataset, coder: encode.Encoder, options: dict, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(train, "_SMALL", 0)  # so that few examples use both threads, too
    nets = [
        train_descent(digits, coder, luts=60, k=4, seed=3, threads=threads, sweeps=2, **options) for threads in (1, 2)
    ]
    assert to_bytes(nets[0]) == to_bytes(nets[1])
    other = train_descent(digits, coder, luts=60, k=4, seed=4, threads=2, sweeps=2, **options)
    assert to_bytes(nets[0]) != to_bytes(other)


@pytest.mark.parametrize("with_all", [0.6, 8.0])
def test_all_threads_only_while_they_are_faster(with_all: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """A step takes one second with one thread, and less or many with two: most steps take the shorter time."""
    threads, now = 2, 0.0

    def use(count: int) -> None:
        nonlocal threads
        threads = count

    monkeypatch.setattr(pace.numba, "set_num_threads", use)
    monkeypatch.setattr(pace.time, "perf_counter", lambda: now)
    one, steps = pace.Pace(2), 3000
    for _ in range(steps):
        one.next()
        now += with_all if threads == 2 else 1.0
    assert now < 1.1 * steps * min(1.0, with_all)


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


def test_grown_luts_are_shared_if_allowed(digits: Dataset, coder: encode.Encoder) -> None:
    def readers(network: LutNetwork) -> np.ndarray:
        first = len(network.encoder)
        wiring = np.concatenate([layer.wiring.ravel() for layer in network.layers])
        return np.bincount(wiring[wiring >= first] - first, minlength=network.n_luts)

    options = {"luts": 90, "k": 4, "votes": 30, "levels": 3, "sweeps": 3}
    net = train_descent(digits, coder, **options)
    assert readers(net).max() > 1
    assert readers(train_descent(digits, coder, share=False, **options)).max() == 1
    again = from_bytes(to_bytes(net))
    netlist = compile_network(again, targets.get("ice40"), encoded_inputs=True, pipeline="none").netlist
    n = len(digits.y_test)
    assert (classes_of(netlist, net.encoder(digits.x_test), n) == net.predict(digits.x_test)).all()


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
    held = rng.permutation(len(digits.y_train))[-round(0.3 * len(digits.y_train)) :]
    right = (net.predict(digits.x_train[held]) == digits.y_train[held]).mean()
    assert right == pytest.approx(max(p.validation for p in seen))


def test_interrupt_and_time_limit_return_the_best_so_far(digits: Dataset, coder: encode.Encoder) -> None:
    def interrupt(progress: Progress) -> None:
        raise KeyboardInterrupt

    net = train_descent(digits, coder, luts=50, k=4, votes=50, progress=interrupt)
    assert net.meta["ended"] == "interrupt"
    assert (net.predict(digits.x_test) == digits.y_test).mean() > 0.7
    net = train_descent(digits, coder, luts=5000, k=6, sweeps=1000, time_limit=0.2)
    assert net.meta["ended"] == "time limit"


def test_a_callback_sees_the_network_of_each_sweep_and_can_end_training(
    digits: Dataset, coder: encode.Encoder
) -> None:
    seen = []

    def watch(now: Progress) -> bool:
        seen.append((now, now.network()))
        return len(seen) == 5

    options = {"luts": 60, "k": 4, "votes": 30, "levels": 2, "sweeps": 4}
    net = train_descent(digits, coder, progress=watch, **options)
    assert len(seen) == 5 and net.meta["ended"] == "callback"
    for now, network in seen:
        assert (network.predict(digits.x_train) == digits.y_train).mean() == pytest.approx(now.train)
        assert network.n_luts == now.luts
    assert to_bytes(net.with_meta(**dict.fromkeys(net.meta))) == to_bytes(
        seen[-1][1].with_meta(**dict.fromkeys(net.meta))
    )
    quiet = [to_bytes(train_descent(digits, coder, progress=each, **options)) for each in (None, lambda now: None)]
    assert quiet[0] == quiet[1] and len({len(network.layers) for _, network in seen}) == 2


def test_the_data_choose_the_temperature(digits: Dataset, coder: encode.Encoder) -> None:
    """As it is by default for clean images, which gives the bytes as if asked for; highest for noisy tables."""
    clean = train_descent(digits, coder, luts=60, k=4, sweeps=1)
    default = default_tau(60, 10, 4)
    assert clean.meta["options"]["tau"] == default
    asked = train_descent(digits, coder, luts=60, k=4, sweeps=1, tau=default)
    assert to_bytes(clean) == to_bytes(asked)
    rng = np.random.default_rng(2)
    x = rng.integers(0, 2, (4000, 30))
    y = x[:, 0] ^ (rng.random(4000) < 1 / 3)
    noisy = Dataset("noisy", Features.integers([0] * 30, [1] * 30), ("0", "1"), x, y, x[:0], y[:0])
    usual, least, most = table_taus(60, 2, 4)
    assert least == default_tau(60, 2, 4) < usual < most == 6.0  # 30 votes of a class are 5 nats
    for n, tau in ((4000, most), (399, usual)):  # few examples tell nothing
        part = replace(noisy, x_train=x[:n], y_train=y[:n])
        network = train_descent(part, encode.fixed(noisy.features, 1), luts=60, k=4)
        made = network.meta["options"]
        assert (made["tau"], made["margin"], made["sweeps"]) == (tau, 2, 2)
    asked = train_descent(part, encode.fixed(noisy.features, 1), luts=60, k=4, tau=least).meta["options"]
    assert (asked["margin"], asked["sweeps"]) == (0, 8)


@pytest.mark.parametrize(
    ("means", "n", "best"),
    [
        ((-0.5, -0.1, -0.2), 400, 1),  # what follows one that is better is not tried
        ((-0.5, -0.6, -0.2), 400, 2),
        ((-0.5, -0.499, -0.6), 400, 0),  # less than a standard error
        ((-0.5, -0.1, -0.2), 399, 0),
    ],
)
def test_the_likeliest_candidate_is_taken(means: tuple[float, ...], n: int, best: int) -> None:
    asked = []
    rng = np.random.default_rng(0)
    x = np.zeros((n, 1), int)
    dataset = Dataset("any", Features.integers([0], [1]), ("0", "1"), x, x[:, 0], x[:0], x[:0, 0])
    coder = encode.Encoder(dataset.features, np.zeros(1, np.int32), np.ones(1, np.int64))
    network = LutNetwork(coder, (), Head.threshold(np.zeros(1, np.int32), 1), ("0", "1"))

    def train(part: Dataset, candidate: int) -> LutNetwork:
        asked.append(candidate)
        assert len(part.y_train) == n - n // 4
        return network.with_meta(options={"tau": 1.0}, candidate=candidate)

    def likelihood(network: LutNetwork, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        # at its own temperature a network is as good as it can be
        return means[network.meta["candidate"]] - abs(network.meta["temperature"] - 1) + rng.normal(0, 0.05, len(y))

    assert likely_look(dataset, train, 3, likelihood) == (best, None)
    assert asked == ([] if n < 400 else [0, 1] if best == 1 else [0, 1, 2])


def test_interrupt_while_the_data_choose(
    digits: Dataset, coder: encode.Encoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There is a network even then."""

    def interrupt(trainer: Trainer) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(Trainer, "total_loss", interrupt)
    network = train_descent(digits, coder, luts=50, k=4)
    assert network.meta["ended"] == "interrupt" and network.n_luts == 50
    assert (network.predict(digits.x_test) == digits.y_test).mean() > 0.7


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"luts": 5}, "too few"),
        ({"luts": 50, "k": 9}, "1 to 8"),
        ({"luts": 50, "augment": "spin"}, "augmentation"),
        ({"luts": 50, "validation": 1.0}, "validation"),
        ({"luts": 50, "tau": 0.0}, "tau"),
        ({"luts": 50, "sweeps": 0}, "sweeps"),
        ({"luts": 50, "time_limit": -1.0}, "time-limit"),
    ],
)
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
