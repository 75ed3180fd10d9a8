"""The experiments: each a function from `Context` to `Result`."""

from __future__ import annotations

import io
import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lut2hw import bits, data
from lut2hw.errors import Lut2hwError
from lut2hw.learn.memorize import memorize
from lut2hw.model.encoder import Encoder, fixed
from lut2hw.model.features import Features
from lut2hw.model.network import LutNetwork


@dataclass
class Result:
    """A table, a plot and a verdict."""

    title: str
    claim: str
    """What the paper says."""
    columns: list[str]
    rows: list[list[Any]]
    holds: bool
    """Whether these numbers say so too."""
    line: str
    """The numbers that decide."""
    plot: Callable[[Any], None]
    """Draws on an empty matplotlib figure."""
    note: str = ""

    def figures(self) -> dict[str, bytes]:
        """The plot as PNG and SVG, the same bytes every time."""
        import matplotlib
        from matplotlib.figure import Figure

        out = {}
        with matplotlib.rc_context({"svg.hashsalt": self.title, "svg.fonttype": "none", "font.size": 9}):
            for suffix, metadata in (("png", {"Software": None}), ("svg", {"Date": None})):
                figure = Figure(figsize=(6.4, 3.8), layout="constrained")
                self.plot(figure)
                file = io.BytesIO()
                figure.savefig(file, format=suffix, dpi=110, metadata=metadata)
                out[suffix] = file.getvalue()
        return out


@dataclass
class Task:
    """Packed bits and classes of a task: uint64 (n_bits, n_words) and int64 (n,), for training and testing."""

    encoder: Encoder
    train: bits.Packed
    y_train: NDArray[np.int64]
    test: bits.Packed
    y_test: NDArray[np.int64]

    def fit(self, layers: Sequence[int], k: int, seed: int, y: NDArray[np.int64] | None = None) -> LutNetwork:
        """Memorize two classes; `y` replaces the training labels."""
        return memorize(
            self.encoder,
            self.train,
            self.y_train if y is None else y,
            ("0", "1"),
            layers=layers,
            k=k,
            seed=seed,
            counts=False,
        )

    def accuracies(self, network: LutNetwork, y: NDArray[np.int64] | None = None) -> tuple[float, float]:
        """Shares of right answers on the training set (against `y` if given) and on the test set."""
        train = network.predict_packed(self.train, len(self.y_train)) == (self.y_train if y is None else y)
        return float(train.mean()), float((network.predict_packed(self.test, len(self.y_test)) == self.y_test).mean())


@dataclass
class Context:
    """How much to do, and data that several experiments share."""

    quick: bool = False
    progress: Callable[[str, int, int], None] | None = None
    _datasets: dict[str, data.Dataset | Lut2hwError] = field(default_factory=dict)
    _tasks: dict[str, Task] = field(default_factory=dict)

    @property
    def seeds(self) -> range:
        return range(2 if self.quick else 3)

    @property
    def width(self) -> int:
        """LUTs in a layer, unless the experiment varies it."""
        return 256 if self.quick else 1024

    def step(self, name: str, items: Sequence[Any]) -> Any:
        """The items, reporting progress."""
        for i, item in enumerate(items):
            if self.progress is not None:
                self.progress(name, i, len(items))
            yield item
        if self.progress is not None:
            self.progress(name, len(items), len(items))

    def dataset(self, name: str) -> data.Dataset:
        """A named dataset, loaded once."""
        if name not in self._datasets:
            try:
                self._datasets[name] = data.load(name)
            except Lut2hwError as error:
                self._datasets[name] = error  # the next experiment need not wait for it again
        found = self._datasets[name]
        if isinstance(found, Lut2hwError):
            raise found
        return found

    def binary(self, name: str) -> Task:
        """Classes 0-4 against 5-9, one bit a value (at least 128); 10,000 training examples if quick."""
        if name not in self._tasks:
            d = self.dataset(name)
            n, n_test = (10_000, 2_000) if self.quick else (len(d.y_train), len(d.y_test))
            encoder = fixed(d.features, 128)
            self._tasks[name] = Task(
                encoder,
                encoder(d.x_train[:n]),
                (d.y_train[:n] >= 5).astype(np.int64),
                encoder(d.x_test[:n_test]),
                (d.y_test[:n_test] >= 5).astype(np.int64),
            )
        return self._tasks[name]


