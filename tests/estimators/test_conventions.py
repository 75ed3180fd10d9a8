"""The checks of scikit-learn for every estimator."""

from __future__ import annotations

from typing import Any

import pytest
from sklearn.utils.estimator_checks import estimator_checks_generator

from lut2hw import DescentClassifier, DescentOutlierDetector, DescentRegressor, MemorizeClassifier

ESTIMATORS = [
    MemorizeClassifier(layers=(40,), random_state=0),
    DescentClassifier(luts=40, sweeps=3, margin=1.0),  # a margin as trees have min_weight_fraction_leaf: on noise
    DescentRegressor(luts=40, sweeps=3),
    DescentOutlierDetector(luts=20, sweeps=2),
]
DRAWS = (
    "which inputs LUTs try first is drawn by the number of examples, so that an example twice is not one of weight 2"
)
FAILS = {
    "check_sample_weight_equivalence_on_dense_data": DRAWS,
    "check_sample_weight_equivalence_on_sparse_data": DRAWS,
}


def name_of(check: Any) -> str:
    return getattr(check, "func", check).__name__


# All but the one that leaves itself out where SciPy was not told at its import to take other libraries' arrays.
CHECKS = [
    pytest.param(
        estimator,
        check,
        id=f"{type(estimator).__name__}-{name_of(check)}-{number}",
        marks=[pytest.mark.xfail(reason=FAILS[name_of(check)])] if name_of(check) in FAILS else [],
    )
    for each in ESTIMATORS
    for number, (estimator, check) in enumerate(estimator_checks_generator(each))
    if name_of(check) != "check_array_api_input"
]


@pytest.mark.parametrize(("estimator", "check"), CHECKS)
def test_check_estimator(estimator: Any, check: Any) -> None:
    check(estimator)
