"""Writes quantization.json: what ONNX Runtime's own quantizer and PyTorch make of a small model and small tensors.

pip install torch onnx onnxruntime; python quantization.py
"""

import base64
import json
import pathlib
import tempfile

import numpy as np
import onnx
import onnxruntime
import torch
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import CalibrationDataReader, CalibrationMethod, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.calibrate import HistogramCollector
from onnxruntime.quantization.matmul_nbits_quantizer import MatMulNBitsQuantizer

rng = np.random.default_rng(7)


def f32(array):
    return base64.b64encode(np.ascontiguousarray(array, dtype=np.float32).tobytes()).decode()


def small_model():
    """Conv, Relu, MaxPool, Flatten, Gemm, Relu, Gemm: the operators of an image classifier."""
    tensors = {
        "conv.weight": rng.normal(0, 0.4, (4, 1, 3, 3)),
        "conv.bias": rng.normal(0, 0.2, 4),
        "hidden.weight": rng.normal(0, 0.2, (8, 36)),
        "hidden.bias": rng.normal(0, 0.2, 8),
        "out.weight": rng.normal(0, 0.4, (8, 3)),
        "out.bias": rng.normal(0, 0.2, 3),
    }
    initializers = [numpy_helper.from_array(v.astype(np.float32), k) for k, v in tensors.items()]
    nodes = [
        helper.make_node("Conv", ["x", "conv.weight", "conv.bias"], ["conv"], "conv"),
        helper.make_node("Relu", ["conv"], ["conv.relu"], "conv.relu"),
        helper.make_node("MaxPool", ["conv.relu"], ["pool"], "pool", kernel_shape=[2, 2], strides=[2, 2]),
        helper.make_node("Flatten", ["pool"], ["flat"], "flat"),
        helper.make_node("Gemm", ["flat", "hidden.weight", "hidden.bias"], ["hidden"], "hidden", transB=1),
        helper.make_node("Relu", ["hidden"], ["hidden.relu"], "hidden.relu"),
        helper.make_node("Gemm", ["hidden.relu", "out.weight", "out.bias"], ["y"], "out"),
    ]
    graph = helper.make_graph(
        nodes,
        "small",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", 1, 8, 8])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["batch", 3])],
        initializers,
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)


class Reader(CalibrationDataReader):
    def __init__(self, batch):
        self.batches = iter([{"x": batch}])

    def get_next(self):
        return next(self.batches, None)


def static_oracle(model, x):
    with tempfile.TemporaryDirectory() as folder:
        source, target = f"{folder}/f32.onnx", f"{folder}/int8.onnx"
        onnx.save(model, source)
        quantize_static(
            source,
            target,
            Reader(x),
            quant_format=QuantFormat.QDQ,
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            calibrate_method=CalibrationMethod.MinMax,
        )
        quantized = onnx.load(target)
        stored = {t.name: numpy_helper.to_array(t) for t in quantized.graph.initializer}
        y = onnxruntime.InferenceSession(target).run(None, {"x": x})[0]
        exact = onnxruntime.InferenceSession(source).run(None, {"x": x})[0]
    activations = {}
    weights = {}
    for node in quantized.graph.node:
        if node.op_type == "QuantizeLinear":
            activations[node.input[0]] = [float(stored[node.input[1]]), int(stored[node.input[2]])]
        if node.op_type == "DequantizeLinear" and node.input[0] in stored:
            name = node.input[0].removesuffix("_quantized")
            weights[name] = {
                "integers": stored[node.input[0]].flatten().tolist(),
                "scales": np.atleast_1d(stored[node.input[1]]).astype(float).tolist(),
            }
    return {"activations": activations, "weights": weights, "output": f32(y), "exact": f32(exact)}


