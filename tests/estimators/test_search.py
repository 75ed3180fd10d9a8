"""A search over every parameter of every estimator."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

from lut2hw import DescentClassifier, DescentOutlierDetector, DescentRegressor, MemorizeClassifier

VALUES: dict[str, dict[str, Any]] = {
    "augment": {"augment": "flip", "image_shape": (2, 4)},
    "bits_per_feature": {"bits_per_feature": "auto"},
    "board": {"board": "icestick", "luts": None, "sweeps": 1, "votes": 8},
    "calibration": {"calibration": 0.3},
    "class_weight": {"class_weight": "balanced"},
    "clip_k": {"clip_k": False},
    "contamination": {"contamination": 0.2},
    "device": {"device": "hx1k", "luts": None, "sweeps": 1, "votes": 8},
    "image_shape": {"image_shape": (2, 4)},
    "inputs": {"inputs": 6},
    "k": {"k": 3},
    "layers": {"layers": (5, 3)},
    "levels": {"levels": 2},
    "like": {"like": "first.lut", "luts": None, "layers": (1000, 1000)},  # the test saves it; sizes are defaults
    "link": {"link": "spi", "device": "hx1k", "luts": None, "sweeps": 1, "votes": 8},
    "loss": {"loss": "quantile:0.7"},
    "luts": {"luts": 12},
    "margin": {"margin": 2.0},
    "max_categories": {"max_categories": 3},
    "n_jobs": {"n_jobs": 1},
    "patience": {"patience": 1, "validation": 0.2},
    "proposals": {"proposals": 4},
    "random_state": {"random_state": 7},
    "restarts": {"restarts": 1},
    "share": {"share": False, "levels": 2},
    "subspace": {"subspace": 0.5},
    "sweeps": {"sweeps": 2},
    "target": {"target": "ecp5", "device": "12k", "utilization": 0.05, "luts": None, "sweeps": 1, "votes": 8},
    "tau": {"tau": 2.0},
    "teacher": {"teacher": "linear"},
    "threshold": {"threshold": 4.0},
    "time_limit": {"time_limit": 1e6},
    "utilization": {"utilization": 0.7, "device": "hx1k", "luts": None, "sweeps": 1, "votes": 8},
    "validation": {"validation": 0.25},
    "votes": {"votes": 6},
    "warm_start": {"warm_start": True},
    "window": {"window": 2, "image_shape": (2, 4)},
}
"""A value of each parameter, with those that it needs beside it."""
ESTIMATORS = [
    DescentClassifier(luts=8, sweeps=1, calibration=None, random_state=0),
    MemorizeClassifier(layers=(6,), calibration=None, random_state=0),
    DescentRegressor(luts=8, sweeps=1, random_state=0),
    DescentOutlierDetector(luts=8, sweeps=1, random_state=0),
]


def test_every_parameter_is_searched() -> None:
    assert {name for each in ESTIMATORS for name in each.get_params()} == set(VALUES)


@pytest.mark.slow
@pytest.mark.parametrize("estimator", ESTIMATORS, ids=lambda each: type(each).__name__)
def test_a_search_over_each_parameter(estimator: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    x = rng.integers(0, 9, (120, 8))
    y = x[:, 0] * 1.5 + x[:, 1] if isinstance(estimator, DescentRegressor) else (x[:, 0] + x[:, 1]) // 9
    known = estimator.get_params()
    if "like" in known:
        clone(estimator).fit(x, y).network_.save("first.lut")
    for name in known:
        if name in ("board", "device", "link", "target", "utilization") and "luts" not in known:
            continue  # memorize fills no device, and says so
        values = {key: [value] for key, value in VALUES[name].items() if key in known}
        search = GridSearchCV(
            clone(estimator),
            values,
            cv=2,
            error_score="raise",
            scoring=None if hasattr(estimator, "score") else ranks,
        )
        search.fit(x, y)
        assert np.isfinite(search.best_score_), name
        assert getattr(search.best_estimator_, name) == VALUES[name][name]
        assert len(search.predict(x)) == len(x)


def ranks(estimator: Any, x: Any, y: Any = None) -> float:
    """A score for detectors of outliers, which have none of their own."""
    return float((estimator.predict(x) == 1).mean())