def spread(values: Sequence[float]) -> list[float]:
    """Mean and standard deviation, to five digits."""
    return [round(float(np.mean(values)), 5), round(float(np.std(values, ddof=1)) if len(values) > 1 else 0.0, 5)]


def curve(axes: Any, rows: list[list[Any]], x: int, columns: dict[str, int], **style: Any) -> None:
    """Lines with error bars: column number of each mean; its spread is in the next column."""
    for label, at in columns.items():
        axes.errorbar(
            [row[x] for row in rows],
            [row[at] for row in rows],
            [row[at + 1] for row in rows],
            label=label,
            marker="o",
            markersize=3,
            capsize=2,
            **style,
        )


def finish(axes: Any, x: str, y: str = "accuracy") -> None:
    """Labels, grid and legend."""
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    axes.grid(alpha=0.3)
    axes.legend()


# --- the experiments ----------------------------------------------------------------------------------------------


def lookup(context: Context) -> Result:
    """One table over all inputs."""
    task = context.binary("mnist")
    train = _rows(task.train, len(task.y_train))
    test = _rows(task.test, len(task.y_test))
    ones: dict[bytes, int] = {}
    for pattern, label in zip(train, task.y_train.tolist(), strict=True):
        ones[pattern] = ones.get(pattern, 0) + (1 if label else -1)
    rows = []
    for seed in context.step("lookup", range(5)):
        rng = np.random.default_rng(seed)
        tie = {pattern: int(rng.integers(2)) for pattern, margin in ones.items() if margin == 0}

        def answer(pattern: bytes, tie: dict[bytes, int] = tie, rng: np.random.Generator = rng) -> int:
            margin = ones.get(pattern)
            if margin is None:
                return int(rng.integers(2))  # never seen: whatever the table holds there
            return tie[pattern] if margin == 0 else int(margin > 0)

        rows.append(
            [
                seed,
                float(np.mean([answer(p) == y for p, y in zip(train, task.y_train, strict=True)])),
                float(np.mean([answer(p) == y for p, y in zip(test, task.y_test, strict=True)])),
                float(np.mean([p in ones for p in test])),
            ]
        )
    (train_mean, _), (test_mean, test_sd) = spread([r[1] for r in rows]), spread([r[2] for r in rows])

    def plot(figure: Any) -> None:
        axes = figure.subplots()
        axes.bar(["training set", "test set"], [train_mean, test_mean], yerr=[0, test_sd], capsize=4, width=0.5)
        axes.axhline(0.5, color="black", linestyle=":", label="chance")
        finish(axes, "one table over all 784 pixels")

    return Result(
        "One table over all inputs",
        "a single lookup table over all inputs memorizes the training set and "
        "does not generalize: chance on the test set.",
        ["seed", "train", "test", "test images seen in training"],
        rows,
        train_mean > 0.99 and abs(test_mean - 0.5) < 0.05,
        f"train {train_mean:.3f}, test {test_mean:.3f} ± {test_sd:.3f} (chance is .5)",
        plot,
        "MNIST, digits 0-4 against 5-9, pixels of at least 128. Of a table of 2^784 entries only those "
        "seen in training need to be kept; the others are random bits.",
    )


def _rows(packed: bits.Packed, n: int) -> list[bytes]:
    unpacked = np.packbits(bits.unpack(packed, n).T, axis=1)
    return [row.tobytes() for row in unpacked]


