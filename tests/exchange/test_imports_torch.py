"""difflogic and torch_dwn models as torch.save writes them: the network answers as the library does.

The files in checkpoints/ were written by PyTorch and the libraries themselves (checkpoints/models.py). Where these
are installed, random models are compared as well.
"""

from __future__ import annotations

import io
import pickle
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sklearn.datasets import load_digits

from lut2hw.cli import main
from lut2hw.errors import FormatError, UsageError
from lut2hw.exchange import read
from lut2hw.exchange.checkpoints import dwn, torchfile
from lut2hw.exchange.checkpoints import file as checkpoints
from lut2hw.model.features import Features

CHECKPOINTS = Path(__file__).parent.parent / "checkpoints"
BYTES = Features.integers(np.zeros(64), np.full(64, 16))


@pytest.mark.parametrize(("name", "threshold"), [("difflogic", 8), ("dwn", None), ("dwn_state", None)])
def test_the_libraries_own_answers(name, threshold):
    x, _ = load_digits(return_X_y=True)
    if threshold is None:
        x, features = x.astype(np.int64), BYTES
    else:
        x, features = (x >= threshold).astype(np.int64), None
    network = checkpoints.read(CHECKPOINTS / f"{name}.pt", features)
    expected = np.load(CHECKPOINTS / "expected.npz")[name]
    assert (network.scores(x) == expected).all()
    assert (network.predict(x) == expected.argmax(axis=1)).all()
    assert len(np.unique(expected.argmax(axis=1))) > 5


def test_the_command_imports_and_the_rest_follows(tmp_path, capsys):
    model = tmp_path / "dwn.lut"
    assert main(["import", str(CHECKPOINTS / "dwn.pt"), "--data", "digits", "-o", str(model)]) == 0
    assert "DWN: " in capsys.readouterr().out
    assert main(["verify", str(model), "--engine", "golden"]) == 0


def test_what_a_state_dict_cannot_say():
    with pytest.raises(UsageError, match="save the model itself"):
        read(CHECKPOINTS / "difflogic_state.pt")


class Evil:
    def __reduce__(self):
        return (exec, ("import builtins; builtins.evil = True",))


def archive(value: object, **members: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as file:
        file.writestr("m/data.pkl", value if isinstance(value, bytes) else pickle.dumps(value, 2))
        for name, content in members.items():
            file.writestr(f"m/data/{name}", content)
    return out.getvalue()


def test_nothing_in_a_file_runs(tmp_path):
    import builtins

    path = tmp_path / "m.pt"
    path.write_bytes(archive({"classes": 2, "0.luts": Evil(), "more": [Evil()]}))
    with pytest.raises(UsageError, match="no array"):
        read(path)
    assert not hasattr(builtins, "evil")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"PK\x03\x04rubbish",
        b"\x80\x02}q\x00.",
        archive(b""),
        archive(b"\x80\x02."),
        archive(3),
        archive([]),
        archive({"classes": 2}),
        archive(b"\x80\x02]" + b"(" * 1000 + b"."),
        archive(b"cbuiltins\nexec\n(tR."),
    ],
)
def test_rubbish_is_refused_in_one_line(tmp_path, content):
    path = tmp_path / "m.pt"
    path.write_bytes(content)
    with pytest.raises(UsageError) as caught:
        read(path)
    assert "\n" not in str(caught.value) and str(path) in str(caught.value)


ANY = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]


@settings(max_examples=150, deadline=None, suppress_health_check=ANY)
@given(data=st.data())
def test_damaged_files_are_refused_or_read(tmp_path, data):
    """Any byte of the pickle may be wrong; then the file is refused, or it is another model."""
    name = data.draw(st.sampled_from(["difflogic", "dwn", "dwn_state"]))
    with zipfile.ZipFile(CHECKPOINTS / f"{name}.pt") as file:
        members = {info.filename: file.read(info) for info in file.infolist()}
    key = next(each for each in members if each.endswith("data.pkl"))
    broken = bytearray(members[key])
    for _ in range(data.draw(st.integers(1, 3))):
        broken[data.draw(st.integers(0, len(broken) - 1))] = data.draw(st.integers(0, 255))
    members[key] = bytes(broken)
    with zipfile.ZipFile(tmp_path / "m.pt", "w") as file:
        for each, content in members.items():
            file.writestr(each, content)
    try:
        checkpoints.read(tmp_path / "m.pt", None if name == "difflogic" else BYTES)
    except UsageError as error:
        assert "\n" not in str(error)


