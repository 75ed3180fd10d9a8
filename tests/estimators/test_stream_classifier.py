"""The classifier of sequences."""

from __future__ import annotations

import numpy as np
import pytest
from helpers.streams import tones
from sklearn.base import clone

from lut2hw.errors import UsageError
from lut2hw.sklearn import StreamClassifier


def test_it_learns_sequences_of_any_length():
    x, y = tones(80)
    labels = np.array(["low", "high"])[y]
    made = StreamClassifier("differences,segments=2", luts=8, random_state=1).fit(x[:60], labels[:60])
    assert made.score(x[60:], labels[60:]) > 0.8 and set(made.classes_) == {"low", "high"}
    assert (made.predict_proba(x[60:]).argmax(axis=1) == made.network_.predict(list(x[60:]))).all()
    again = clone(made).fit(x[:60], labels[:60])
    assert (again.predict(x) == made.predict(x)).all()
    assert made.network_.front_end.kind == "differences" and made.n_features_in_ == 1


def test_channels_may_come_first_and_be_real():
    x = np.random.default_rng(0).normal(size=(40, 12, 2))
    y = (x[:, -1, 0] > 0).astype(int)
    made = StreamClassifier("window,length=3", luts=6, k=3, random_state=0).fit(x, y)
    other = StreamClassifier("window,length=3", luts=6, k=3, random_state=0, channels_first=True)
    assert (other.fit(x.swapaxes(1, 2), y).predict(x.swapaxes(1, 2)) == made.predict(x)).all()
    assert made.score(x, y) > 0.8
    with pytest.raises(UsageError, match="40 sequences but labels"):
        made.fit(x, y[:-1])
    with pytest.raises(UsageError, match="one class"):
        made.fit(x, np.zeros(40))