def mnist_binary(context: Context) -> Result:
    """The reference network, layer by layer."""
    task = context.binary("mnist")
    depth, k = 5, 8
    per_layer: list[list[tuple[float, ...]]] = [[] for _ in range(depth)]
    final = []
    cloud: list[NDArray[np.float64]] = []
    for seed in context.step("mnist-binary", range(2 if context.quick else 5)):
        network = task.fit([context.width] * depth, k, seed)
        final.append(task.accuracies(network))
        train = _signal_accuracies(network, task.train, task.y_train)
        test = _signal_accuracies(network, task.test, task.y_test)
        if not cloud:
            cloud = test
        for i in range(depth):
            per_layer[i].append((train[i].mean(), test[i].mean(), test[i].std(), test[i].min(), test[i].max()))
    rows: list[list[Any]] = []
    for i, values in enumerate(per_layer):
        columns = list(zip(*values, strict=True))
        rows.append(
            [
                f"hidden {i + 1}",
                *spread(columns[0]),
                *spread(columns[1]),
                *(round(float(np.mean(c)), 5) for c in columns[2:]),
            ]
        )
    rows.append(
        [
            "answer",
            *spread([f[0] for f in final]),
            *spread([f[1] for f in final]),
            0.0,
            min(f[1] for f in final),
            max(f[1] for f in final),
        ]
    )
    means = [row[3] for row in rows]
    target = (0.80, 0.75) if context.quick else (0.877, 0.861)
    holds = all(a < b for a, b in itertools.pairwise(means)) and rows[-1][1] > target[0] and rows[-1][3] > target[1]

    def plot(figure: Any) -> None:
        axes = figure.subplots()
        axes.violinplot(cloud, showmeans=True)
        axes.plot(range(1, depth + 1), [row[1] for row in rows[:-1]], "o--", label="train, mean of the layer")
        axes.plot(range(1, depth + 1), [row[3] for row in rows[:-1]], "s--", label="test, mean of the layer")
        axes.axhline(rows[-1][3], color="black", linestyle=":", label="test, the network's answer")
        finish(axes, "hidden layer (shape: how its LUTs spread on the test set)")

    return Result(
        "Digits 0-4 against 5-9, layer by layer",
        "layers of tables that only memorize get better one after the other, and their spread shrinks.",
        ["layer", "train", "±", "test", "±", "test: spread within layer", "worst LUT", "best LUT"],
        rows,
        holds,
        f"answer: train {rows[-1][1]:.3f} ± {rows[-1][2]:.3f}, test {rows[-1][3]:.3f} ± {rows[-1][4]:.3f}; "
        f"mean LUT on the test set by layer: {', '.join(f'{m:.3f}' for m in means[:-1])}",
        plot,
        f"MNIST, {depth} hidden layers of {context.width} LUTs, k = {k}; {len(final)} seeds.",
    )


def _signal_accuracies(network: LutNetwork, packed: bits.Packed, y: NDArray[np.int64]) -> list[NDArray[np.float64]]:
    """Per hidden layer, the share of examples on which each LUT equals the label."""
    signals = network.signals(packed)
    wrong = np.bitwise_count((signals ^ bits.pack(y[None].astype(bool))) & bits.tail_mask(len(y))).sum(axis=1)
    right = 1 - wrong / len(y)
    return [
        right[first : first + len(layer)]
        for layer, first in zip(network.layers[:-1], network.first_signal[:-1], strict=True)
    ]


def _series(
    context: Context, name: str, label: str, settings: Sequence[int], fit: Callable[[int, int], tuple[float, float]]
) -> list[list[Any]]:
    """Rows: setting, train, ±, test, ±, over the seeds."""
    rows = []
    for value in context.step(name, settings):
        train, test = zip(*(fit(value, seed) for seed in context.seeds), strict=True)
        rows.append([value, *spread(train), *spread(test)])
    return rows


def _ks(context: Context) -> list[int]:
    return [2, 4, 6, 8, 10, 12] if context.quick else [2, 4, 6, 8, 10, 12, 14, 16]


def _plot_train_test(rows: list[list[Any]], x: str, log: bool = False) -> Callable[[Any], None]:
    def plot(figure: Any) -> None:
        axes = figure.subplots()
        curve(axes, rows, 0, {"train": 1, "test": 3})
        if log:
            axes.set_xscale("log", base=2)
            axes.xaxis.set_major_formatter("{x:,.0f}")
        finish(axes, x)

    return plot


