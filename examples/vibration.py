"""A stream: vibration of a machine in three axes, from sequences of samples to a core for ECP5.

The core takes a sample a clock, with marks of the first and the last one, and says which state the machine was in.
Run it in an empty folder.
"""

from pathlib import Path

import numpy as np
from sklearn.model_selection import cross_val_score

from lut2hw.artefact.emit import emit_model
from lut2hw.sklearn import StreamClassifier
from lut2hw.verify.engines import verify

LUTS = 40
STATES = ("off", "idle", "loaded", "worn")

rng = np.random.default_rng(0)
x, y = np.zeros((400, 64, 3), np.int64), np.arange(400) % len(STATES)
for sequence, state in zip(x, y, strict=True):
    time = np.arange(64)
    for axis in range(3):
        force = (0, 20, 45, 45)[state] * (1, 0.6, 0.8)[axis]
        wave = force * np.sin(time * (0, 0.5, 0.45, 0.45)[state] + 6 * rng.random())
        if state == 3:  # a worn bearing knocks
            wave += 30 * (rng.random(64) < 0.08) * rng.choice([-1, 1], 64)
        sequence[:, axis] = np.clip(wave + rng.normal(0, 4, 64), -128, 127)
names = np.array(STATES)[y]

classifier = StreamClassifier("differences,segments=4", luts=LUTS, random_state=0)
scores = cross_val_score(classifier, x[:200], names[:200], cv=4)
print(f"cross-validation: {scores.mean():.3f} (from {scores.min():.3f} to {scores.max():.3f})")
classifier.fit(x[:200], names[:200])
print(f"accuracy on new sequences {classifier.score(x[200:], names[200:]):.3f}")

manifest = emit_model(classifier.network_, Path("vibration"), target="ecp5")
print((manifest.directory / "summary.txt").read_text())
for outcome in verify(manifest):
    print(outcome.engine, "PASS" if outcome.passed else "FAIL")
    assert outcome.passed
