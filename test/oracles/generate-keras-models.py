"""Writes small Keras models, converted by tf2onnx, with TensorFlow's loss and gradients, to test/oracles/keras.

The format is that of generate-block-models.py. Gradients are stored under the names and in the layout that tf2onnx gave the
parameters, which are found by their values. Needs tensorflow, tf2onnx and onnx; made with TensorFlow 2.21 and tf2onnx 1.17.

usage: python test/oracles/generate-keras-models.py [out]
"""

import itertools
import json
import os
import pathlib
import sys

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["CUDA_VISIBLE_DEVICES"] = ""

import keras
import numpy as np
import onnx
import tensorflow as tf
import tf2onnx
from keras import layers
from onnx import numpy_helper

OUT = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else pathlib.Path(__file__).parent / "keras"


def separable():
    x = inputs = layers.Input((8, 8, 3))
    x = layers.ZeroPadding2D(1)(x)
    x = layers.Conv2D(6, 3, strides=2, use_bias=False)(x)
    x = layers.ReLU(6.0)(layers.BatchNormalization()(x))
    y = layers.DepthwiseConv2D(3, padding="same", use_bias=False)(x)
    y = layers.BatchNormalization()(y)
    y = layers.Conv2D(6, 1)(y)
    x = layers.Activation("silu")(layers.Add()([x, y]))
    return keras.Model(inputs, layers.Dense(4)(layers.GlobalAveragePooling2D()(x)))


def functional():
    tokens = layers.Input((6,), dtype="int32")
    x = layers.Embedding(12, 8)(tokens)
    a = layers.MultiHeadAttention(2, 4)(x, x)
    x = layers.LayerNormalization()(layers.Add()([x, a]))
    return keras.Model(tokens, layers.Dense(3)(layers.GlobalMaxPooling1D()(layers.Dense(16, activation="relu")(x))))


MODELS = {
    "mlp": (lambda: keras.Sequential([layers.Input((5,)), layers.Dense(7, activation="relu"), layers.Dropout(0.2),
                                      layers.Dense(3)]), 3),
    "cnn": (lambda: keras.Sequential([layers.Input((9, 9, 2)), layers.Conv2D(4, 3, activation="relu", padding="same"),
                                      layers.MaxPooling2D(2), layers.Conv2D(6, 3, activation="elu"), layers.AveragePooling2D(2),
                                      layers.Flatten(), layers.Dense(3)]), 3),
    "separable": (separable, 4),
    "conv-1d": (lambda: keras.Sequential([layers.Input((16, 3)), layers.Conv1D(4, 5, padding="causal", dilation_rate=2),
                                          layers.LeakyReLU(), layers.BatchNormalization(), layers.MaxPooling1D(2),
                                          layers.SeparableConv1D(6, 3), layers.GlobalAveragePooling1D(), layers.Dense(3)]), 3),
    "attention": (functional, 3),
    "lstm": (lambda: keras.Sequential([layers.Input((5, 3)), layers.LSTM(4, return_sequences=True), layers.LSTM(4),
                                       layers.Dense(3)]), 3),
    "gru": (lambda: keras.Sequential([layers.Input((5, 3)), layers.Bidirectional(layers.GRU(4, unroll=True)), layers.Dense(3)]), 3),
}


def write(name, make, classes):
    keras.utils.set_random_seed(len(name))
    model = make()
    random = np.random.default_rng(1)
    for variable in model.variables:
        if variable.dtype == "float32":
            variable.assign(variable + 0.1 * np.abs(random.standard_normal(variable.shape)).astype("f"))
    tokens = model.inputs[0].dtype == "int32"
    shape = [3, *model.inputs[0].shape[1:]]
    x = random.integers(0, 12, shape).astype("i4") if tokens else random.standard_normal(shape).astype("f")
    target = random.integers(0, classes, 3)
    with tf.GradientTape() as tape:
        y = model(x, training=False)
        loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(target, y))
    gradients = tape.gradient(loss, [v.value for v in model.trainable_variables])

    signature = [tf.TensorSpec([None, *shape[1:]], tf.int64 if tokens else tf.float32, name="x")]
    run = tf.function(lambda x: model(tf.cast(x, tf.int32) if tokens else x, training=False), input_signature=signature)
    exported, _ = tf2onnx.convert.from_function(run, input_signature=signature, opset=17)
    folder = OUT / name
    folder.mkdir(parents=True, exist_ok=True)
    del exported.metadata_props[:]
    onnx.save(exported, folder / "model.onnx")

    stored = {i.name: numpy_helper.to_array(i) for i in exported.graph.initializer}
    parameters, parts, offset = {}, [], 0
    for variable, gradient in zip(model.trainable_variables, gradients):
        gradient = tf.convert_to_tensor(gradient).numpy()
        value = variable.numpy()
        found = None
        for key, array in stored.items():
            if array.size != value.size or key in parameters:
                continue
            for axes in itertools.permutations(range(value.ndim)):
                turned = value.transpose(axes)
                if np.array_equal(turned.ravel(), array.ravel()):
                    found = (key, array.shape, gradient.transpose(axes))
                    break
            if found:
                break
        key, stored_shape, turned = found or (variable.path, value.shape, gradient)
        parameters[key] = {"offset": offset, "shape": list(stored_shape), "initializer": found is not None,
                           "norm": float(np.linalg.norm(turned))}
        parts.append(turned.ravel())
        offset += turned.size
    np.concatenate(parts).astype("<f4").tofile(folder / "gradients.f32")
    x.astype("<i8" if tokens else "<f4").tofile(folder / "input.bin")
    target.astype("<i8").tofile(folder / "target.bin")
    reference = {
        "source": f"TensorFlow {tf.__version__}, tf2onnx {tf2onnx.__version__}, opset 17, inference mode",
        "loss": "softmax-cross-entropy",
        "lossValue": float(loss),
        "inputShape": shape,
        "inputType": "int64" if tokens else "float32",
        "targetShape": [3],
        "gradients": parameters,
    }
    (folder / "reference.json").write_text(json.dumps(reference, indent=1) + "\n")
    print(name, [key for key, value in parameters.items() if not value["initializer"]], flush=True)


for arguments in MODELS.items():
    try:
        write(arguments[0], *arguments[1])
    except Exception as error:
        print(f"{arguments[0]}: {type(error).__name__}: {str(error)[:300]}", file=sys.stderr, flush=True)
