"""A number instead of a class: made-up houses, one column of text, by a scikit-learn estimator, as a core for iCE40.

The estimator learns a sum of weighted lookup tables in fixed point; the core puts the sum out as it is, and the model
says where its binary point is. Run it in an empty folder.
"""

from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.ensemble import RandomForestRegressor
from sklearn.metrics import r2_score
from sklearn.model_selection import train_test_split

from lut2hw.artefact.emit import emit_model
from lut2hw.sklearn import DescentRegressor
from lut2hw.verify.engines import verify

rng = np.random.default_rng(0)
n = 2000
houses = pd.DataFrame(
    {
        "area": rng.integers(30, 250, n),
        "rooms": rng.integers(1, 8, n),
        "town": rng.choice(["Aston", "Beck", "Colby"], n),
        "garden": rng.choice([True, False], n),
    }
)
factor = houses["town"].map({"Aston": 1.0, "Beck": 1.4, "Colby": 0.7})
price = (2.0 * houses["area"] + 15 * houses["rooms"]) * factor + 40 * houses["garden"] + rng.normal(0, 15, n)

x_train, x_test, y_train, y_test = train_test_split(houses, price, random_state=0)
model = DescentRegressor(luts=60, random_state=0)
model.fit(x_train, y_train, eval_set=(x_test, y_test), verbose=4)
forest = RandomForestRegressor(random_state=0).fit(pd.get_dummies(x_train), y_train)
print(f"R2 {model.score(x_test, y_test):.3f}", end=", ")
print(f"of a random forest {r2_score(y_test, forest.predict(pd.get_dummies(x_test))):.3f}")
for name, gain in zip(houses, model.feature_importances_, strict=True):
    print(f"{name:8} {gain:.2f}")

network = model.network_
network.save("prices.lut")
manifest = emit_model(network, Path("prices"), target="ice40")
print((manifest.directory / "summary.txt").read_text())
print(f"price = output / 2**fraction, with fraction {network.head.fraction}")
for outcome in verify(manifest, ["golden", "amaranth"]):
    print(outcome.engine, "PASS" if outcome.passed else "FAIL")
    assert outcome.passed
