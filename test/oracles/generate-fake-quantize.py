"""Writes what PyTorch's fake quantization gives, and its straight-through gradients, to test/oracles/fake-quantize.json.

Needs torch; made with PyTorch 2.8.0.

usage: python test/oracles/generate-fake-quantize.py
"""

import json
import pathlib

import torch

torch.manual_seed(3)
cases = []
for name, low, high, scales, zeros in [
    ("int8", -128, 127, [0.02], [0]),
    ("int8 with a zero point", -128, 127, [0.013], [-20]),
    ("uint8", 0, 255, [0.011], [117]),
    ("int8 by channel", -128, 127, [0.005, 0.02, 0.03], [0, 0, 0]),
    ("uint8 by channel", 0, 255, [0.004, 0.01, 0.02], [30, 128, 200]),
]:
    x = (2 * torch.randn(4, 3)).requires_grad_()
    if len(scales) == 1:
        y = torch.fake_quantize_per_tensor_affine(x, scales[0], zeros[0], low, high)
    else:
        zero_points = torch.tensor(zeros, dtype=torch.int32)
        y = torch.fake_quantize_per_channel_affine(x, torch.tensor(scales), zero_points, 1, low, high)
    dy = torch.randn(4, 3)
    y.backward(dy)
    cases.append({"name": name, "scales": scales, "zeros": zeros, "x": x.tolist(), "y": y.tolist(), "dy": dy.tolist(),
                  "dx": x.grad.tolist()})
(pathlib.Path(__file__).parent / "fake-quantize.json").write_text(json.dumps(cases) + "\n")
