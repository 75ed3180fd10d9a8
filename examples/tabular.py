"""A table of real measurements: breast cancer cells (scikit-learn), from a CSV file to hardware for ECP5.

The estimator is scikit-learn's kind, so cross-validation and pipelines work; the network inside it is what the
hardware is made of. Run it in an empty folder.
"""

from pathlib import Path

import pandas as pd
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import cross_val_score, train_test_split

from lut2hw.artefact.emit import emit_model
from lut2hw.sklearn import DescentClassifier
from lut2hw.training.recall import load_like
from lut2hw.verify.engines import verify

LUTS = 60

frame = load_breast_cancer(as_frame=True).frame
frame["label"] = frame.pop("target").map({0: "malignant", 1: "benign"})
frame.to_csv("cells.csv", index=False)

table = pd.read_csv("cells.csv")
labels = table.pop("label")
scores = cross_val_score(DescentClassifier(luts=LUTS, random_state=0), table, labels, cv=5)
print(f"cross-validation: {scores.mean():.3f} (from {scores.min():.3f} to {scores.max():.3f})")

x_train, x_test, y_train, y_test = train_test_split(table, labels, random_state=0, stratify=labels)
model = DescentClassifier(luts=LUTS, random_state=0).fit(x_train, y_train)
print(f"test accuracy {model.score(x_test, y_test):.3f} with {model.network_.n_luts} LUTs")

model.network_.save("cells.lut")
dataset = load_like("cells.csv", model.network_)
manifest = emit_model(model.network_, Path("cells"), target="ecp5", data=dataset)
print((manifest.directory / "summary.txt").read_text())
for outcome in verify(manifest):
    print(outcome.engine, "PASS" if outcome.passed else "FAIL")
    assert outcome.passed
