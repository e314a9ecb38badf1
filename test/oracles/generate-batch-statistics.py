"""Writes what PyTorch computes of the stored model `residual` in training mode to test/oracles/batch-statistics.json.

Batch normalisation then uses the batch's statistics and moves the running ones. PyTorch moves the running variance by the
sample's variance and ONNX by the population's, so that it is stored as the latter. Needs torch; made with PyTorch 2.8.0.

usage: python test/oracles/generate-batch-statistics.py
"""

import importlib.util
import json
import pathlib

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch.nn import functional as F

here = pathlib.Path(__file__).parent
spec = importlib.util.spec_from_file_location("blocks", here / "generate-block-models.py")
blocks = importlib.util.module_from_spec(spec)
spec.loader.exec_module(blocks)

folder = here / "models" / "residual"
reference = json.loads((folder / "reference.json").read_text())
model = blocks.Residual().train()
stored = {i.name: numpy_helper.to_array(i) for i in onnx.load(folder / "model.onnx").graph.initializer}
state = model.state_dict()
model.load_state_dict({key: torch.tensor(stored.get(key, value.numpy())) for key, value in state.items()})
x = torch.tensor(np.fromfile(folder / "input.bin", "<f4").reshape(reference["inputShape"]))
target = torch.tensor(np.fromfile(folder / "target.bin", "<i8"))
counts = {}
for name, module in model.named_modules():
    if isinstance(module, torch.nn.BatchNorm2d):
        module.register_forward_pre_hook(lambda m, args, n=name: counts.__setitem__(n, args[0].numel() / args[0].shape[1]))
before = {key: value.clone() for key, value in model.state_dict().items()}
loss = F.cross_entropy(model(x), target)
loss.backward()
statistics = {}
for key, value in model.state_dict().items():
    if key.endswith("running_mean"):
        statistics[key] = value.tolist()
    if key.endswith("running_var"):
        n = counts[key.removesuffix(".running_var")]
        batch = (value - 0.9 * before[key]) / 0.1 * (n - 1) / n
        statistics[key] = (0.9 * before[key] + 0.1 * batch).tolist()
result = {
    "missing": [key for key in state if key not in stored and "num_batches" not in key],
    "lossValue": loss.item(),
    "gradients": {key: parameter.grad.flatten().tolist() for key, parameter in model.named_parameters()},
    "statistics": statistics,
}
(here / "batch-statistics.json").write_text(json.dumps(result) + "\n")
