"""Estimators in other processes: forked before and after a fit, in pools, and in scikit-learn's searches."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

START = """
import hashlib, multiprocessing as mp, os, sys
import numpy as np
from lut2hw import DescentClassifier, MemorizeClassifier
from lut2hw.model.network import to_bytes
rng = np.random.default_rng(0)
x = rng.integers(0, 16, (300, 12)); y = (x[:, 0] > x[:, 1]) + (x[:, 2] > 8)
def fit(seed):
    whole = to_bytes(DescentClassifier(luts=12, random_state=seed).fit(x, y).network_)
    return hashlib.sha256(whole).hexdigest()
"""
WAYS = {
    "child after fit": """
wanted = fit(0)
sender, receiver = mp.Pipe()
child = mp.get_context("fork").Process(target=lambda: sender.send(fit(0)))
child.start(); child.join(200)
assert child.exitcode == 0, child.exitcode
assert receiver.poll(1) and receiver.recv() == wanted
""",
    "pool after fit": """
wanted = [fit(seed) for seed in range(3)]
with mp.get_context("fork").Pool(2) as pool:
    assert pool.map_async(fit, range(3)).get(200) == wanted
""",
    "pool alone": """
with mp.get_context("fork").Pool(2) as pool:
    made = pool.map_async(fit, range(2)).get(200)
assert made == [fit(0), fit(1)]
""",
    "joblib": """
import joblib
wanted = [fit(seed) for seed in range(2)]
for backend in ("loky", "multiprocessing", "threading"):
    assert joblib.Parallel(2, backend=backend)(joblib.delayed(fit)(seed) for seed in range(2)) == wanted, backend
""",
    "cross_val_score": """
from sklearn.model_selection import cross_val_score
for make in (DescentClassifier(luts=12, random_state=0), MemorizeClassifier(layers=(8,), k=4, random_state=0)):
    alone = cross_val_score(make, x, y, cv=3)
    assert (cross_val_score(make, x, y, cv=3, n_jobs=2) == alone).all()
""",
}


@pytest.mark.slow
@pytest.mark.parametrize("way", WAYS)
def test_fit_in_other_processes(way, tmp_path):
    """The same models as in this one, and an end."""
    (tmp_path / "it.py").write_text(START + WAYS[way])
    done = subprocess.run(
        [sys.executable, "it.py"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path), "NUMBA_NUM_THREADS": "2"},
        capture_output=True,
        text=True,
        timeout=400,
    )
    assert done.returncode == 0, done.stdout + done.stderr