def support(context: Context) -> Result:
    """Growing k."""
    task = context.binary("mnist")
    rows = _series(
        context, "support", "k", _ks(context), lambda k, seed: task.accuracies(task.fit([context.width] * 5, k, seed))
    )
    train, test = [r[1] for r in rows], [r[3] for r in rows]
    best = int(np.argmax(test))
    holds = all(a < b + 0.005 for a, b in itertools.pairwise(train)) and 0 < best < len(rows) - 1 and train[-1] > 0.97
    return Result(
        "From generalization to memorization by k",
        "k is the road from generalization to memorization: "
        "training accuracy rises to 1 with k, test accuracy first rises with it, then falls.",
        ["k", "train", "±", "test", "±"],
        rows,
        holds,
        f"train {train[0]:.3f} to {train[-1]:.3f}; test {test[0]:.3f} at k = {rows[0][0]}, best "
        f"{test[best]:.3f} at k = {rows[best][0]}, {test[-1]:.3f} at k = {rows[-1][0]}",
        _plot_train_test(rows, "k, inputs of each LUT"),
        f"MNIST, digits 0-4 against 5-9, 5 hidden layers of {context.width} LUTs; {len(context.seeds)} seeds.",
    )


def depth(context: Context) -> Result:
    """Growing depth."""
    task = context.binary("mnist")
    depths = [0, 1, 2, 4, 8] if context.quick else [0, 1, 2, 3, 4, 5, 6, 8, 12, 16, 24, 32]
    rows = _series(
        context,
        "depth",
        "hidden layers",
        depths,
        lambda n, seed: task.accuracies(task.fit([context.width] * n, 8, seed)),
    )
    test = {r[0]: r[3] for r in rows}
    gain = test[4] - test[0]
    return Result(
        "Depth",
        "depth helps although every layer only memorizes: accuracy grows with the first layers and then stays.",
        ["hidden layers", "train", "±", "test", "±"],
        rows,
        gain > 0.1 and abs(rows[-1][3] - max(test.values())) < 0.03,
        f"test {test[0]:.3f} without hidden layers, {test[1]:.3f} with one, {test[4]:.3f} with four, "
        f"{rows[-1][3]:.3f} with {rows[-1][0]}",
        _plot_train_test(rows, "hidden layers"),
        f"MNIST, digits 0-4 against 5-9, {context.width} LUTs a layer, k = 8; {len(context.seeds)} seeds.",
    )


def width(context: Context) -> Result:
    """Growing width."""
    task = context.binary("mnist")
    widths = [32, 128, 512] if context.quick else [2**i for i in range(5, 14)]
    rows = _series(
        context, "width", "LUTs a layer", widths, lambda n, seed: task.accuracies(task.fit([n] * 5, 8, seed))
    )
    first, last = rows[0], rows[-1]
    gap = last[1] - last[3]
    return Result(
        "Width",
        "wider layers do better, on the test set too: more tables do not mean more overfitting.",
        ["LUTs a layer", "train", "±", "test", "±"],
        rows,
        last[3] > first[3] + 0.03 and all(b > a - 0.01 for a, b in itertools.pairwise(r[3] for r in rows)),
        f"test {first[3]:.3f} with {first[0]} LUTs a layer, {last[3]:.3f} with {last[0]} (train less test "
        f"there: {gap:.3f})",
        _plot_train_test(rows, "LUTs a layer", log=True),
        f"MNIST, digits 0-4 against 5-9, 5 hidden layers, k = 8; {len(context.seeds)} seeds.",
    )


def random_labels(context: Context) -> Result:
    """Labels that mean nothing."""
    task = context.binary("mnist")
    rows = []
    for k in context.step("random-labels", _ks(context)):
        real, fake, fake_test = [], [], []
        for seed in context.seeds:
            real.append(task.accuracies(task.fit([context.width] * 5, k, seed))[0])
            y = np.random.default_rng([7, seed]).integers(0, 2, len(task.y_train))
            train, test = task.accuracies(task.fit([context.width] * 5, k, seed, y), y)
            fake.append(train)
            fake_test.append(test)
        rows.append([k, *spread(real), *spread(fake), *spread(fake_test)])
    last = rows[-1]
    full_real = next((r[0] for r in rows if r[1] > 0.9), None)
    full_fake = next((r[0] for r in rows if r[3] > 0.9), None)
    holds = all(r[1] > r[3] - 0.01 for r in rows) and last[3] > 0.9 and abs(last[5] - 0.5) < 0.06

    def plot(figure: Any) -> None:
        axes = figure.subplots()
        curve(axes, rows, 0, {"real labels, train": 1, "random labels, train": 3, "random labels, test": 5})
        finish(axes, "k, inputs of each LUT")

    return Result(
        "Random labels",
        "random labels are memorized too, but real data is memorized at smaller k.",
        ["k", "real: train", "±", "random: train", "±", "random: test", "±"],
        rows,
        holds,
        f"more than .9 of the training set at k = {full_real} with real labels and k = {full_fake} with "
        f"random ones; random labels at k = 8: train {next(r[3] for r in rows if r[0] == 8):.3f}",
        plot,
        f"MNIST, 5 hidden layers of {context.width} LUTs; labels drawn with a fair coin; test accuracy "
        f"against the real labels; {len(context.seeds)} seeds.",
    )


