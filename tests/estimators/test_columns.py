"""Frames with columns that are no numbers: text, categories, booleans, of pandas and polars, and what fails."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.model_selection import cross_val_score

from lut2hw import DescentClassifier, DescentOutlierDetector, DescentRegressor, MemorizeClassifier
from lut2hw.errors import UsageError
from lut2hw.training.recall import load_like

N = 400


def columns() -> dict[str, list[Any]]:
    rng = np.random.default_rng(0)
    return {
        "length": rng.normal(5, 2, N).round(1).tolist(),
        "count": rng.integers(0, 9, N).tolist(),
        "wet": rng.choice([True, False], N).tolist(),
        "colour": rng.choice(["red", "green", "blue"], N).tolist(),
        "side": rng.choice(["left", "right"], N).tolist(),
    }


def answers(given: dict[str, list[Any]]) -> np.ndarray:
    """Needs every column that is no number."""
    rows = zip(given["colour"], given["side"], given["wet"], strict=True)
    return np.array([(colour == "red") ^ (side == "left") ^ wet for colour, side, wet in rows])


def pandas_plain(given: dict[str, list[Any]]) -> pd.DataFrame:
    return pd.DataFrame(given)


def pandas_nullable(given: dict[str, list[Any]]) -> pd.DataFrame:
    types = {"length": "Float64", "count": "Int64", "wet": "boolean", "colour": "string", "side": "category"}
    return pd.DataFrame(given).astype(types)


def polars_plain(given: dict[str, list[Any]]) -> Any:
    return pytest.importorskip("polars").DataFrame(given)


def polars_typed(given: dict[str, list[Any]]) -> Any:
    pl = pytest.importorskip("polars")
    types = {"count": pl.UInt8, "colour": pl.Categorical, "side": pl.Enum(["right", "left"])}
    return pl.DataFrame(given).with_columns(**{name: pl.col(name).cast(kind) for name, kind in types.items()})


FRAMES = [pandas_plain, pandas_nullable, polars_plain, polars_typed]
NAMES = ("length", "count", "wet", "colour=blue", "colour=green", "colour=red", "side=right")


@pytest.mark.parametrize("frame", FRAMES)
@pytest.mark.parametrize("estimator", [DescentClassifier, MemorizeClassifier])
def test_every_kind_of_frame_is_the_same_data(estimator: type, frame: Any) -> None:
    given = columns()
    options = {"luts": 30} if estimator is DescentClassifier else {"layers": (60,), "k": 6}
    model = estimator(**options, random_state=0).fit(frame(given), answers(given))
    assert model.network_.features.names == NAMES
    assert model.n_features_in_ == 5 and list(model.feature_names_in_) == list(given)
    assert model.feature_importances_.shape == (5,)
    other = estimator(**options, random_state=0).fit(pandas_plain(given), answers(given))
    for each in FRAMES:
        assert (model.predict(each(given)) == other.predict(pandas_plain(given))).all()
    again = pickle.loads(pickle.dumps(model))
    assert (again.transform(frame(given)) == model.transform(frame(given))).all()


def test_what_is_learned_of_text_is_what_decides() -> None:
    given = columns()
    frame, y = pandas_nullable(given), answers(given)
    model = DescentClassifier(luts=60, levels=2, k=6, bits_per_feature=2, random_state=0)
    scores = cross_val_score(model, frame, y, cv=3)
    assert scores.mean() > 0.9
    model.fit(frame, y, eval_set=(frame, y))
    assert model.evals_result_["validation_0"]["accuracy"][-1] == model.score(frame, y)
    gained = dict(zip(given, model.feature_importances_, strict=True))
    assert min(gained[name] for name in ("wet", "colour", "side")) > max(gained["length"], gained["count"])


def test_the_same_as_from_a_file_and_back(tmp_path: Path) -> None:
    """One mechanism: a file with these columns is read by the estimator's network as the frame was."""
    given = columns()
    frame, y = pandas_plain(given), answers(given)
    model = DescentClassifier(luts=30, random_state=0).fit(frame, y)
    path = tmp_path / "table.csv"
    seen = np.arange(N) % 7 > 0
    frame.assign(side=frame.side.where(seen, "middle"), label=y).to_csv(path, index=False)
    data = load_like(path, model.network_, label="label")
    assert any("'middle'" in note and "never seen" in note for note in data.notes)
    expected = [data.class_names.index(str(label)) for label in model.predict(frame)[seen]]
    assert model.network_.predict(data.x_test)[seen].tolist() == expected


