"""Writes small models, their loss and their gradients as PyTorch computes them, to test/oracles/models.

An oracle for the gradients of imported models: run it only to add a model. Needs torch and onnx; the stored files
were made with PyTorch 2.8.0. Each folder holds

- model.onnx: input `x`, output `y` (logits, or values), batch axis dynamic, opset 17, evaluation mode
- input.bin and target.bin: little-endian f32, or i64 for class indices
- gradients.f32: d loss / d parameter, one parameter after the other
- reference.json: loss and its value, shapes, and for each parameter its offset (in elements), its shape, and whether
  the exported graph still has an initializer of that name (the exporter renames and joins some)

usage: python test/oracles/generate-reference-models.py
"""

import json
import pathlib

import onnx
import torch
from torch import nn

OUT = pathlib.Path(__file__).parent / "models"


def models():
    yield "mlp", nn.Sequential(
        nn.Flatten(), nn.Linear(36, 16), nn.ReLU(), nn.Linear(16, 8), nn.Tanh(), nn.Linear(8, 5)
    ), (1, 6, 6), "softmax-cross-entropy"
    yield "lenet", nn.Sequential(
        nn.Conv2d(1, 4, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(4, 6, 3), nn.ReLU(), nn.AvgPool2d(2),
        nn.Flatten(), nn.Linear(24, 12), nn.Sigmoid(), nn.Linear(12, 5),
    ), (1, 12, 12), "softmax-cross-entropy"
    yield "conv-1d", nn.Sequential(
        nn.Conv1d(3, 6, 5, stride=2, padding=2, dilation=1), nn.GELU(),
        nn.Conv1d(6, 6, 3, groups=2, dilation=2), nn.LeakyReLU(0.1),
        nn.MaxPool1d(3, stride=2, padding=1), nn.Flatten(), nn.Linear(36, 4),
    ), (3, 32), "softmax-cross-entropy"
    yield "normalized", nn.Sequential(
        nn.Conv2d(2, 8, 3, padding=1), nn.GroupNorm(4, 8), nn.ELU(),
        nn.MaxPool2d(3, stride=2, padding=1), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
        nn.LayerNorm(8), nn.GELU(approximate="tanh"), nn.Linear(8, 3),
    ), (2, 6, 6), "mean-squared-error"


def write(name, model, shape, loss_name):
    model.eval()
    batch = 4
    x = torch.randn(batch, *shape)
    # Normalisation layers start as the identity, which would hide mistakes in their gradients.
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.05 * torch.randn_like(parameter))
    y = model(x)
    if loss_name == "softmax-cross-entropy":
        target = torch.randint(0, y.shape[1], (batch,))
        loss = nn.functional.cross_entropy(y, target)
    else:
        target = torch.randn_like(y)
        loss = nn.functional.mse_loss(y, target)
    loss.backward()

    folder = OUT / name
    folder.mkdir(parents=True, exist_ok=True)
    torch.onnx.export(
        model, x, folder / "model.onnx", input_names=["x"], output_names=["y"], opset_version=17,
        dynamic_axes={"x": {0: "batch"}, "y": {0: "batch"}}, dynamo=False,
    )
    exported = {i.name for i in onnx.load(folder / "model.onnx").graph.initializer}
    parameters, offset = {}, 0
    gradients = []
    for key, parameter in model.named_parameters():
        parameters[key] = {"offset": offset, "shape": list(parameter.shape), "initializer": key in exported}
        gradients.append(parameter.grad.flatten())
        offset += parameter.numel()
    torch.cat(gradients).numpy().astype("<f4").tofile(folder / "gradients.f32")
    x.numpy().astype("<f4").tofile(folder / "input.bin")
    target.numpy().astype("<i8" if target.dtype == torch.int64 else "<f4").tofile(folder / "target.bin")
    reference = {
        "source": f"PyTorch {torch.__version__}, TorchScript exporter, opset 17, evaluation mode",
        "loss": loss_name,
        "lossValue": loss.item(),
        "inputShape": [batch, *shape],
        "inputType": "float32",
        "targetShape": list(target.shape),
        "gradients": parameters,
    }
    (folder / "reference.json").write_text(json.dumps(reference, indent=1) + "\n")


if __name__ == "__main__":
    torch.manual_seed(20)
    for arguments in models():
        write(*arguments)
