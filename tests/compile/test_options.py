"""Options of a compilation: checked in one place, the same in Python, in the manifest and on the command line."""

from __future__ import annotations

import json

import pytest
from helpers.networks import random_network
from hypothesis import given
from hypothesis import strategies as st

from lut2hw.artefact.emit import emit_model, load
from lut2hw.compile.options import CompileOptions
from lut2hw.errors import Lut2hwError, UsageError
from lut2hw.verify.engines import verify

ANY = st.builds(
    CompileOptions,
    pipeline=st.sampled_from(["auto", "7", 3]),
    encoded_inputs=st.booleans(),
    dont_cares=st.sampled_from(["off", "unseen", "rare:3"]),
    effort=st.sampled_from(["normal", "high"]),
    fmax=st.none() | st.floats(0.1, 9_999),
    ram=st.sampled_from(["never", "auto"]),
    device=st.none() | st.sampled_from(["up5k", "hx8k"]),
)


@given(options=ANY)
def test_options_survive_the_manifest_and_the_command_line(options):
    assert CompileOptions.from_json(json.loads(json.dumps(options.as_json()))) == options
    words, read = options.arguments(), {}
    while words:
        name = words.pop(0).removeprefix("--").replace("-", "_")
        value = True if name == "encoded_inputs" else words.pop(0)
        read[name] = float(value) if name == "fmax" else value
    assert CompileOptions(**read) == options


@pytest.mark.parametrize(
    "wrong",
    [
        {"pipeline": True},
        {"pipeline": 1.5},
        {"pipeline": None},
        {"pipeline": "9" * 5000},
        {"encoded_inputs": 1},
        {"dont_cares": None},
        {"dont_cares": "rare:-1"},
        {"effort": ["high"]},
        {"fmax": "50"},
        {"fmax": float("nan")},
        {"fmax": True},
        {"ram": None},
        {"device": 5},
        {"fmaks": 50.0},
    ],
)
def test_wrong_values_are_one_line(wrong, tmp_path):
    with pytest.raises(UsageError) as error:
        CompileOptions.from_json(wrong)
    assert "\n" not in str(error.value)
    folder = emit_model(random_network(2), tmp_path / "core", pipeline=1).directory
    data = json.loads((folder / "manifest.json").read_text())
    (folder / "manifest.json").write_text(json.dumps({**data, "options": {**data["options"], **wrong}}))
    with pytest.raises(Lut2hwError, match="emit the core again") as error:
        load(folder)
    assert "\n" not in str(error.value)


def test_the_manifest_says_what_was_compiled(tmp_path):
    """By whichever way it was asked for; a folder that names less is compiled by default; nothing is hidden."""
    network = random_network(3)
    one = emit_model(network, tmp_path / "one", CompileOptions(pipeline=2, encoded_inputs=True))
    two = emit_model(network, tmp_path / "two", pipeline="2", encoded_inputs=True)
    assert one.options == two.options == CompileOptions(pipeline=2, encoded_inputs=True)
    assert (one.directory / "manifest.json").read_bytes() == (two.directory / "manifest.json").read_bytes()
    path = one.directory / "manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "options": {"pipeline": "2"}}))
    old = load(one.directory)
    assert old.options == CompileOptions(pipeline=2)
    [outcome] = verify(old, ["golden"], vectors=64)
    assert outcome.passed
    with pytest.raises(TypeError):
        emit_model(network, tmp_path / "three", pipelines=2)
    assert not (tmp_path / "three").exists()