def test_numbers_in_text_are_numbers_and_categories_of_numbers_are_categories() -> None:
    rng = np.random.default_rng(1)
    frame = pd.DataFrame({"text": rng.integers(0, 5, 200).astype(str), "kind": rng.integers(0, 3, 200)})
    frame["kind"] = frame.kind.astype("category")
    y = (frame.kind == 1).to_numpy()
    model = DescentClassifier(luts=8, random_state=0).fit(frame, y)
    assert model.network_.features.names == ("text", "kind=0", "kind=1", "kind=2")
    assert model.score(frame, y) == 1 and model.score(frame.astype({"kind": int, "text": int}), y) == 1
    assert model.score(frame.astype({"kind": str}), y) == 1


def test_values_never_seen_and_too_many_values_are_said() -> None:
    rng = np.random.default_rng(2)
    frame = pd.DataFrame({"town": [f"t{n}" for n in rng.integers(0, 9, 300) ** 2 // 3], "x": rng.normal(size=300)})
    y = (frame.town == "t0").to_numpy()
    model = DescentClassifier(luts=8, max_categories=3, random_state=0)
    with pytest.warns(UserWarning, match="'town' has more than 3 values.*max_categories"):
        model.fit(frame, y)
    assert len(model.network_.features) == 5 and model.network_.features.names[3] == "town: other"
    known = DescentClassifier(luts=8, random_state=0).fit(frame, y)
    with pytest.warns(UserWarning, match="'town' of X holds 1 value never seen in training, in 300 of 300 rows"):
        known.predict(frame.assign(town="elsewhere"))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"when": pd.date_range("2026-01-01", periods=N)}, "'when' of X holds Datetime"),
        ({"count": ["7", *["many"] * (N - 1)]}, "X row 2: column 'count' holds 'many' among numbers"),
    ],
)
def test_columns_that_cannot_be_learned_from(change: dict[str, Any], words: str) -> None:
    given = columns()
    with pytest.raises(ValueError, match=words):
        DescentClassifier(luts=8).fit(pandas_plain(given).assign(**change), answers(given))


def test_columns_that_are_no_longer_what_they_were() -> None:
    given = columns()
    frame, y = pandas_plain(given), answers(given)
    model = DescentClassifier(luts=8, random_state=0).fit(frame, y)
    with pytest.raises(UsageError, match="fitted to a frame"):
        model.predict(frame.to_numpy())
    with pytest.raises(ValueError, match="feature names"):
        model.predict(frame[frame.columns[::-1]])
    with pytest.raises(UsageError, match="'length' holds 'long' where the model reads numbers"):
        model.predict(frame.assign(length="long"))
    numeric = DescentClassifier(luts=8, random_state=0).fit(frame[["length", "count"]], y)
    shown = frame[["length", "count"]].astype({"count": str})
    assert (numeric.predict(shown) == numeric.predict(frame[["length", "count"]])).all()
    for wrong in (0, "many"):
        with pytest.raises(UsageError, match="max_categories"):
            DescentClassifier(luts=8, max_categories=wrong).fit(frame, y)


def test_missing_values_are_values_of_their_own() -> None:
    rng = np.random.default_rng(3)
    x = rng.normal(size=(400, 3))
    gone = rng.random(400) < 0.3
    x[gone, 1] = np.nan
    y = np.where(gone, x[:, 0] > 0, x[:, 1] > 0.5)
    for model in (
        DescentClassifier(luts=20, levels=2, random_state=0),
        MemorizeClassifier(layers=(60,), k=6, random_state=0),
        DescentRegressor(luts=20, random_state=0),
    ):
        model.fit(x, y.astype(float))
        assert model.score(x, y) > 0.6 and model.network_.features.missing.tolist() == [False, True, False]
        with pytest.raises(ValueError, match="trained without missing values"):
            model.predict(x[:, [1, 0, 2]])
        frame = pd.DataFrame(x, columns=["x0", "x1", "x2"])
        assert (model.network_.predict(x) == model.network_.predict(frame.to_numpy())).all()
    with pytest.raises(ValueError, match="infinity"):
        model.fit(np.where(np.isnan(x), np.inf, x), y)
    detector = DescentOutlierDetector(luts=20, sweeps=1, random_state=0).fit(x)
    assert set(detector.predict(x)) <= {-1, 1}


@pytest.mark.parametrize("make", [pandas_plain, pandas_nullable, polars_plain, polars_typed])
def test_missing_values_of_every_kind_of_column(make: Any) -> None:
    given: dict[str, list[Any]] = columns()
    y = np.array([colour == "red" for colour in given["colour"]])
    for name in given:
        given[name][1::7] = [None] * len(given[name][1::7])
    y[1::7] = True
    frame = make(given)
    model = DescentClassifier(luts=12, random_state=0).fit(frame, y)
    names = model.network_.features.names
    assert {"colour: missing", "side: missing", "colour=red"} <= set(names)
    assert dict(zip(names, model.network_.features.missing, strict=True))["length"]
    assert model.score(frame, y) == 1
    other = DescentClassifier(luts=12, random_state=0).fit(pandas_plain(columns()), y)
    with pytest.raises(UsageError, match="trained without missing values"):
        other.predict(frame)