def _baselines(seed: int) -> dict[str, Any]:
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.naive_bayes import BernoulliNB
    from sklearn.neighbors import KNeighborsClassifier
    from sklearn.neural_network import MLPClassifier
    from sklearn.tree import DecisionTreeClassifier

    return {
        "logistic regression": LogisticRegression(C=0.1, max_iter=100),
        "naive Bayes": BernoulliNB(),
        "1-nearest neighbour": KNeighborsClassifier(1, algorithm="brute"),
        "5-nearest neighbours": KNeighborsClassifier(5, algorithm="brute"),
        "decision tree": DecisionTreeClassifier(random_state=seed),
        "random forest": RandomForestClassifier(50, random_state=seed),
        "MLP (64)": MLPClassifier((64,), max_iter=10, batch_size=128, random_state=seed),
    }


def _score(
    model: Any,
    x_train: NDArray[np.float32],
    y_train: NDArray[np.int64],
    x_test: NDArray[np.float32],
    y_test: NDArray[np.int64],
) -> float:
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # iteration limits reached are meant
        return float((model.fit(x_train, y_train).predict(x_test) == y_test).mean())


def _memorize_pair(
    encoder: Encoder,
    x_train: NDArray[np.integer],
    y_train: NDArray[np.int64],
    x_test: NDArray[np.integer],
    y_test: NDArray[np.int64],
    layers: Sequence[int],
    k: int,
    seed: int,
) -> tuple[float, float]:
    task = Task(encoder, encoder(x_train), y_train, encoder(x_test), y_test)
    return task.accuracies(task.fit(layers, k, seed))


def _pairwise(context: Context, name: str, title: str, per_class: int | None) -> Result:
    d = context.dataset(name)
    encoder = fixed(d.features, 128)
    pairs = list(itertools.combinations(range(10), 2))
    if context.quick:
        pairs, per_class = pairs[::22], 200
    ks = (4, 6, 8)
    scores: dict[str, list[float]] = {}
    memorized = []
    for a, b in context.step(f"pairwise-{name}", pairs):
        (x_train, y_train), (x_test, y_test) = (
            _two(x, y, a, b, limit)
            for x, y, limit in (
                (d.x_train, d.y_train, per_class),
                (d.x_test, d.y_test, 250 if context.quick else None),
            )
        )
        for k in ks:
            both = [
                _memorize_pair(encoder, x_train, y_train, x_test, y_test, [context.width] * 5, k, seed)
                for seed in context.seeds
            ]
            scores.setdefault(f"memorize, k = {k}", []).append(float(np.mean([test for _, test in both])))
            memorized.append(float(np.mean([train for train, _ in both])))
        bits_train, bits_test = ((x >= 128).astype(np.float32) for x in (x_train, x_test))
        for method, model in _baselines(0).items():
            scores.setdefault(method, []).append(_score(model, bits_train, y_train, bits_test, y_test))
    rows: list[list[Any]] = [
        [method, *(round(float(f(values)), 5) for f in (np.mean, np.min, np.max))]
        for method, values in scores.items()
    ]
    ours = max(row[1] for row in rows[: len(ks)])
    best = max(rows, key=lambda row: row[1])
    beaten = [row[0] for row in rows[len(ks) :] if row[1] < ours]

    def plot(figure: Any) -> None:
        axes = figure.subplots()
        axes.boxplot(
            [scores[row[0]] for row in rows],
            orientation="horizontal",
            tick_labels=[row[0] for row in rows],
            whis=(0, 100),
        )
        axes.invert_yaxis()
        axes.grid(alpha=0.3)
        axes.set_xlabel(f"test accuracy over {len(pairs)} pairs (box: quartiles, whiskers: least and greatest)")

    limit = "all training examples" if per_class is None else f"the first {per_class} training examples of each class"
    return Result(
        title,
        "on all pairs of classes memorization is well above chance and not far from standard "
        "methods on the same bits.",
        ["method", "mean", "min", "max"],
        rows,
        ours > 0.6 and best[1] - ours < 0.1,
        f"mean accuracy of memorize {ours:.3f} at its best k; above "
        f"{', '.join(beaten) or 'none of the others'}; the best, {best[0]}, has {best[1]:.3f}",
        plot,
        f"{len(pairs)} pairs, {limit}, one bit a value (at least 128); memorize: 5 hidden layers of "
        f"{context.width} LUTs, mean of {len(context.seeds)} seeds, training accuracy "
        f"{np.mean(memorized):.3f}.",
    )


