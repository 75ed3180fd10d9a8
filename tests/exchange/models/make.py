"""Write the models of this folder anew, with the answers of the libraries that made them.

Needs catboost 1.2.10, lightgbm, xgboost, skl2onnx 1.20, onnxmltools 1.16 and onnxruntime 1.32, which the tests do
without.
"""

import json
from pathlib import Path

import catboost
import lightgbm
import numpy as np
import onnxruntime
import xgboost
from onnxmltools import convert_lightgbm, convert_xgboost
from onnxmltools.convert.common.data_types import FloatTensorType
from skl2onnx import to_onnx
from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier

HERE = Path(__file__).parent


def examples(classes, n, seed):
    rng = np.random.default_rng(seed)
    x = np.round(rng.normal(size=(n, 4)) * 8).astype(np.float32) / 4
    score = x @ np.array([1, -1, 0.5, 2], np.float32)
    return x, np.digitize(score, np.linspace(-2, 2, classes - 1) if classes > 2 else [0])


def without(x, share, seed):
    return np.where(np.random.default_rng(seed).random(x.shape) < share, np.float32(np.nan), x)


def main():
    answers = {}
    for name, classes, options in (
        ("catboost-binary", 2, {}),
        ("catboost-words", 3, {"nan_mode": "Max"}),
        ("catboost-lossguide", 3, {"grow_policy": "Lossguide", "loss_function": "MultiClassOneVsAll"}),
    ):
        x, y = examples(classes, 200, 0)
        others = without(examples(classes, 60, 1)[0], 0.1, 2)
        labels = np.array(["low", "mid", "high"])[y] if name == "catboost-words" else y
        model = catboost.CatBoostClassifier(
            iterations=4, depth=3, verbose=0, allow_writing_files=False, random_seed=0, **options
        ).fit(without(x, 0.1, 3), labels)
        model.save_model(str(HERE / f"{name}.json"), format="json")
        saved = json.loads((HERE / f"{name}.json").read_text())
        about = saved["model_info"]
        # What a reader looks at: times, versions and training logs are left out.
        loss = {"loss_function": about["params"]["loss_function"]}
        saved["model_info"] = {"class_params": about["class_params"], "params": loss}
        (HERE / f"{name}.json").write_text(json.dumps(saved))
        scores = np.asarray(model.predict(others, prediction_type="RawFormulaVal")).reshape(len(others), -1)
        answers[name] = [others.tolist(), scores.tolist(), model.predict(others).ravel().astype(str).tolist()]
    for name, classes, model in (
        ("forest-2", 2, RandomForestClassifier(4, max_depth=4, random_state=0)),
        ("forest-3", 3, RandomForestClassifier(4, max_depth=4, random_state=0)),
        ("boosting-2", 2, GradientBoostingClassifier(n_estimators=4, random_state=0)),
        ("boosting-3", 3, GradientBoostingClassifier(n_estimators=4, random_state=0)),
        ("lightgbm-2", 2, lightgbm.LGBMClassifier(n_estimators=3, num_leaves=6, verbose=-1)),
        ("xgboost-3", 3, xgboost.XGBClassifier(n_estimators=3, max_depth=3)),
    ):
        x, y = examples(classes, 200, 0)
        others = examples(classes, 60, 1)[0]
        model.fit(x, y)
        kind = [("X", FloatTensorType([None, 4]))]
        if name.startswith("lightgbm"):
            made = convert_lightgbm(model, initial_types=kind, zipmap=False)
        elif name.startswith("xgboost"):
            made = convert_xgboost(model, initial_types=kind)
        else:
            made = to_onnx(model, x[:1], options={"zipmap": False})
        (HERE / f"{name}.onnx").write_bytes(made.SerializeToString())
        others = without(others, 0.1, 4)
        labels = onnxruntime.InferenceSession(made.SerializeToString()).run(None, {"X": others})[0]
        answers[name] = [others.tolist(), None, labels.astype(str).tolist()]
    (HERE / "answers.json").write_text(json.dumps(answers).replace("NaN", "null"))


if __name__ == "__main__":
    main()
