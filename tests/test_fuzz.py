"""Every reader on hostile bytes: an answer or one clear line; no traceback, no hang, no memory out of proportion.

Each corpus is whole files; an input is one of them with bytes flipped, cut out, repeated, spliced or replaced by
what such formats choke on. A crash found once is kept in `tests/corpus/<reader>/` and is tried first.
"""

from __future__ import annotations

import io
import random
import resource
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from test_compile import random_network

from lut2hw import data, model
from lut2hw.emit import emit_model, load, netlist_file
from lut2hw.emit.vectors import Vectors
from lut2hw.errors import Lut2hwError
from lut2hw.imports import aiger, blif, pla

CORPUS = Path(__file__).parent / "corpus"
FAST, SLOW = 150, 100_000
SECONDS, MEGABYTES = 5.0, 600

TOKENS = [b"", b"\0", b"-1", b"99999999999999999999", b"NaN", b"1e400", b"[" * 3000, b"{" * 3000, b'"', b"\n",
          b",,,,", b"../../x", b"__import__('os')", b"\x80\x04c", b"PK\x05\x06", b"\xff\xfe", "é".encode(), b".end",
          b".names", b"null", b"true", b"1" * 5000, b" " * 2000]


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
            content[at:] = other[rng.randrange(len(other) + 1):]
        elif kind == 5:
            del content[at:]
        elif at < len(content):
            content[at:at + 4] = rng.randbytes(4)
    return bytes(content)


@pytest.fixture(scope="module")
def samples(tmp_path_factory):
    """Whole files by kind."""
    folder = tmp_path_factory.mktemp("samples")
    networks = [random_network(seed, luts=6, head=["bit", "threshold", "argmax"][seed]) for seed in range(3)]
    manifests = [emit_model(network, folder / f"core{i}", pipeline=1) for i, network in enumerate(networks)]
    arrays = {"x_train": np.arange(40).reshape(10, 4), "y_train": np.arange(10) % 2,
              "x_test": np.arange(8).reshape(2, 4), "y_test": np.array([0, 1])}
    packed = io.BytesIO()
    np.savez(packed, **arrays)
    text = ".i 4\n.o 1\n.ilb a b c d\n.ob f\n" + "".join(f"{p:04b} {p % 3 % 2}\n" for p in range(16)) + ".e\n"
    return {
        "model": [model.to_bytes(network) for network in networks],
        "manifest": [(m.directory / "manifest.json").read_bytes() for m in manifests],
        "netlist": [(m.directory / "netlist.json").read_bytes() for m in manifests],
        "vectors": [(m.directory / "vectors.npz").read_bytes() for m in manifests],
        "npz": [packed.getvalue()],
        "csv": [b"a,b,label\n" + b"1,2,x\n3,4,y\n" * 5, b"label,p\n" + b"yes,0.5\nno,-1.25\n" * 5],
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
    try:
        return netlist_file.from_json(content.decode())
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):  # one line in `Manifest.netlist`
        return None


def read_vectors(content: bytes, folder: Path) -> object:
    path = folder / "vectors.npz"
    path.write_bytes(content)
    return Vectors.load(path, 2000, 9)


READERS: dict[str, Callable[[bytes, Path], object]] = {
    "model": lambda content, folder: model.from_bytes(content), "manifest": read_manifest, "netlist": read_netlist,
    "vectors": read_vectors, "npz": read_data(".npz"), "csv": read_data(".csv"), "pla": read_data(".pla"),
    "blif": read_import(blif), "aiger": read_import(aiger), "pla network": read_import(pla),
}


def fuzz(reader: str, corpus: list[bytes], n: int, seed: int, folder: Path) -> int:
    """Try n inputs; returns how many were refused. A failure names the file that shows it."""
    rng = random.Random(f"{reader} {seed}")
    refused = 0
    kept = sorted((CORPUS / reader.replace(" ", "_")).glob("*"))
    for number in range(n + len(kept)):
        content = kept[number].read_bytes() if number < len(kept) else mutate(rng, corpus)
        began = time.process_time()
        try:
            READERS[reader](content, folder)
        except Lut2hwError as error:
            refused += 1
            assert "\n" not in str(error).strip() or "\\n" in str(error), error
        except BaseException:
            where = folder.parent / f"crash-{reader.replace(' ', '_')}-{seed}-{number}"
            where.write_bytes(content)
            print(f"\ncrash kept in {where}")
            raise
        assert time.process_time() - began < SECONDS, (reader, seed, number)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    assert peak < 4000, peak
    inside = {path.name for path in folder.iterdir()}
    assert inside <= {"manifest.json", "vectors.npz", "import", *(f"data{s}" for s in (".npz", ".csv", ".pla"))}
    return refused


@pytest.mark.parametrize("reader", READERS)
def test_reader_survives_a_sample(reader, samples, tmp_path):
    corpus = samples[reader.split()[0]]
    folder = tmp_path / "in"
    folder.mkdir()
    for content in corpus if reader != "vectors" else ():  # what is whole is read
        READERS[reader](content, folder)
    assert fuzz(reader, corpus, FAST, 0, folder) > 0 or reader == "netlist"


@pytest.mark.slow
@pytest.mark.parametrize("block", range(20))
@pytest.mark.parametrize("reader", READERS)
def test_reader_survives(reader, block, samples, tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    fuzz(reader, samples[reader.split()[0]], SLOW // 20, 1 + block, folder)


def test_archive_bombs_are_refused(tmp_path):
    """Small files that claim or unpack to gigabytes."""
    import zipfile
    bomb = io.BytesIO()
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in ("header", "inputs", "classes", "x_train", "y_train", "x_test", "y_test"):
            member = io.BytesIO()
            np.lib.format.write_array_header_1_0(member, {"descr": "|u1", "fortran_order": False,
                                                          "shape": (1 << 34,)})
            archive.writestr(f"{name}.npy", member.getvalue() + bytes(1 << 20))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for reader in ("model", "vectors", "npz"):
        with pytest.raises(Lut2hwError):
            READERS[reader](bomb.getvalue(), tmp_path)
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024 < MEGABYTES


def test_pickles_are_not_run(tmp_path):
    class Evil:
        def __reduce__(self):
            return (Path.touch, (tmp_path / "owned",))

    out = io.BytesIO()
    np.savez(out, x_train=np.array([Evil()], object), y_train=np.array([0]), x_test=np.array([[1]]),
             y_test=np.array([0]))
    for reader in ("npz", "model", "vectors"):
        with pytest.raises(Lut2hwError):
            READERS[reader](out.getvalue(), tmp_path)
    assert not (tmp_path / "owned").exists()
