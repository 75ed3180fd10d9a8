"""DescentClassifier as scikit-learn users expect it; the checks of scikit-learn itself are in test_conventions.py."""

from __future__ import annotations

import pickle

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_iris
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from lut2hw import DescentClassifier
from lut2hw.model.network import to_bytes


def test_pipeline_and_grid_search() -> None:
    x, y = load_iris(return_X_y=True)
    model = make_pipeline(StandardScaler(), DescentClassifier(luts=30, sweeps=3, random_state=0))
    assert cross_val_score(model, x, y, cv=3).mean() > 0.85
    search = GridSearchCV(
        DescentClassifier(luts=30, sweeps=2, random_state=0), {"k": [2, 4], "bits_per_feature": [1, 6]}, cv=3
    )
    assert search.fit(x, y).best_score_ > 0.9
    assert search.best_params_["bits_per_feature"] == 6  # one threshold cannot tell three species


def test_frames_and_string_labels() -> None:
    cancer = load_breast_cancer(as_frame=True)
    names = pd.Series(np.array(cancer.target_names)[cancer.target], name="diagnosis")
    model = DescentClassifier(luts=40, sweeps=3, random_state=0).fit(cancer.data, names)
    assert model.network_.features.names == tuple(cancer.data.columns)
    assert model.network_.class_names == ("benign", "malignant") and model.network_.head.kind == "threshold"
    assert model.score(cancer.data, names) > 0.95
    with pytest.raises(ValueError, match="feature names"):
        model.predict(cancer.data[cancer.data.columns[::-1]])


def test_sparse_one_hot() -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"colour": rng.choice(list("rgb"), 400), "size": rng.choice(list("sml"), 400)})
    y = ((frame["colour"] == "r") ^ (frame["size"] == "l")).to_numpy()
    x = OneHotEncoder().fit_transform(frame)
    assert sparse.issparse(x)
    model = DescentClassifier(luts=10, sweeps=3, random_state=0).fit(x, y)
    assert model.score(x, y) == 1
    assert (model.predict(x) == model.predict(x.toarray())).all()


def test_clone_pickle_and_the_same_bytes() -> None:
    x, y = load_iris(return_X_y=True)
    model = DescentClassifier(luts=24, sweeps=2, random_state=5, n_jobs=1).fit(x, y)
    again = clone(model).set_params(n_jobs=2).fit(x, y)
    assert to_bytes(model.network_) == to_bytes(again.network_)
    assert (pickle.loads(pickle.dumps(model)).predict(x) == model.predict(x)).all()
