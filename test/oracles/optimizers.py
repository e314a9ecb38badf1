"""Writes optimizers.json: what PyTorch's optimizers make of given gradients, in double precision.

    python test/oracles/optimizers.py
"""

import json
import pathlib

import torch

torch.manual_seed(4)
count, steps, learning_rate = 6, 12, 0.05
start = torch.randn(count, dtype=torch.float64)
gradients = torch.randn(steps, count, dtype=torch.float64)
# One element whose gradient is nearly always zero: there epsilon decides.
gradients[:, 0] = 0
gradients[3, 0] = 1e-7

moments = {"beta1": 0.9, "beta2": 0.999, "epsilon": 1e-8}
torch_moments = {"betas": (0.9, 0.999), "eps": 1e-8}
cases = [
    ({"kind": "sgd"}, torch.optim.SGD, {}),
    ({"kind": "momentum", "momentum": 0.9, "nesterov": False}, torch.optim.SGD, {"momentum": 0.9}),
    (
        {"kind": "momentum", "momentum": 0.8, "nesterov": True},
        torch.optim.SGD,
        {"momentum": 0.8, "nesterov": True},
    ),
    ({"kind": "adam", **moments}, torch.optim.Adam, torch_moments),
    (
        {"kind": "adam", "beta1": 0.5, "beta2": 0.9, "epsilon": 1e-3},
        torch.optim.Adam,
        {"betas": (0.5, 0.9), "eps": 1e-3},
    ),
    (
        {"kind": "adamw", **moments, "weightDecay": 0.1},
        torch.optim.AdamW,
        {**torch_moments, "weight_decay": 0.1},
    ),
]

results = []
for definition, optimizer_class, settings in cases:
    parameter = torch.nn.Parameter(start.clone())
    optimizer = optimizer_class([parameter], lr=learning_rate, **settings)
    path = []
    for gradient in gradients:
        parameter.grad = gradient.clone()
        optimizer.step()
        path.append(parameter.detach().tolist())
    results.append({"optimizer": definition, "parameters": path})

oracle = {
    "pytorch": torch.__version__.split("+")[0],
    "learningRate": learning_rate,
    "start": start.tolist(),
    "gradients": gradients.tolist(),
    "cases": results,
}
path = pathlib.Path(__file__).with_suffix(".json")
path.write_text(json.dumps(oracle) + "\n")
