"""Sequences from files: arrays, recordings, long tables and .ts, in splits that do not divide groups."""

from __future__ import annotations

import wave

import numpy as np
import pytest
from helpers.streams import ragged, tones

from lut2hw.data import load_sequences
from lut2hw.errors import UsageError


def test_ragged_arrays_and_whole_ones_are_the_same(tmp_path):
    x, y = tones()
    made = load_sequences(ragged(tmp_path / "r.npz"))
    cut = np.stack([each[:20] for each in x])
    np.savez(tmp_path / "x.npz", x=cut[:, :, None], y=y)
    np.savez(tmp_path / "s.npz", samples=cut.ravel(), length=np.full(60, 20), label=y)
    whole, same = load_sequences(tmp_path / "x.npz"), load_sequences(tmp_path / "s.npz")
    assert len(made.train) == 44 and len(made.test) == 16 and made.class_names == ("0", "1")
    assert sorted(made.train.length) != sorted(whole.train.length) == [20] * 44
    assert (whole.train.values == same.train.values).all() and (whole.y_test == same.y_test).all()
    assert int(made.samples.low[0]) < -40 and made.samples.names == ("x",)


def test_own_splits_are_kept(tmp_path):
    x = np.random.default_rng(0).normal(size=(8, 5, 3))
    np.savez(tmp_path / "x.npz", x_train=x[:5], y_train=[0, 1, 0, 1, 0], x_test=x[5:], y_test=[1, 0, 1])
    made = load_sequences(tmp_path / "x.npz")
    assert made.y_test.tolist() == [1, 0, 1] and made.train.channels == 3
    assert np.abs(made.samples.real(made.train.values) - x[:5].reshape(-1, 3)).max() < 1e-3
    with pytest.raises(UsageError, match="has a test split of its own"):
        load_sequences(tmp_path / "x.npz", test_split=0.5)


def test_groups_stay_together(tmp_path):
    who = np.array(["ann", "bob", "cid", "dan"])[np.arange(60) // 15]
    path = ragged(tmp_path / "r.npz", who=who)
    drawn = load_sequences(path, group="who")
    assert len(drawn.test) in (15, 30) and set(np.bincount(drawn.group_train)) == {15}
    named = load_sequences(path, group="who", test_group="bob,dan")
    assert len(named.test) == 30 and named.options["test_group"] == "bob,dan"
    for wrong, message in (
        ({"group": "speaker"}, "no array 'speaker' with a group for each of 60 sequences"),
        ({"group": "who", "test_group": "eve"}, "unknown group"),
        ({"group": "who", "test_group": "ann,bob,cid,dan"}, "leaves no group"),
        ({"test_group": "ann"}, "--test-group names groups"),
        ({"time": "t"}, r"--time is not for a \.npz file"),
        ({"drop_missing": True}, "--drop-missing is not for sequences"),
        ({"label": "y"}, "no array 'y' of labels"),
    ):
        with pytest.raises(UsageError, match=message):
            load_sequences(path, **wrong)


def recording(path, samples, width=2, rate=8000):
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(width)
        file.setframerate(rate)
        data = samples.astype("<i2") if width == 2 else ((samples >> 8) + 128).astype(np.uint8)
        file.writeframes(data.tobytes())


@pytest.mark.parametrize("width", [1, 2])
def test_recordings_in_folders(tmp_path, width):
    x, y = tones(16)
    for i, each in enumerate(x):
        recording(tmp_path / "r" / ("low", "high")[y[i]] / f"{i:02}.wav", each.astype(np.int64) << 8, width)
    made = load_sequences(tmp_path / "r", test_split=0.25)
    assert made.class_names == ("high", "low") and len(made.test) == 4
    assert (made.samples.low[0], made.samples.high[0]) == (-32768, 32767)
    first = made.train if made.y_train[0] == 0 else made.test
    assert (first[0][:, 0] == x[1].astype(np.int64) << 8).all() or len(made.test) == 4
    recording(tmp_path / "r" / "low" / "other.wav", x[0], width, 16000)
    with pytest.raises(UsageError, match="different sample rates, 8000 Hz"):
        load_sequences(tmp_path / "r")
    (tmp_path / "r" / "low" / "other.wav").write_bytes(b"RIFF")
    with pytest.raises(UsageError, match=r"not a readable \.wav file"):
        load_sequences(tmp_path / "r")


def test_long_tables(tmp_path):
    x, y = tones(12)
    rows = [(i, t, v, -v, "ab"[y[i]], f"m{i // 4}") for i, each in enumerate(x) for t, v in enumerate(each.tolist())]
    np.random.default_rng(0).shuffle(rows)
    text = "\n".join(["run,t,left,right,label,machine", *(",".join(map(str, row)) for row in rows)])
    (tmp_path / "long.csv").write_text(text + "\n")
    made = load_sequences(tmp_path / "long.csv", sequence_id="run", time="t", group="machine", test_split="0.2")
    assert made.samples.names == ("left", "right") and len(made.train) == 8 and len(made.test) == 4
    lengths = sorted([*made.train.length, *made.test.length])
    assert lengths == sorted(map(len, x)) and (made.train.values[:, 0] == -made.train.values[:, 1]).all()
    assert {tuple(each[:, 0]) for each in made.train} <= {tuple(each) for each in x}
    with pytest.raises(UsageError, match="give --sequence-id COLUMN"):
        load_sequences(tmp_path / "long.csv")
    with pytest.raises(UsageError, match="several values of 'left'"):
        load_sequences(tmp_path / "long.csv", sequence_id="run", label="left", ignore="label,machine")
    with pytest.raises(UsageError, match=r"column .machine. of .* must hold numbers"):
        load_sequences(tmp_path / "long.csv", sequence_id="run", time="t")


def test_ts_files(tmp_path):
    head = "# a comment\n@problemName Tones\n@univariate true\n@classLabel true a b\n@data\n"
    (tmp_path / "T_TRAIN.ts").write_text(head + "1,2,3:a\n4,5,6.5:b\n1,1,1:a\n0,0:b\n")
    (tmp_path / "T_TEST.ts").write_text(head + "1,2:b\n")
    made = load_sequences(tmp_path / "T_TRAIN.ts")
    assert made.train.length.tolist() == [3, 3, 3, 2] and made.y_test.tolist() == [1]
    (tmp_path / "T_TEST.ts").write_text(head + "1,?:b\n")
    with pytest.raises(UsageError, match=r"line 6 of .* is not of numbers"):
        load_sequences(tmp_path / "T_TRAIN.ts")
