"""Files of trees: what `TreeEnsemble.save` wrote, XGBoost's and CatBoost's JSON, LightGBM's text and ONNX."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np

from lut2hw.errors import FormatError, UsageError, shown
from lut2hw.exchange.logic import read_bytes
from lut2hw.exchange.trees import catboost, lightgbm, onnx, xgboost
from lut2hw.exchange.trees.ensemble import FORMAT, VERSION, Tree, TreeEnsemble, strings


def load(path: str | Path, *, missing: float | None = None) -> TreeEnsemble:
    """Read trees: what `TreeEnsemble.save` wrote, or a model of XGBoost, LightGBM, CatBoost or ONNX.

    Parameters
    ----------
    path : str or Path
    missing : float, optional
        The value that XGBoost was told to take for missing (`missing=`); its file does not say. By default NaN.

    Raises
    ------
    FormatError
        If the file is damaged, or the model is not one that is read.
    """
    data = read_bytes(path)
    try:
        said = _with_missing_said(data, path)
        if isinstance(said, TreeEnsemble):
            if missing is not None and not math.isnan(missing):
                raise FormatError("it says itself what counts as missing; leave --missing out")
            return said
        value = said
        if isinstance(value, dict) and "learner" in value:
            return xgboost.parse(value, missing=math.nan if missing is None else missing)
        if not isinstance(value, dict) or value.get("format") != FORMAT:
            raise FormatError("it is no model of XGBoost, LightGBM or CatBoost, nor trees saved by lut2hw")
        if value.get("version") != VERSION:
            raise FormatError(f"its version is {shown(str(value.get('version')))}, this lut2hw reads {VERSION}")
        trees = tuple(
            Tree(
                np.asarray(t["feature"], np.int64),
                np.asarray(t["threshold"], np.float64),
                np.asarray(t["left"], np.int64),
                np.asarray(t["right"], np.int64),
                np.asarray(t["value"], np.float64),
                tuple(int(c) for c in t["outputs"]),
                np.asarray(t["missing_left"], np.int64).astype(bool) if "missing_left" in t else None,
            )
            for t in value["trees"]
        )
        names = value["feature_names"]
        if missing is None:
            missing = math.nan if value.get("missing") is None else float(value["missing"])
        return TreeEnsemble(
            trees,
            int(value["n_features"]),
            strings(value["class_names"]),
            np.asarray(value["base"], np.float64),
            value["comparison"],
            bool(value["single"]),
            int(value["at_zero"]),
            None if names is None else strings(names),
            str(value["source"]),
            missing,
            bool(value.get("single_sums", False)),
            strings(value.get("notes", [])),
            strings(value.get("target_names", [])),
        )
    except UsageError as error:
        raise FormatError(f"cannot use {path}: {error}") from None
    except MemoryError:
        raise FormatError(f"{path} needs more memory than there is") from None
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError, IndexError) as error:
        raise FormatError(f"cannot use {path}: it is damaged ({type(error).__name__})") from None


def _with_missing_said(data: bytes, path: str | Path) -> Any:
    """The trees of a library whose files say what counts as missing; of other files the JSON value."""
    if Path(path).suffix.lower() == ".onnx":
        return onnx.parse(data)
    if lightgbm.is_lightgbm(data):
        return lightgbm.parse(data.decode("utf-8-sig"))
    value = _json(data, path)
    return catboost.parse(value) if catboost.is_catboost(value) else value


def _json(data: bytes, path: str | Path) -> Any:
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        raise FormatError(f"{path} is not a readable JSON file") from None
