"""Which cases of a test belong to the fast run."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest


def first(fast: Iterable[Any], every: Iterable[Any]) -> list[Any]:
    """Every case, those not among `fast` marked slow: `make test` takes the fast ones, `make test-all` all."""
    fast, every = list(fast), list(every)
    assert all(case in every for case in fast)
    return [
        case
        if case in fast
        else pytest.param(*(case if isinstance(case, tuple) else (case,)), marks=pytest.mark.slow)
        for case in every
    ]