@pytest.mark.parametrize(
    ("offset", "size", "stride", "says"),
    [
        (0, (4,), (1,), None),
        (1, (4,), (1,), "beyond"),
        (0, (2, 2), (2, 1), None),
        (0, (2, 2), (1, 2), None),
        (0, (5,), (0,), "beyond"),
        (0, (1 << 40,), (1,), "damaged"),
        (-1, (1,), (1,), "damaged"),
        (0, (2,), (1, 1), "damaged"),
        (0, (2, 3), (1, 1), "overlaps"),
        (0, (0,), (1,), None),
        (9, (0, 3), (1, 1), None),
    ],
)
def test_tensors_stay_inside_their_bytes(offset, size, stride, says):
    storage = np.arange(4, dtype="<f4")
    if says is None:
        array = torchfile._tensor(storage, offset, size, stride, False, {})
        assert array.shape == size
        assert (
            array.tolist() == np.lib.stride_tricks.as_strided(storage, size, [4 * each for each in stride]).tolist()
        )
    else:
        with pytest.raises(UsageError, match=says):
            torchfile._tensor(storage, offset, size, stride, False, {})


# --- with the libraries --------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def library():
    """checkpoints/models.py, which says what it needs."""
    pytest.importorskip("torch", reason="needs torch: `pip install torch`; checkpoints/ has files that it wrote")
    sys.path.insert(0, str(CHECKPOINTS))
    try:
        return pytest.importorskip(
            "models", reason="needs difflogic and torch_dwn: checkpoints/models.py says how", exc_type=ImportError
        )
    finally:
        sys.path.remove(str(CHECKPOINTS))


@pytest.mark.slow
@settings(max_examples=25, deadline=None, suppress_health_check=ANY)
@given(
    seed=st.integers(0, 1 << 30),
    inputs=st.integers(3, 40),
    widths=st.lists(st.integers(25, 50), min_size=1, max_size=3),
    classes=st.integers(2, 5),
    connections=st.sampled_from(["random", "unique"]),
)
def test_random_difflogic_models(library, tmp_path, seed, inputs, widths, classes, connections):
    widths[-1] *= classes
    if inputs * (inputs - 1) < 4 * widths[0]:
        connections = "random"  # there are not enough pairs
    model = library.logic_gates(seed, inputs, widths, classes, connections)
    library.torch.save(model, tmp_path / "m.pt")
    x = np.random.default_rng(seed).integers(0, 2, (200, inputs))
    assert (read(tmp_path / "m.pt").network.scores(x) == library.scores(model, x)).all()


@pytest.mark.slow
@settings(max_examples=25, deadline=None, suppress_health_check=ANY)
@given(
    seed=st.integers(0, 1 << 30),
    inputs=st.integers(3, 40),
    widths=st.lists(st.integers(5, 50), min_size=1, max_size=3),
    n=st.integers(1, 7),
    classes=st.integers(2, 5),
    mapping=st.sampled_from(["arange", "random", "learnable"]),
    shuffled=st.booleans(),
    form=st.sampled_from(["model", "state"]),
)
def test_random_dwn_models(library, tmp_path, seed, inputs, widths, n, classes, mapping, shuffled, form):
    model = library.lut_layers(seed, inputs, widths, n, classes, mapping, shuffled and form == "model")
    value = model if form == "model" else {"classes": classes, "inputs": inputs, **model.state_dict()}
    library.torch.save(value, tmp_path / "m.pt")
    x = np.random.default_rng(seed).integers(0, 2, (200, inputs))
    assert (read(tmp_path / "m.pt").network.scores(x) == library.scores(model, x)).all()


def test_luts_without_entries_are_refused():
    with pytest.raises(FormatError, match="6 x 0 entries"):
        dwn.parse({"classes": np.array(2), "inputs": np.array(4), "0.luts": np.zeros((6, 0), np.float32)})
