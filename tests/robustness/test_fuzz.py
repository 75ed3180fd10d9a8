"""Every reader on hostile bytes: an answer or one clear line; no traceback, no hang, no memory out of proportion.

Each corpus is whole files; an input is one of them with bytes flipped, cut out, repeated, spliced or replaced by
what such formats choke on; half of the inputs for archives and JSON are whole again after the change (checksums
made anew), so that they get past the first gate. What was accepted is used. A crash found once is kept in
`tests/corpus/<reader>/` and is tried first.
"""

from __future__ import annotations

import copy
import gzip
import io
import json
import pickle
import pickletools
import random
import resource
import tempfile
import time
import zipfile
from collections.abc import Callable
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from helpers.networks import random_network

from lut2hw import data
from lut2hw import exchange as imports
from lut2hw.artefact.emit import emit_model, load
from lut2hw.artefact.folder import Manifest
from lut2hw.artefact.vectors import Vectors
from lut2hw.data import idx
from lut2hw.errors import Lut2hwError
from lut2hw.exchange import aiger, blif, pla
from lut2hw.exchange.trees import ensemble
from lut2hw.files import npz_bytes
from lut2hw.flow import result as results
from lut2hw.model import network as model
from lut2hw.model.file import _digest

COUNT = WIDTH = OUTPUTS = 0  # vectors, input bits and output bits of the first sample
DATA: dict = {}  # its manifest
CORPUS = Path(__file__).parent.parent / "corpus"
ENCODINGS = ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "latin-1", "cp1252")
FAST, SLOW, BLOCKS = 100, 100_000, 10
SECONDS, MEGABYTES = 5.0, 600

TOKENS = [
    b"",
    b"\0",
    b"-1",
    b"99999999999999999999",
    b"NaN",
    b"1e400",
    b"[" * 3000,
    b"{" * 3000,
    b'"',
    b"\n",
    b",,,,",
    b"../../x",
    b"__import__('os')",
    b"\x80\x04c",
    b"PK\x05\x06",
    b"\xff\xfe",
    "é".encode(),
    b".end",
    b".names",
    b"null",
    b"true",
    b"1" * 5000,
    b" " * 2000,
]


def mutate(rng: random.Random, corpus: list[bytes]) -> bytes:
    """One hostile input."""
    content = bytearray(rng.choice(corpus))
    for _ in range(rng.randint(1, 4)):
        at = rng.randrange(len(content) + 1)
        to = min(len(content), at + rng.randint(0, 40))
        kind = rng.randrange(7)
        if kind == 0 and at < len(content):
            content[at] ^= 1 << rng.randrange(8)
        elif kind == 1:
            del content[at:to]
        elif kind == 2:
            content[at:at] = content[at:to] * rng.randint(1, 20)
        elif kind == 3:
            content[at:to] = rng.choice(TOKENS)
        elif kind == 4:
            other = rng.choice(corpus)
            content[at:] = other[rng.randrange(len(other) + 1) :]
        elif kind == 5:
            del content[at:]
        elif at < len(content):
            content[at : at + 4] = rng.randbytes(4)
    return bytes(content)


VALUES = [
    None,
    True,
    -1,
    0,
    1,
    2,
    1 << 31,
    1 << 63,
    10**30,
    -(1 << 63),
    0.5,
    1e308,
    float("nan"),
    float("inf"),
    "",
    "x",
    "../../x",
    'é\n"',
    "1" * 400,
    [],
    {},
    [[]],
    [1, 2],
    {"a": 1},
    "<i4",
    "|O",
    "0",
    "9" * 21,
]


def mutate_json(rng: random.Random, value: object) -> object:
    """The value with one to three nodes replaced, removed or repeated."""
    value = copy.deepcopy(value)
    for _ in range(rng.randint(1, 3)):
        node, places = value, []
        while isinstance(node, dict | list) and node and (not places or rng.random() < 0.8):
            key = rng.choice(list(node)) if isinstance(node, dict) else rng.randrange(len(node))
            places.append((node, key))
            node = node[key]
        if not places:
            return rng.choice(VALUES)
        holder, key = places[-1]
        kind = rng.randrange(6)
        if kind == 0:
            del holder[key]
        elif kind == 1 and isinstance(holder, list):
            holder.insert(key, copy.deepcopy(holder[key]))
        elif kind == 2 and isinstance(node, int):
            holder[key] = node + rng.choice([-1, 1, 1 << rng.randrange(70)])
        elif kind == 3 and len(places) > 1:
            holder[key] = copy.deepcopy(places[-2][0])
        else:
            holder[key] = copy.deepcopy(rng.choice(VALUES))
    return value