def _two(
    x: NDArray[np.integer], y: NDArray[np.int64], a: int, b: int, limit: int | None
) -> tuple[NDArray[np.integer], NDArray[np.int64]]:
    at = np.sort(np.concatenate([np.flatnonzero(y == c)[:limit] for c in (a, b)]))
    return x[at], (y[at] == b).astype(np.int64)


def pairwise_mnist(context: Context) -> Result:
    """All pairs of digits."""
    return _pairwise(context, "mnist", "All pairs of digits", None)


def pairwise_cifar10(context: Context) -> Result:
    """All pairs of CIFAR-10 classes."""
    return _pairwise(context, "cifar10", "All pairs of CIFAR-10 classes", 1000)


def cifar_binary(context: Context) -> Result:
    """CIFAR-10 classes 0-4 against 5-9."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.naive_bayes import BernoulliNB
    from sklearn.tree import DecisionTreeClassifier

    task = context.binary("cifar10")
    rows: list[list[Any]] = []
    for k in context.step("cifar-binary", [4, 8, 12] if context.quick else [4, 6, 8, 10, 12, 14]):
        train, test = zip(
            *(task.accuracies(task.fit([context.width] * 5, k, seed)) for seed in context.seeds), strict=True
        )
        rows.append([f"memorize, k = {k}", *spread(train), *spread(test)])
    n = 2_000 if context.quick else len(task.y_train)
    x_train = bits.unpack(task.train[:, : bits.n_words(n)], n).T.astype(np.float32)
    x_test = bits.unpack(task.test, len(task.y_test)).T.astype(np.float32)
    for name, model in {
        "logistic regression": LogisticRegression(C=0.01, max_iter=50),
        "naive Bayes": BernoulliNB(),
        "decision tree": DecisionTreeClassifier(random_state=0, max_depth=12),
    }.items():
        test_score = _score(model, x_train, task.y_train[:n], x_test, task.y_test)
        rows.append(
            [
                name,
                round(float((model.predict(x_train) == task.y_train[:n]).mean()), 5),
                0.0,
                round(test_score, 5),
                0.0,
            ]
        )
    ours = [row for row in rows if row[0].startswith("memorize")]
    best = max(ours, key=lambda row: row[3])

    def plot(figure: Any) -> None:
        axes = figure.subplots()
        ks = [int(row[0].split("=")[1]) for row in ours]
        for label, at in (("train", 1), ("test", 3)):
            axes.errorbar(
                ks,
                [row[at] for row in ours],
                [row[at + 1] for row in ours],
                label=f"memorize, {label}",
                marker="o",
                markersize=3,
                capsize=2,
            )
        for i, row in enumerate(rows[len(ours) :]):
            axes.axhline(row[3], color=f"C{i + 2}", linestyle="--", label=f"{row[0]}, test")
        finish(axes, "k, inputs of each LUT")

    return Result(
        "CIFAR-10, classes 0-4 against 5-9",
        "memorization generalizes on harder data too, if less.",
        ["method", "train", "±", "test", "±"],
        rows,
        best[3] > 0.55,
        f"memorize test {best[3]:.3f} ({best[0].split(', ')[1]}); "
        + ", ".join(f"{row[0]} {row[3]:.3f}" for row in rows[len(ours) :]),
        plot,
        f"3,072 bits (values of at least 128), {len(task.y_train):,} training examples for memorize (5 "
        f"hidden layers of {context.width} LUTs, {len(context.seeds)} seeds), {n:,} for the others; of the "
        "decision tree 12 levels.",
    )


def boundary(context: Context) -> Result:
    """Pictures of what is learned in two dimensions."""
    side = 128
    settings = [(2, 3), (4, 3), (8, 3), (12, 3), (6, 1), (6, 5)] if not context.quick else [(2, 2), (6, 2), (12, 2)]
    n, width_ = (4000, 256) if not context.quick else (1500, 128)
    axis = (np.arange(side) + 0.5) / side * 2 - 1
    grid = np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2)
    rows: list[list[Any]] = []
    pictures: dict[tuple[str, str], list[NDArray[np.int64]]] = {}
    jobs = [(shape, code) for shape in ("disc", "spirals") for code in ("thermometer", "binary")]
    for shape, code in context.step("boundary", jobs):
        points = np.random.default_rng(1).uniform(-1, 1, (n, 2))
        encoder, encode = _plane_code(code, side)
        task = Task(encoder, encode(points), _shape(shape, points), encode(grid), _shape(shape, grid))
        for k, layers in settings:
            fits = [task.fit([width_] * layers, k, seed) for seed in context.seeds]
            train, test = zip(*(task.accuracies(network) for network in fits), strict=True)
            rows.append([shape, code, k, layers, *spread(train), *spread(test)])
            pictures.setdefault((shape, code), []).append(
                fits[0].predict_packed(task.test, len(grid)).reshape(side, side)
            )
    by = {(r[0], r[1], r[2], r[3]): r[6] for r in rows}
    best = {job: max(r[6] for r in rows if (r[0], r[1]) == job) for job in jobs}

    def plot(figure: Any) -> None:
        figure.set_size_inches(1.15 * len(settings) + 2.2, 1.3 * len(jobs))
        all_axes = figure.subplots(len(jobs), 1 + len(settings), squeeze=False)
        for i, job in enumerate(jobs):
            truth = _shape(job[0], grid).reshape(side, side)
            titles = [
                "what is true",
                *(f"k={k}, {layers} layer{'s' * (layers > 1)}: {by[*job, k, layers]:.2f}" for k, layers in settings),
            ]
            for axes, picture, title in zip(all_axes[i], [truth, *pictures[job]], titles, strict=True):
                axes.imshow(picture, cmap="coolwarm", vmin=0, vmax=1, origin="lower", interpolation="nearest")
                axes.set_xticks([])
                axes.set_yticks([])
                axes.set_title(title, fontsize=6)
            all_axes[i][0].set_ylabel(f"{job[0]}\n{job[1]} code", fontsize=7)

    holds = best["disc", "thermometer"] > 0.93 and all(
        best[shape, "thermometer"] > best[shape, "binary"] for shape in ("disc", "spirals")
    )
    return Result(
        "Boundaries in two dimensions",
        "the code of the inputs decides what can be learned: a "
        "thermometer code gives connected regions, a binary code scattered ones; small k is smooth, "
        "large k memorizes.",
        ["shape", "code", "k", "hidden layers", "train", "±", "test", "±"],
        rows,
        holds,
        "best test accuracy: " + ", ".join(f"{s} in {c} code {v:.3f}" for (s, c), v in best.items()),
        plot,
        f"{n:,} random points, layers of {width_} LUTs, {side} steps a coordinate, test on the whole grid; "
        f"the pictures show the first of {len(context.seeds)} seeds (red: class 1) under its settings "
        "and the mean test accuracy of all.",
    )


def _shape(shape: str, points: NDArray[np.float64]) -> NDArray[np.int64]:
    """Classes of points in [-1, 1]^2: inside a disc of half the area; nearer to one of two spirals."""
    radius: NDArray[np.float64] = np.hypot(points[:, 0], points[:, 1])
    if shape == "disc":
        inside: NDArray[np.bool_] = radius < math.sqrt(2 / math.pi)
        return inside.astype(np.int64)
    turns: NDArray[np.float64] = np.arctan2(points[:, 1], points[:, 0]) / (2 * np.pi) - 1.5 * radius
    half: NDArray[np.float64] = np.floor(2 * turns)
    return (half % 2).astype(np.int64)


def _plane_code(code: str, side: int) -> tuple[Encoder, Callable[[NDArray[np.float64]], bits.Packed]]:
    """Encoder of two coordinates in `side` steps, and what makes packed bits of points."""

    def steps(points: NDArray[np.float64]) -> NDArray[np.int64]:
        return np.clip(((points + 1) / 2 * side).astype(np.int64), 0, side - 1)

    if code == "thermometer":
        features = Features.integers([0, 0], [side - 1] * 2, ("x", "y"))
        encoder = Encoder(
            features,
            np.repeat(np.arange(2, dtype=np.int32), side - 1),
            np.tile(np.arange(1, side, dtype=np.int64), 2),
        )
        return encoder, lambda points: encoder(steps(points))
    n = (side - 1).bit_length()
    names = tuple(f"{axis}[{i}]" for axis in "xy" for i in range(n))
    encoder = Encoder(
        Features.integers([0] * 2 * n, [1] * 2 * n, names), np.arange(2 * n, dtype=np.int32), np.ones(2 * n, np.int64)
    )
    return encoder, lambda points: encoder(((steps(points)[:, :, None] >> np.arange(n)) & 1).reshape(len(points), -1))


def noise(context: Context) -> Result:
    """Wrong training labels."""
    task = context.binary("mnist")
    shares = [0.0, 0.2, 0.4] if context.quick else [0.0, 0.1, 0.2, 0.3, 0.4, 0.5]
    ks = [4, 8] if context.quick else [4, 8, 12]
    rows: list[list[Any]] = []
    for share in context.step("noise", shares):
        row: list[Any] = [share]
        for k in ks:
            noisy, test = [], []
            for seed in context.seeds:
                flip = np.random.default_rng([9, seed]).random(len(task.y_train)) < share
                y = task.y_train ^ flip
                accuracies = task.accuracies(task.fit([context.width] * 5, k, seed, y), y)
                noisy.append(accuracies[0])
                test.append(accuracies[1])
            row += [*spread(noisy), *spread(test)]
        rows.append(row)
    at = dict(zip(shares, rows, strict=True))
    eight = 3 + 4 * ks.index(8)

    def plot(figure: Any) -> None:
        axes = figure.subplots()
        for i, k in enumerate(ks):
            for label, column, style in (("train, flipped labels", 1, "--"), ("test, true labels", 3, "-")):
                curve(axes, rows, 0, {f"k = {k}: {label}": 4 * i + column}, linestyle=style, color=f"C{i}")
        finish(axes, "share of training labels flipped")
        axes.legend(fontsize=7)

    columns = ["flipped"]
    for k in ks:
        columns += [f"k = {k}: train", "±", f"k = {k}: test", "±"]
    drop = at[0.0][eight] - at[0.2][eight]
    return Result(
        "Wrong labels",
        "memorization is robust: wrong training labels are outvoted at small k, and cost "
        "test accuracy slowly until they are many.",
        columns,
        rows,
        drop < 0.05 and at[0.4][eight] > 0.55,
        f"k = 8: test {at[0.0][eight]:.3f} with true labels, {at[0.2][eight]:.3f} with .2 of them flipped, "
        f"{at[0.4][eight]:.3f} with .4",
        plot,
        f"MNIST, digits 0-4 against 5-9, 5 hidden layers of {context.width} LUTs; training accuracy is "
        f"against the flipped labels, test accuracy against the true ones; {len(context.seeds)} seeds.",
    )


EXPERIMENTS: dict[str, Callable[[Context], Result]] = {
    "lookup": lookup,
    "mnist-binary": mnist_binary,
    "support": support,
    "depth": depth,
    "width": width,
    "random-labels": random_labels,
    "pairwise-mnist": pairwise_mnist,
    "cifar-binary": cifar_binary,
    "pairwise-cifar10": pairwise_cifar10,
    "boundary": boundary,
    "noise": noise,
}
"""By name, in the order of the paper."""
