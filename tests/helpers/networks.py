"""Random networks, examples for them, and the check that a netlist equals its network."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from lut2hw import bits
from lut2hw.logic.port import INPUT, OUTPUT
from lut2hw.model.encoder import Encoder
from lut2hw.model.features import Features
from lut2hw.model.network import LutNetwork
from lut2hw.model.parts import Head, Layer


def random_network(
    seed: int,
    *,
    head: str = "argmax",
    k_max: int = 6,
    weighted: bool = True,
    signed: bool = True,
    care: bool = False,
    luts: int = 12,
    missing: bool = False,
) -> LutNetwork:
    """A network that is random in everything the model allows.

    Parameters
    ----------
    head : str
        A kind of head, with " reject" behind it for one that rejects. Weights have both signs, those of numbers and
        labels are powers of two in every other network.
    missing : bool
        About half of the features may be missing.
    """
    head, rejects, _ = head.partition(" reject")
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 6))
    low = rng.integers(-40, 5, n) if signed else np.zeros(n, np.int64)
    features = Features.integers(low, low + rng.integers(1, 70, n))
    if missing:
        features = replace(features, missing=np.random.default_rng(seed + 1).random(n) < 0.5)
    b = int(rng.integers(1, 10))
    feature = rng.integers(0, n, b).astype(np.int32)
    threshold = rng.integers(features.low[feature] + 1, features.high[feature] + 1)
    layers, first = [], b
    for _ in range(int(rng.integers(0, 4))):
        k = int(rng.integers(0, k_max + 1))
        size = int(rng.integers(1, luts))
        tables = rng.random((size, 1 << k)) < rng.random()
        layers.append(
            Layer(
                rng.integers(0, first, (size, k)).astype(np.int32),
                bits.pack_tables(tables),
                bits.pack_tables(rng.random((size, 1 << k)) < 0.6) if care else None,
            )
        )
        first += size
    c = int(rng.integers(2, 8)) if head == "argmax" else 2
    votes = int(rng.integers(0, 40))
    names: tuple[str, ...] = ()
    if head == "bit":
        made = Head.bit(int(rng.integers(0, first)))
    elif head in ("number", "labels"):
        names = tuple(f"y{i}" for i in range(int(rng.integers(1, 5))))
        weight = rng.integers(-9, 10, votes)
        if seed % 2:
            weight = rng.choice([-1, 1], votes) << rng.integers(0, 6, votes)
        arrays = (
            rng.integers(0, first, votes),
            rng.integers(0, len(names), votes),
            weight if weighted else np.ones(votes, int),
            rng.integers(-20, 20, len(names)) if weighted else -rng.integers(0, 1 + votes // 2, len(names)),
        )
        made = Head.labels(*arrays) if head == "labels" else Head.number(*arrays, rng.integers(-3, 9, len(names)))
    else:
        scores = c if head == "argmax" else 1
        weight = rng.integers(-9, 10, votes) if weighted else np.ones(votes)
        made = Head(
            head,
            rng.integers(0, first, votes).astype(np.int32),
            rng.integers(0, rng.integers(1, scores + 1), votes).astype(np.int32),
            weight.astype(np.int32),
            rng.integers(-20, 20, scores) if weighted else np.zeros(scores, np.int64),
        )
        if rejects:
            made = replace(made, reject=int(rng.integers(1, 2 + made.margin_range[1] // 2)))
    classes = () if names else tuple(f"c{i}" for i in range(c))
    return LutNetwork(Encoder(features, feature, threshold), tuple(layers), made, classes, target_names=names)


def two_features(head: str) -> LutNetwork:
    """A network of the features `heat` (0 to 20) and `mode` (0 to 3) that is small enough to see through."""
    features = replace(Features.integers([0, 0], [20, 3]), names=("heat", "mode"))
    encoder = Encoder(features, np.array([0, 0, 1], np.int32), np.array([5, 12, 2]))
    arrays = [0, 1, 2, 0], [0, 1, 1, 1], [3, 2, -4, 1], [-2, 1]
    if head == "argmax reject":
        made = replace(Head.argmax([0, 1, 2], [0, 1, 2], 3), reject=1)
        return LutNetwork(encoder, (), made, ("cold", "hot", "mild"))
    made = Head.number(*arrays, [1, 0]) if head == "number" else Head.labels(*arrays)
    return LutNetwork(encoder, (), made, (), target_names=("power", "flow"))


def vote_network(
    n_luts: int,
    k: int,
    n_classes: int,
    n_bits: int = 30,
    seed: int = 0,
    *,
    low: float = 0.5,
    care: float | None = None,
) -> LutNetwork:
    """One layer of random LUTs, each a vote, in turn for each class; `low` is the share of ones in the tables."""
    rng = np.random.default_rng(seed)
    features = Features.integers(np.zeros(n_bits, np.int64), np.ones(n_bits, np.int64))
    wiring = np.array([rng.permutation(n_bits)[:k] for _ in range(n_luts)], np.int32)
    layer = Layer(
        wiring,
        bits.pack_tables(rng.random((n_luts, 1 << k)) < low),
        None if care is None else bits.pack_tables(rng.random((n_luts, 1 << k)) < care),
    )
    return LutNetwork(
        Encoder(features, np.arange(n_bits, dtype=np.int32), np.ones(n_bits, np.int64)),
        (layer,),
        Head.argmax(np.arange(n_bits, n_bits + n_luts), np.arange(n_luts) % n_classes, n_classes),
        tuple(f"c{i}" for i in range(n_classes)),
    )


def shared_network(
    seed: int, groups: int, per_group: int, width: int, k: int, *, layers: int = 2, head: str = "argmax"
) -> LutNetwork:
    """Layers whose tables read `k` of `width` signals that their group shares."""
    rng = np.random.default_rng(seed)
    network = vote_network(groups * per_group, k, 3, n_bits=2 * width, seed=seed)
    made, first = [], 2 * width
    for number in range(layers):
        low = 0 if number == 0 or groups * per_group < width else first - groups * per_group
        wiring = []
        for _ in range(groups):
            pool = rng.permutation(np.arange(low, first))[:width]
            wiring += [np.sort(rng.permutation(pool)[:k]) for _ in range(per_group)]
        made.append(Layer(np.array(wiring, np.int32), bits.pack_tables(rng.random((len(wiring), 1 << k)) < 0.5)))
        first += len(wiring)
    votes = first - groups * per_group + np.arange(groups * per_group)
    return replace(network, layers=tuple(made), head=replace(network.head, signal=votes.astype(np.int32)))


def inputs_of(network: LutNetwork, n: int, seed: int = 0) -> np.ndarray:
    """Examples inside the ranges, with many at a threshold and just below."""
    rng = np.random.default_rng(seed)
    features, encoder = network.features, network.encoder
    x = rng.integers(features.low, features.high + 1, (n, len(features)))
    bit = rng.integers(0, len(encoder), n)
    x[np.arange(n), encoder.feature[bit]] = encoder.threshold[bit] - rng.integers(0, 2, n)
    return x


def classes(netlist, port, network: LutNetwork, x: np.ndarray) -> np.ndarray:
    """Class numbers that a netlist gives."""
    out = netlist.evaluate(**{INPUT: port.bits_of(network, x)})[OUTPUT]
    return (bits.unpack(out, len(x)).astype(np.int64) << np.arange(len(out))[:, None]).sum(axis=0)


def check(compiled, n: int = 200) -> None:
    """Same answers, consistent pipeline, only what the target has."""
    network, netlist = compiled.network, compiled.netlist
    x = inputs_of(network, n)
    assert (classes(netlist, compiled.input_port, network, x) == network.predict_integers(x)).all()
    assert netlist.latency == compiled.latency
    assert len(netlist.outputs[OUTPUT]) == max(1, (network.n_classes - 1).bit_length())
    for cell in netlist.cells:
        if cell.kind == "lut":
            assert len(cell.inputs) <= compiled.target.lut_inputs
        if cell.kind != "ff":
            compiled.target.primitive(cell)