def mutate_array(rng: random.Random, value: np.ndarray) -> np.ndarray:
    """Other values, another shape or another type."""
    kind, value = rng.randrange(6), value.copy()
    if kind == 0 and value.size and value.dtype.kind in "iuf":
        flat = value.reshape(-1)
        special = (
            [np.nan, np.inf, -1e300]
            if value.dtype.kind == "f"
            else [np.iinfo(value.dtype).min, np.iinfo(value.dtype).max, 0, 1]
        )
        flat[rng.randrange(len(flat))] = rng.choice(special)
        return flat.reshape(value.shape)
    if kind == 1 and value.size:
        flat = value.reshape(-1).view(np.uint8)
        flat[rng.randrange(len(flat))] ^= 1 << rng.randrange(8)
        return value
    if kind == 2:
        return value[: rng.randrange(len(value) + 1)] if value.ndim else value[None]
    if kind == 3:
        return value.astype(rng.choice(["|u1", "<i4", "<i8", "<f8", "<u4", "|b1", "<U3", "<f2", "<c16"]))
    if kind == 4:
        return value.reshape(-1) if rng.random() < 0.5 else value[..., None]
    return np.resize(value, rng.choice([(0,), (1, 1), (3,), (0, 5), (2, 0, 2), (700, 3)]))


@lru_cache(maxsize=100)
def parsed(content: bytes) -> dict[str, np.ndarray]:
    with np.load(io.BytesIO(content), allow_pickle=False) as archive:
        return dict(archive)


def mutate_whole(rng: random.Random, reader: str, corpus: list[bytes]) -> bytes | None:
    """One hostile input that is a whole archive or JSON text; None for other formats."""
    content = rng.choice(corpus)
    if reader == "torch":
        return mutate_torch(rng, content)
    if reader in ("manifest", "netlist", "build", "trees"):
        return json.dumps(mutate_json(rng, loaded(content))).encode()
    if reader not in ("model", "vectors", "npz", "checkpoint"):
        return None
    arrays = dict(parsed(content))
    header = json.loads(arrays.pop("header").tobytes()) if reader == "model" else {}
    if reader == "model" and rng.random() < 0.5:
        header = mutate_json(rng, header)
    else:
        name = rng.choice(list(arrays))
        kind = rng.randrange(8)
        if kind == 0:
            del arrays[name]
        elif kind == 1:
            arrays[rng.choice([*arrays, "x", "layer9_wiring", "3.weights"])] = arrays[name]
        else:
            arrays[name] = mutate_array(rng, arrays[name])
        if reader == "model" and rng.random() < 0.9:
            header["arrays"] = {name: [value.dtype.str, list(value.shape)] for name, value in arrays.items()}
    if reader == "model":
        if isinstance(header, dict):
            header["sha256"] = _digest(header, arrays)
        arrays = {"header": np.frombuffer(json.dumps(header).encode(), np.uint8), **arrays}
    return npz_bytes(arrays.items())


