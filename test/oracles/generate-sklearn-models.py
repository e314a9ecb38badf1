"""Writes scikit-learn's linear models and multi-layer perceptrons, converted by skl2onnx, to test/oracles/sklearn.

Beside each model lies what scikit-learn predicts for a few examples: probabilities of classes, or numbers. Needs scikit-learn
and skl2onnx; made with 1.9.1 and 1.20.0.

usage: python test/oracles/generate-sklearn-models.py
"""

import json
import pathlib
import warnings

import numpy as np
import onnx
from skl2onnx import to_onnx
from sklearn.linear_model import LinearRegression, LogisticRegression, SGDClassifier
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler

OUT = pathlib.Path(__file__).parent / "sklearn"
random = np.random.RandomState(0)
X = random.randn(60, 4).astype("f")
three, two = random.randint(0, 3, 60), (X[:, 0] + 0.5 * random.randn(60) > 0).astype(int)
numbers = X @ [1, 2, 3, 4] + 0.1 * random.randn(60)

MODELS = {
    "logistic": (LogisticRegression(), three),
    "logistic-binary": (LogisticRegression(), two),
    "logistic-strings": (LogisticRegression(), np.array(["rose", "iris", "lily"])[three]),
    "linear": (LinearRegression(), numbers),
    "mlp": (MLPClassifier((6,), max_iter=100, random_state=1), three),
    "mlp-binary": (MLPClassifier((6,), max_iter=100, random_state=1), two),
    "mlp-regressor": (MLPRegressor(hidden_layer_sizes=(6, 4), activation="tanh", max_iter=100, random_state=1), numbers),
    "scaled-range": (make_pipeline(MinMaxScaler(), LogisticRegression()), two),
    "scaled": (make_pipeline(StandardScaler(), LogisticRegression()), three),
    "sgd": (SGDClassifier(loss="log_loss", random_state=1), two),
}

warnings.filterwarnings("ignore")
OUT.mkdir(exist_ok=True)
for name, (model, y) in MODELS.items():
    model.fit(X, y)
    exported = to_onnx(model, X[:1], target_opset={"": 18, "ai.onnx.ml": 3})
    onnx.save(exported, OUT / f"{name}.onnx")
    predicted = model.predict_proba(X[:5]) if hasattr(model, "predict_proba") else model.predict(X[:5]).reshape(5, -1)
    expected = {"features": X[:5].tolist(), "predicted": predicted.tolist()}
    (OUT / f"{name}.json").write_text(json.dumps(expected) + "\n")
