"""Trees of scikit-learn on digits as networks: agreement with the original, and size, by bits of the leaf values."""

from __future__ import annotations

import numpy as np
from sklearn.ensemble import GradientBoostingClassifier, HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.tree import DecisionTreeClassifier
from threadpoolctl import threadpool_limits

from lut2hw import data, targets
from lut2hw.compile import area
from lut2hw.exchange import trees

MODELS = {
    "decision tree": DecisionTreeClassifier(random_state=0),
    "random forest of 30": RandomForestClassifier(30, random_state=0),
    "random forest of 30, depth 6": RandomForestClassifier(30, max_depth=6, random_state=0),
    "gradient boosting, 20 rounds, depth 3": GradientBoostingClassifier(n_estimators=20, random_state=0),
    "histogram boosting, 20 rounds, 8 leaves": HistGradientBoostingClassifier(
        max_iter=20, max_leaf_nodes=8, random_state=0
    ),
}


def main() -> None:
    """Print one row for each model and number of leaf bits."""
    digits = data.load("digits")
    print(f"{'model':40} bits  sklearn  lut2hw   same   LUTs  iCE40 logic cells")
    for name, model in MODELS.items():
        with threadpool_limits(1):
            theirs = model.fit(digits.x_train, digits.y_train).predict(digits.x_test)
        for leaf_bits in (4, 8):
            network = trees.to_network(trees.from_sklearn(model), digits.features, leaf_bits=leaf_bits)
            ours = network.predict(digits.x_test)
            cells = area.estimate(network, targets.get("ice40"), encoded_inputs=False)
            print(
                f"{name:40} {leaf_bits:4}  {np.mean(theirs == digits.y_test):.4f}   "
                f"{np.mean(ours == digits.y_test):.4f}   {np.mean(ours == theirs):.4f} {network.n_luts:5}"
                f" {cells:6}"
            )


if __name__ == "__main__":
    main()