def mutate_torch(rng: random.Random, content: bytes) -> bytes:
    """A whole archive with another pickle."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(out, "w") as new:
        for info in old.infolist():
            data = old.read(info)
            if info.filename.endswith("data.pkl"):
                data = mutate(rng, [data, PICKLES])
            new.writestr(info.filename, data)
    return out.getvalue()


PICKLES = b"".join(opcode.code.encode("latin-1") + bytes(range(5)) for opcode in pickletools.opcodes)


@lru_cache(maxsize=100)
def loaded(content: bytes) -> object:
    return json.loads(content)


@pytest.fixture(scope="module")
def samples(tmp_path_factory):
    """Whole files by kind."""
    folder = tmp_path_factory.mktemp("samples")
    heads = ["bit", "threshold", "argmax", "number", "labels", "argmax reject"]
    networks = [random_network(seed, luts=6, head=head) for seed, head in enumerate(heads)]
    manifests = [emit_model(network, folder / f"core{i}", pipeline=1) for i, network in enumerate(networks)]
    global COUNT, WIDTH, OUTPUTS, DATA
    COUNT, WIDTH = manifests[0].n_vectors, manifests[0].input_port.width
    OUTPUTS = manifests[0].output_port.width
    DATA = dict(manifests[0].data)
    arrays = {
        "x_train": np.arange(40).reshape(10, 4),
        "y_train": np.arange(10) % 2,
        "x_test": np.arange(8).reshape(2, 4),
        "y_test": np.array([0, 1]),
    }
    packed = io.BytesIO()
    np.savez(packed, **arrays)
    text = ".i 4\n.o 1\n.ilb a b c d\n.ob f\n" + "".join(f"{p:04b} {p % 3 % 2}\n" for p in range(16)) + ".e\n"
    rng = np.random.default_rng(0)
    checkpoints = [
        npz_bytes(
            [
                ("classes", np.array(2)),
                ("inputs", np.array(6)),
                ("0.weights", rng.random((4, 16))),
                ("0.a", rng.integers(0, 6, 4)),
                ("0.b", rng.integers(0, 6, 4)),
            ]
        ),
        npz_bytes(
            [
                ("classes", np.array(2)),
                ("thresholds", rng.random((3, 2))),
                ("0.mapping", rng.integers(0, 6, (4, 3))),
                ("0.luts", rng.random((4, 8)) - 0.5),
            ]
        ),
    ]
    tree = {
        "feature": [0, -1, -1],
        "threshold": [0.5, 0.0, 0.0],
        "left": [1, -1, -1],
        "right": [2, -1, -1],
        "value": [[0.0], [-1.5], [2.0]],
        "outputs": [0],
    }
    xgboost = {
        "left_children": [1, -1, -1],
        "right_children": [2, -1, -1],
        "split_indices": [0, 0, 0],
        "split_conditions": [0.5, -0.1, 0.2],
        "split_type": [0, 0, 0],
    }
    forests = [
        {
            "format": ensemble.FORMAT,
            "version": 1,
            "trees": [tree, tree],
            "feature_names": None,
            "n_features": 2,
            "class_names": ["a", "b"],
            "base": [0.0],
            "comparison": "<",
            "single": False,
            "at_zero": 0,
            "source": "x",
        },
        {
            "learner": {
                "objective": {"name": "binary:logistic"},
                "feature_names": [],
                "learner_model_param": {"num_class": "0", "num_feature": "2", "base_score": "5E-1"},
                "gradient_booster": {"name": "gbtree", "model": {"trees": [xgboost], "tree_info": [0]}},
            }
        },
    ]
    torch = [
        path.read_bytes()
        for path in sorted((Path(__file__).parent.parent / "checkpoints").glob("*.pt"))
        if path.name == "difflogic.pt"
    ]
    words = "größe;art;label\r\n" + '3,5;süß;"ja"\r\n4,25;"herb; kühl";nein\r\n' * 5
    zipped = io.BytesIO()
    with zipfile.ZipFile(zipped, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("table.csv", words)
    stored: dict[str, list[bytes]] = {"parquet": [], "arrow": [], "picture": []}
    if find_spec("pyarrow"):
        import pyarrow
        from pyarrow import parquet

        rows = {"a": [1, 2, 3, None] * 3, "b": ["x", "y", None, "z"] * 3, "label": [0, 1, 0, 1] * 3}
        for options in ({"compression": "none"}, {"compression": "snappy"}):
            parquet.write_table(pyarrow.table(rows), out := io.BytesIO(), **options)
            stored["parquet"].append(out.getvalue())
        for make in (pyarrow.ipc.new_file, pyarrow.ipc.new_stream):
            with make(out := io.BytesIO(), pyarrow.table(rows).schema) as writer:
                writer.write_table(pyarrow.table(rows))
            stored["arrow"].append(out.getvalue())
    if find_spec("PIL"):
        from PIL import Image

        for kind in ("png", "jpeg", "gif", "bmp", "tiff", "ppm"):
            Image.fromarray(np.arange(48, dtype=np.uint8).reshape(6, 8)).save(out := io.BytesIO(), kind)
            stored["picture"].append(out.getvalue())
    array = io.BytesIO()
    np.save(array, np.arange(40.0).reshape(10, 4))
    arff = b"% made\n@relation r\n@attribute a numeric\n@attribute 'b c' {x, 'y z'}\n@attribute class {u,v}\n@data\n"
    idx = b"\0\0\x08\x03" + np.array([2, 3, 4], ">u4").tobytes() + bytes(range(24))
    return {
        "checkpoint": checkpoints,
        "torch": torch,
        "trees": [json.dumps(forest).encode() for forest in forests],
        "idx": [idx, b"\0\0\x08\x01\0\0\0\x05\1\2\3\4\5"],
        "gzip": [gzip.compress(idx, mtime=0)],
        "build": [
            json.dumps(
                {"board": "icebreaker", "baud": 115200, "bitstream": "/x/top.bin", "fingerprint": "00"}
            ).encode()
        ],
        "model": [model.to_bytes(network) for network in networks],
        "manifest": [(m.directory / "manifest.json").read_bytes() for m in manifests],
        "netlist": [(m.directory / "netlist.json").read_bytes() for m in manifests],
        "vectors": [(m.directory / "vectors.npz").read_bytes() for m in manifests],
        "npz": [packed.getvalue()],
        "csv": [
            b"a,b,label\n" + b"1,2,x\n3,4,y\n" * 5,
            b"label,p\n" + b"yes,0.5\nno,-1.25\n" * 5,
            *(words.encode(encoding) for encoding in ENCODINGS),
        ],
        "csv.gz": [gzip.compress(words.encode(), mtime=0)],
        "csv.zip": [zipped.getvalue()],
        **stored,
        "npy": [array.getvalue()],
        "arff": [arff + b"1,x,u\n2.5,'y z',v\n?,x,u\n" * 4, arff + b"{0 3, 2 v}\n{1 'y z'}\n" * 4],
        "libsvm": [b"1 1:0.5 3:2\n-1 2:1 # why\n" * 5, b"0 qid:1 1:3\n1 qid:2 2:4\n" * 5],
        "pla": [text.encode()],
        "blif": [b".model m\n.inputs a b c\n.outputs y\n.names a b t\n11 1\n.names t c y\n1- 1\n-1 1\n.end\n"],
        "aiger": [b"aag 3 2 0 1 1\n2\n4\n6\n6 2 4\n", b"aig 3 2 0 1 1\n6\n\x02\x02"],
    }


def read_data(suffix: str) -> Callable[[bytes, Path], object]:
    def read(content: bytes, folder: Path) -> object:
        path = folder / f"data{suffix}"
        path.write_bytes(content)
        return data.load(path)

    return read


def read_npy(content: bytes, folder: Path) -> object:
    (folder / "arrays").mkdir(exist_ok=True)
    np.save(folder / "arrays" / "y.npy", np.arange(10) % 2)
    (folder / "arrays" / "x.npy").write_bytes(content)
    return data.load(folder / "arrays" / "x.npy")


def read_picture(content: bytes, folder: Path) -> object:
    for name in ("a", "b"):
        (folder / "pictures" / name).mkdir(parents=True, exist_ok=True)
        for number in range(3):
            (folder / "pictures" / name / f"{number}.ppm").write_bytes(b"P5 8 6 255 " + bytes(range(48)))
    (folder / "pictures" / "a" / "0.png").write_bytes(content)
    return data.load(folder / "pictures")


def read_import(module) -> Callable[[bytes, Path], object]:
    def read(content: bytes, folder: Path) -> object:
        path = folder / "import"
        path.write_bytes(content)
        return module.read(path)

    return read


def read_manifest(content: bytes, folder: Path) -> object:
    (folder / "manifest.json").write_bytes(content)
    return load(folder)


def read_netlist(content: bytes, folder: Path) -> object:
    manifest = SimpleNamespace(
        directory=folder,
        target=DATA["target"],
        latency=1,
        folded=None,
        input_port=SimpleNamespace(width=WIDTH),
        network_port=SimpleNamespace(width=WIDTH),
        network_output=SimpleNamespace(width=OUTPUTS),
        data=DATA,
        file=lambda name: content,
    )
    return Manifest.netlist.func(manifest)  # type: ignore


def read_vectors(content: bytes, folder: Path) -> object:
    path = folder / "vectors.npz"
    path.write_bytes(content)
    return Vectors.load(path, COUNT, WIDTH)


def read_model(content: bytes, folder: Path) -> object:
    network = model.from_bytes(content)
    return network.predict_integers(network.features.low[None])


def read_checkpoint(content: bytes, folder: Path) -> object:
    path = folder / "import.npz"
    path.write_bytes(content)
    return imports.read(path)


def read_torch(content: bytes, folder: Path) -> object:
    path = folder / "import.pt"
    path.write_bytes(content)
    return imports.read(path)


def read_trees(content: bytes, folder: Path) -> object:
    path = folder / "import.json"
    path.write_bytes(content)
    return imports.read(path)


def read_idx(suffix: str) -> Callable[[bytes, Path], object]:
    def read(content: bytes, folder: Path) -> object:
        path = folder / f"data-idx3{suffix}"
        path.write_bytes(content)
        return idx.read_idx(path)

    return read


def read_build(content: bytes, folder: Path) -> object:
    (folder / "icebreaker").mkdir(exist_ok=True)
    (folder / "icebreaker" / "build.json").write_bytes(content)
    built = results.read_build(SimpleNamespace(directory=folder))  # type: ignore
    assert Path(built["bitstream"]).parent == folder / "icebreaker"
    return built


READERS: dict[str, Callable[[bytes, Path], object]] = {
    "model": read_model,
    "manifest": read_manifest,
    "netlist": read_netlist,
    "checkpoint": read_checkpoint,
    "torch": read_torch,
    "trees": read_trees,
    "idx": read_idx(""),
    "gzip": read_idx(".gz"),
    "build": read_build,
    "vectors": read_vectors,
    "npz": read_data(".npz"),
    "csv": read_data(".csv"),
    "csv.gz": read_data(".csv.gz"),
    "csv.zip": read_data(".csv.zip"),
    "parquet": read_data(".parquet"),
    "arrow": read_data(".arrow"),
    "arff": read_data(".arff"),
    "libsvm": read_data(".libsvm"),
    "npy": read_npy,
    "picture": read_picture,
    "pla": read_data(".pla"),
    "blif": read_import(blif),
    "aiger": read_import(aiger),
    "pla network": read_import(pla),
}


def fuzz(reader: str, corpus: list[bytes], n: int, seed: int, folder: Path) -> int:
    """Try n inputs; returns how many were refused. A failure names the file that shows it."""
    rng = random.Random(f"{reader} {seed}")
    refused, before = 0, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    beside = set(folder.parent.iterdir())
    kept = sorted((CORPUS / reader.replace(" ", "_")).glob("*"))
    for number in range(n + len(kept)):
        if number < len(kept):
            content = kept[number].read_bytes()
        else:
            content = (mutate_whole(rng, reader, corpus) if rng.random() < 0.5 else None) or mutate(rng, corpus)
        began = time.process_time()
        try:
            READERS[reader](content, folder)
        except Lut2hwError as error:
            refused += 1
            assert "\n" not in str(error).strip() or "\\n" in str(error), error
        except BaseException:
            where = Path(tempfile.gettempdir()) / f"lut2hw-crash-{reader.replace(' ', '_')}-{seed}-{number}"
            where.write_bytes(content)
            print(f"\ncrash kept in {where}")
            raise
        assert time.process_time() - began < SECONDS, (reader, seed, number)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert (peak - before) // 1024 < MEGABYTES, (before, peak)
    assert len(list(folder.iterdir())) <= 1
    assert set(folder.parent.iterdir()) == beside
    return refused


@pytest.fixture
def folder():
    """Empty, and in memory where there is such a place: disks flush a file that is written again and again."""
    with tempfile.TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None) as name:
        (Path(name) / "in").mkdir()
        yield Path(name) / "in"


pytestmark = pytest.mark.filterwarnings("error::RuntimeWarning")  # a stray line on the terminal


@pytest.mark.parametrize("reader", READERS)
def test_reader_survives_a_sample(reader, samples, folder):
    corpus = samples[reader.split()[0]]
    if not corpus:
        pytest.skip(f"without a library for {reader}")
    for content in corpus[:1] if reader in ("vectors", "netlist") else corpus:  # what is whole is read
        READERS[reader](content, folder)
    assert fuzz(reader, corpus, FAST, 0, folder) > 0


@pytest.mark.slow
@pytest.mark.parametrize("block", range(BLOCKS))
@pytest.mark.parametrize("reader", READERS)
def test_reader_survives(reader, block, samples, folder):
    if not samples[reader.split()[0]]:
        pytest.skip(f"without a library for {reader}")
    fuzz(reader, samples[reader.split()[0]], SLOW // BLOCKS, 1 + block, folder)


def test_archive_bombs_are_refused(tmp_path):
    """Small files that claim or unpack to gigabytes."""
    bomb = io.BytesIO()
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in ("header", "inputs", "classes", "x_train", "y_train", "x_test", "y_test"):
            member = io.BytesIO()
            np.lib.format.write_array_header_1_0(
                member, {"descr": "|u1", "fortran_order": False, "shape": (1 << 34,)}
            )
            archive.writestr(f"{name}.npy", member.getvalue() + bytes(1 << 20))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for reader in ("model", "vectors", "npz", "checkpoint"):
        with pytest.raises(Lut2hwError):
            READERS[reader](bomb.getvalue(), tmp_path)
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024 < MEGABYTES


@pytest.mark.parametrize("suffix", [".csv.gz", ".csv.zip", ".pla.gz"])
def test_bombs_of_text_are_refused(suffix, tmp_path, monkeypatch):
    """What expands a thousandfold is not read to its end."""
    monkeypatch.setattr("lut2hw.data.source.ALWAYS_ALLOWED", 1 << 20)
    text = b"a,label\n" + b"0,0\n" * (16 << 20)
    if suffix.endswith(".gz"):
        content = gzip.compress(text, mtime=0)
    else:
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("table.csv", text)
        content = out.getvalue()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(Lut2hwError, match="MiB when it is read"):
        read_data(suffix)(content, tmp_path)
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024 < MEGABYTES


def test_pickle_bombs_are_refused(tmp_path):
    """A few bytes that would take gigabytes of memo, or for ever to hash, to share tensors or to call."""
    nested = b"(lp0\n0)" + b"".join(b"2\x86" for _ in range(60))  # a tuple of twice the tuple before
    bombs = {
        "memo": b"\x80\x02Nr\xff\xff\xff\x1f.",
        "key": b"\x80\x02}" + nested + b"Ns.",
        "ordered": b"\x80\x02ccollections\nOrderedDict\n]" + nested + b"N\x86a\x85R.",
        "set": b"\x80\x04\x8f(" + nested + b"\x90.",
        "frozenset": b"\x80\x04(" + nested + b"\x91.",
        "builtins set": b"\x80\x02cbuiltins\nset\n]" + nested + b"a\x85R.",
        "system": b"cos\nsystem\n(S'touch owned'\ntR.",
        "eval": b"cbuiltins\neval\n(S'1/0'\ntR.",
    }
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for name, content in bombs.items():
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w") as archive:
            archive.writestr("x/data.pkl", content)
        began = time.process_time()
        with pytest.raises(Lut2hwError):
            READERS["torch"](out.getvalue(), tmp_path)
        assert time.process_time() - began < SECONDS, name
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024 < MEGABYTES
    assert not Path("owned").exists() and pickle.loads(bombs["memo"][:3] + b".") is None


def test_pickles_are_not_run(tmp_path):
    class Evil:
        def __reduce__(self):
            return (Path.touch, (tmp_path / "owned",))

    out = io.BytesIO()
    np.savez(
        out, x_train=np.array([Evil()], object), y_train=np.array([0]), x_test=np.array([[1]]), y_test=np.array([0])
    )
    for reader in ("npz", "model", "vectors"):
        with pytest.raises(Lut2hwError):
            READERS[reader](out.getvalue(), tmp_path)
    assert not (tmp_path / "owned").exists()
