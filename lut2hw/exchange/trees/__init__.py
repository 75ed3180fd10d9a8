"""Decision trees and their ensembles as networks."""

from typing import TYPE_CHECKING

from lut2hw.lazy import lazy

if TYPE_CHECKING:
    from lut2hw.exchange.trees.catboost import from_catboost
    from lut2hw.exchange.trees.ensemble import Tree, TreeEnsemble
    from lut2hw.exchange.trees.file import load
    from lut2hw.exchange.trees.lightgbm import from_lightgbm
    from lut2hw.exchange.trees.network import to_network
    from lut2hw.exchange.trees.scikit import from_sklearn
    from lut2hw.exchange.trees.xgboost import from_xgboost

__all__ = [
    "Tree",
    "TreeEnsemble",
    "from_catboost",
    "from_lightgbm",
    "from_sklearn",
    "from_xgboost",
    "load",
    "to_network",
]

__getattr__, __dir__ = lazy(
    __name__,
    {
        "Tree": "ensemble",
        "TreeEnsemble": "ensemble",
        "from_catboost": "catboost",
        "from_lightgbm": "lightgbm",
        "from_sklearn": "scikit",
        "from_xgboost": "xgboost",
        "load": "file",
        "to_network": "network",
    },
)