def migacz(values, bins=2048, levels=128):
    """The pseudocode of "8-bit Inference with TensorRT" (Migacz 2017) on magnitudes, exact zeros left out."""
    magnitudes = np.abs(values)
    histogram, edges = np.histogram(magnitudes[magnitudes > 0], bins, (0, magnitudes.max()))
    least, best = np.inf, bins
    for end in range(levels, bins + 1):
        p = histogram[:end].astype(float)
        p[-1] += histogram[end:].sum()
        q = np.zeros(end)
        for part in np.array_split(np.arange(end), levels):
            filled = histogram[part] > 0
            if filled.any():
                q[part[filled]] = histogram[part].sum() / filled.sum()
        p, q = p / p.sum(), q / q.sum()
        at = p > 0
        divergence = (p[at] * np.log(p[at] / np.maximum(q[at], 1e-9))).sum()
        if divergence < least:
            least, best = divergence, end
    return float(edges[best])


def thresholds():
    """Ranges by percentile and by entropy of values that a formula gives, the same one as in the test."""
    u = (np.arange(200_000) + 0.5) / 200_000
    laplace = np.where(u < 0.5, np.log(2 * u), -np.log(2 * (1 - u)))
    samples = {"laplace": laplace, "relu": np.maximum(0, laplace), "logistic": np.log(u / (1 - u))}
    found = {}
    for name, values in samples.items():
        values = values.astype(np.float32)
        ranges = {}
        for method in ("percentile", "entropy"):
            collector = HistogramCollector(
                method=method,
                symmetric=False,
                num_bins=2048,
                num_quantized_bins=128,
                percentile=99.9,
                scenario="same",
            )
            collector.collect({"t": [values]})
            found_range = collector.compute_collection_result()["t"]
            ranges[method] = [float(v) for v in found_range[:2]]
        found[name] = {**ranges, "migacz": migacz(values)}
    return found


def fake_quantize():
    """PyTorch's fake quantization, forward and backward, by tensor and by channel."""
    x = torch.tensor(rng.normal(0, 1.5, (4, 6)), dtype=torch.float32, requires_grad=True)
    g = torch.tensor(rng.normal(0, 1, (4, 6)), dtype=torch.float32)
    scale = torch.tensor(0.011)
    y = torch.fake_quantize_per_tensor_affine(x, scale, torch.tensor(128, dtype=torch.int32), 0, 255)
    (by_tensor,) = torch.autograd.grad(y, x, g)
    scales = x.detach().abs().amax(0) / 127
    z = torch.fake_quantize_per_channel_affine(x, scales, torch.zeros(6, dtype=torch.int32), 1, -127, 127)
    (by_channel,) = torch.autograd.grad(z, x, g)
    # Learned step size, of which PyTorch has the gradient too.
    learned = scale.reshape(1).clone().requires_grad_()
    point = torch.tensor([128.0])
    w = torch._fake_quantize_learnable_per_tensor_affine(x, learned, point, 0, 255, 1.0)
    (step,) = torch.autograd.grad(w, learned, g)
    return {
        "x": f32(x.detach()),
        "gradient": f32(g),
        "perTensor": {"scale": 0.011, "zeroPoint": 128, "y": f32(y.detach()), "gradient": f32(by_tensor)},
        "perChannel": {"scales": f32(scales), "y": f32(z.detach()), "gradient": f32(by_channel)},
        "learnedScaleGradient": float(step),
    }


def four_bits():
    w = rng.normal(0, 0.3, (70, 5)).astype(np.float32)
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "w"], ["y"], "product")],
        "product",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", 70])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["batch", 5])],
        [numpy_helper.from_array(w, "w")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    quantizer = MatMulNBitsQuantizer(model, block_size=32, is_symmetric=True, accuracy_level=4)
    quantizer.process()
    stored = [numpy_helper.to_array(t) for t in quantizer.model.model.graph.initializer]
    packed = next(t for t in stored if t.dtype == np.uint8)
    scales = next(t for t in stored if t.dtype == np.float32 and t.size == 15)
    return {"weight": f32(w), "packed": packed.flatten().tolist(), "scales": f32(scales)}


model = small_model()
x = rng.uniform(-1, 2, (16, 1, 8, 8)).astype(np.float32)
oracle = {
    "model": base64.b64encode(model.SerializeToString()).decode(),
    "x": f32(x),
    "static": static_oracle(model, x),
    "thresholds": thresholds(),
    "fakeQuantize": fake_quantize(),
    "fourBits": four_bits(),
}
pathlib.Path(__file__).with_name("quantization.json").write_text(json.dumps(oracle) + "\n")
