"""MemorizeClassifier as scikit-learn users expect it."""

from __future__ import annotations

import pickle

import numba
import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.datasets import load_digits, load_iris
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from lut2hw import MemorizeClassifier
from lut2hw.errors import UsageError
from lut2hw.model.network import LutNetwork, to_bytes


@pytest.fixture(scope="module")
def digits():
    return load_digits(return_X_y=True)


def test_digits(digits):
    x, y = digits
    model = MemorizeClassifier(random_state=0).fit(x[:1000], y[:1000])
    assert model.score(x[1000:], y[1000:]) > 0.87
    assert isinstance(model.network_, LutNetwork)
    assert (model.network_.predict(x) == model.predict(x)).all()
    assert model.decision_function(x).shape == (len(x), 10)
    assert (model.classes_[model.decision_function(x).argmax(axis=1)] == model.predict(x)).all()


def test_same_seed_same_network_for_any_n_jobs(digits):
    x, y = digits
    made = {
        to_bytes(MemorizeClassifier(layers=(60,), random_state=3, n_jobs=jobs).fit(x, y).network_)
        for jobs in (None, 1, 2, -1)
    }
    assert len(made) == 1
    assert numba.get_num_threads() == numba.config.NUMBA_NUM_THREADS
    with pytest.raises(UsageError, match="n_jobs"):
        MemorizeClassifier(n_jobs=0).fit(x, y)


def test_pipeline_and_grid_search():
    x, y = load_iris(return_X_y=True)
    model = make_pipeline(StandardScaler(), MemorizeClassifier(layers=(60,), k=4, random_state=0))
    assert cross_val_score(model, x, y).mean() > 0.85
    search = GridSearchCV(MemorizeClassifier(random_state=0), {"k": [2, 4], "layers": [(30,), (30, 30)]}, cv=3)
    assert search.fit(x, y).best_score_ > 0.85
    assert set(search.best_params_) == {"k", "layers"}


def test_frames_and_string_labels():
    iris = load_iris(as_frame=True)
    names = np.array(iris.target_names)[iris.target]
    model = MemorizeClassifier(layers=(60,), k=4, random_state=0).fit(iris.data, names)
    assert model.network_.features.names == tuple(iris.data.columns)
    assert model.network_.class_names == ("setosa", "versicolor", "virginica")
    assert (model.predict(iris.data) == names).mean() > 0.9
    assert model.network_.features.scale.tolist() == [10] * 4  # one decimal stays exact
    with pytest.raises(ValueError, match="feature names"):
        model.predict(iris.data[iris.data.columns[::-1]])


def test_sparse_one_hot():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"colour": rng.choice(list("rgb"), 400), "size": rng.choice(list("sml"), 400)})
    y = ((frame["colour"] == "r") ^ (frame["size"] == "l")).to_numpy()
    x = OneHotEncoder().fit_transform(frame)
    assert sparse.issparse(x)
    model = MemorizeClassifier(layers=(50,), k=6, random_state=0).fit(x, y)
    assert model.score(x, y) == 1
    assert (model.predict(x) == model.predict(x.toarray())).all()


def test_partial_fit_adds_layers(digits):
    x, y = digits
    labels = y >= 5
    model = MemorizeClassifier(layers=(300, 300, 200), k=8, random_state=0)
    scores = []
    for depth in range(1, 5):
        model.partial_fit(x[:1200], labels[:1200])
        assert [len(layer) for layer in model.network_.layers] == [*[300, 300, 200, 200][:depth], 1]
        scores.append(model.score(x[1200:], labels[1200:]))
    assert scores[2] > scores[0] > 0.6
    before = model.network_
    model.partial_fit(x[:1200], labels[:1200])
    for old, new in zip(before.layers[:-1], model.network_.layers, strict=False):
        assert (old.tables == new.tables).all()  # layers are never trained again
    # Layer by layer on the same data is the same as all at once.
    whole = MemorizeClassifier(layers=(300, 300, 200), k=8, random_state=0).fit(x[:1200], labels[:1200])
    part = MemorizeClassifier(layers=(300, 300, 200), k=8, random_state=0)
    for _ in range(3):
        part.partial_fit(x[:1200], labels[:1200])
    assert (whole.predict(x) == part.predict(x)).all()


def test_partial_fit_classes(digits):
    x, y = digits
    some = y < 5
    model = MemorizeClassifier(layers=(100,), random_state=0).partial_fit(x[some], y[some], classes=np.arange(10))
    model.partial_fit(x, y)
    assert model.score(x, y) > 0.8
    with pytest.raises(ValueError, match="not in classes"):
        MemorizeClassifier(layers=(100,)).partial_fit(x[some], y[some]).partial_fit(x, y)


def test_many_layers_one_table_and_pickle(digits):
    x, y = digits
    odd = y % 2
    one = MemorizeClassifier(layers=(), k=10, random_state=0).fit(x, odd)
    assert one.network_.n_luts == 1
    again = pickle.loads(pickle.dumps(one))
    assert (again.predict(x) == one.predict(x)).all()
    with pytest.raises(ValueError, match="one class"):
        MemorizeClassifier().fit(x, odd * 0)
    with pytest.raises(ValueError, match="k must be"):
        MemorizeClassifier(k=0).fit(x, odd)
