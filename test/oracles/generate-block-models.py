"""Writes small models of the kinds that torchvision and PyTorch's layers make to test/oracles/models.

Complements generate-reference-models.py, whose format it shares: the building blocks of common networks, exported by
both of PyTorch's exporters (folders ending in -dynamo come from the one based on torch.export). Needs torch, onnx and
onnxscript; the stored files were made with PyTorch 2.8.0.

usage: python test/oracles/generate-block-models.py [name ...]
"""

import json
import pathlib
import sys

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch import nn
from torch.nn import functional as F

OUT = pathlib.Path(__file__).parent / "models"


class Residual(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(2, 4, 3, padding=1, bias=False)
        self.bn = nn.BatchNorm2d(4)
        self.a = nn.Sequential(nn.Conv2d(4, 8, 3, 2, 1, bias=False), nn.BatchNorm2d(8), nn.ReLU(),
                               nn.Conv2d(8, 8, 3, 1, 1, bias=False), nn.BatchNorm2d(8))
        self.short = nn.Sequential(nn.Conv2d(4, 8, 1, 2, bias=False), nn.BatchNorm2d(8))
        self.head = nn.Linear(8, 3)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.bn(self.stem(x))), 3, 2, 1)
        x = F.relu(self.a(x) + self.short(x))
        return self.head(torch.flatten(F.adaptive_avg_pool2d(x, 1), 1))


class InvertedResidual(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 6, 3, 2, 1, bias=False), nn.BatchNorm2d(6), nn.ReLU6())
        self.block = nn.Sequential(
            nn.Conv2d(6, 12, 1, bias=False), nn.BatchNorm2d(12), nn.ReLU6(),
            nn.Conv2d(12, 12, 3, 1, 1, groups=12, bias=False), nn.BatchNorm2d(12), nn.ReLU6(),
            nn.Conv2d(12, 6, 1, bias=False), nn.BatchNorm2d(6))
        self.head = nn.Linear(6, 4)

    def forward(self, x):
        x = self.stem(x)
        x = x + self.block(x)
        return self.head(x.mean([2, 3]))


class SqueezeExcite(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3, padding=1)
        self.bn = nn.BatchNorm2d(8)
        self.down, self.up = nn.Conv2d(8, 4, 1), nn.Conv2d(4, 8, 1)
        self.head = nn.Linear(8, 3)

    def forward(self, x):
        x = F.hardswish(self.bn(self.conv(x)))
        s = F.adaptive_avg_pool2d(x, 1)
        x = x * F.hardsigmoid(self.up(F.relu(self.down(s))))
        return self.head(F.silu(x).mean([2, 3]))


class Shuffle(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, 2, 1)
        self.right = nn.Sequential(
            nn.Conv2d(4, 4, 1, bias=False), nn.BatchNorm2d(4), nn.ReLU(),
            nn.Conv2d(4, 4, 3, 1, 1, groups=4, bias=False), nn.BatchNorm2d(4),
            nn.Conv2d(4, 4, 1, bias=False), nn.BatchNorm2d(4), nn.ReLU())
        self.head = nn.Linear(8, 3)

    def forward(self, x):
        x = self.stem(x)
        left, right = x.chunk(2, dim=1)
        x = torch.cat((left, self.right(right)), dim=1)
        b, c, h, w = x.size()
        x = x.view(b, 2, c // 2, h, w).transpose(1, 2).contiguous().view(b, c, h, w)
        return self.head(x.mean([2, 3]))


class Fire(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 6, 3, 2)
        self.squeeze, self.e1, self.e3 = nn.Conv2d(6, 3, 1), nn.Conv2d(3, 4, 1), nn.Conv2d(3, 4, 3, padding=1)
        self.last = nn.Conv2d(8, 4, 1)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.stem(x)), 3, 2, ceil_mode=True)
        x = F.relu(self.squeeze(x))
        x = torch.cat([F.relu(self.e1(x)), F.relu(self.e3(x))], 1)
        return torch.flatten(F.adaptive_avg_pool2d(F.relu(self.last(x)), 1), 1)


class Recurrent(nn.Module):
    def __init__(self, kind, **options):
        super().__init__()
        self.rnn = kind(3, 5, batch_first=True, **options)
        self.head = nn.Linear(10 if options.get("bidirectional") else 5, 4)

    def forward(self, x):
        y, _ = self.rnn(x)
        return self.head(y[:, -1])


class Encoder(nn.Module):
    """Tokens to classes."""

    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(12, 8)
        self.position = nn.Parameter(torch.randn(6, 8) * 0.1)
        layer = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.0, batch_first=True, activation="gelu")
        self.encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.head = nn.Linear(8, 3)

    def forward(self, tokens):
        x = self.embedding(tokens) + self.position
        return self.head(self.encoder(x).mean(1))


class Norms(nn.Module):
    """Normalisations of one width, with weights and without."""

    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Conv2d(3, 4, 3, bias=False), nn.Conv2d(4, 4, 1)
        self.batch, self.groups = nn.BatchNorm2d(4), nn.GroupNorm(2, 4)
        self.plain, self.scaled, self.whole = nn.LayerNorm(4, elementwise_affine=False), nn.LayerNorm(4, bias=False), nn.LayerNorm(4)
        self.head = nn.Linear(4, 3)

    def forward(self, x):
        x = self.groups(self.b(torch.relu(self.batch(self.a(x)))))
        return self.head(self.whole(self.scaled(self.plain(x.mean((2, 3))))))


class Autoencoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = nn.Sequential(nn.Conv2d(1, 4, 3, 2, 1), nn.ELU(), nn.Conv2d(4, 6, 3, 2, 1), nn.SELU())
        self.decoder = nn.Sequential(
            nn.ConvTranspose2d(6, 4, 3, 2, 1, output_padding=1), nn.CELU(1.5),
            nn.ConvTranspose2d(4, 4, 4, 2, 1, groups=2), nn.PReLU(4), nn.Conv2d(4, 1, 3, padding=1,
                                                                                padding_mode="reflect"))

    def forward(self, x):
        return self.decoder(self.encoder(x))


class UNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.a = nn.Conv2d(1, 4, 3, padding=1)
        self.norm = nn.GroupNorm(2, 4)
        self.b = nn.Conv2d(4, 6, 3, padding=1)
        self.c = nn.Conv2d(6, 6, 3, padding=1)
        self.d = nn.Conv2d(12, 4, 3, padding=1)
        self.e = nn.Conv2d(8, 1, 1)

    def forward(self, x):
        a = F.silu(self.norm(self.a(x)))
        b = F.mish(self.b(F.max_pool2d(a, 2)))
        c = F.softplus(self.c(F.avg_pool2d(b, 2)))
        up = F.interpolate(c, scale_factor=2, mode="nearest")
        d = F.softsign(self.d(torch.cat([b, up], 1)))
        up = F.interpolate(d, scale_factor=2, mode="bilinear", align_corners=False)
        return self.e(torch.cat([a, up], 1))


class RmsAttention(nn.Module):
    """RMS norm, rotary-like products by einsum, causal attention, gated unit, head tied to the embedding."""

    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(10, 8)
        self.norm = nn.Parameter(torch.ones(8))
        self.qkv = nn.Linear(8, 24, bias=False)
        self.out = nn.Linear(8, 8, bias=False)
        self.gate, self.value = nn.Linear(8, 16), nn.Linear(8, 16)
        self.down = nn.Linear(16, 8)

    def rms(self, x):
        return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-5) * self.norm

    def forward(self, tokens):
        x = self.embedding(tokens)
        q, k, v = self.qkv(self.rms(x)).reshape(-1, 6, 3, 2, 4).unbind(2)
        scores = torch.einsum("bqhd,bkhd->bhqk", q, k) / 2
        mask = torch.ones(6, 6, dtype=torch.bool).tril()
        scores = scores.masked_fill(~mask, float("-inf"))
        x = x + self.out(torch.einsum("bhqk,bkhd->bqhd", scores.softmax(-1), v).reshape(-1, 6, 8))
        x = x + self.down(F.silu(self.gate(self.rms(x))) * self.value(x))
        return F.linear(x[:, -1], self.embedding.weight)


class Volume(nn.Module):
    def __init__(self):
        super().__init__()
        self.a = nn.Conv3d(1, 4, 3, padding=1, stride=(1, 2, 2))
        self.bn = nn.BatchNorm3d(4)
        self.b = nn.ConvTranspose3d(4, 2, 2, stride=2)
        self.lrn = nn.LocalResponseNorm(3, alpha=0.1)
        self.head = nn.Linear(2, 3)

    def forward(self, x):
        x = self.lrn(torch.tanh(self.bn(self.a(x))))
        return self.head(F.adaptive_avg_pool3d(F.relu(self.b(x)), 1).flatten(1))


# The exporter would fold batch normalisation into the convolutions, and with it the parameters.
KEPT = {f"{name}-dynamo" for name in ("residual", "inverted-residual", "squeeze-excite", "volume")}
CE, MSE = "softmax-cross-entropy", "mean-squared-error"


def models():
    image = (3, 8, 8)
    both = {
        "residual": (Residual, (2, 12, 12), CE),
        "inverted-residual": (InvertedResidual, image, CE),
        "squeeze-excite": (SqueezeExcite, image, CE),
        "shuffle": (Shuffle, image, CE),
        "fire": (Fire, (3, 12, 12), CE),
        "lstm": (lambda: Recurrent(nn.LSTM, num_layers=2), (6, 3), CE),
        "gru": (lambda: Recurrent(nn.GRU, bidirectional=True), (6, 3), CE),
        "rnn": (lambda: Recurrent(nn.RNN, nonlinearity="relu"), (6, 3), CE),
        "encoder": (Encoder, 12, CE),
        "rms-attention": (RmsAttention, 10, CE),
        "autoencoder": (Autoencoder, (1, 8, 8), MSE),
        "u-net": (UNet, (1, 8, 8), MSE),
        "volume": (Volume, (1, 4, 6, 6), CE),
    }
    for name, (make, shape, loss) in both.items():
        yield name, make, shape, loss, False
        yield f"{name}-dynamo", make, shape, loss, True
    # As they are made, so that many tensors are equal, which exporters store once.
    for name, make, shape in (("fresh-encoder", Encoder, 12), ("fresh-norms", Norms, (3, 6, 6))):
        yield name, make, shape, CE, False
        yield f"{name}-dynamo", make, shape, CE, True


def write(name, make, shape, loss_name, dynamo, out=OUT, opset=None, keep=True, folding=True):
    """`keep` asks the exporter to leave batch normalisation as layers; without `folding` nothing computed from parameters is stored."""
    opset = opset or (18 if dynamo else 17)
    torch.manual_seed(sum(name.removesuffix("-dynamo").encode()))
    model = make().eval()
    batch = 3
    x = torch.randint(0, shape, (batch, 6)) if isinstance(shape, int) else torch.randn(batch, *shape)
    with torch.no_grad():
        fresh = name.startswith("fresh-")
        for parameter in [] if fresh else model.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
        for key, value in [] if fresh else model.named_buffers():
            if key.endswith("running_mean"):
                value.copy_(0.1 * torch.randn_like(value))
            if key.endswith("running_var"):
                value.copy_(0.5 + torch.rand_like(value))
    torch.backends.mha.set_fastpath_enabled(False)
    y = model(x)
    if loss_name == CE:
        target = torch.randint(0, y.shape[1], (batch,))
        loss = F.cross_entropy(y, target)
    else:
        target = torch.randn_like(y)
        loss = F.mse_loss(y, target)
    loss.backward()

    folder = out / name
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "model.onnx"
    if dynamo:
        program = torch.onnx.export(
            model, (x,), dynamo=True, input_names=["x"], output_names=["y"], opset_version=opset,
            optimize=not (keep and name in KEPT), dynamic_shapes=({0: torch.export.Dim("batch", min=2, max=1024)},), verbose=False,
        )
        program.save(file)
    else:
        torch.onnx.export(
            model, x, file, input_names=["x"], output_names=["y"], opset_version=opset,
            dynamic_axes={"x": {0: "batch"}, "y": {0: "batch"}}, dynamo=False, do_constant_folding=folding,
            training=torch.onnx.TrainingMode.PRESERVE if keep else torch.onnx.TrainingMode.EVAL,
        )
    exported = onnx.load(file)
    # Traces of the exporter's source files are of no use, and hold paths.
    for node in [*exported.graph.node, *(n for f in exported.functions for n in f.node)]:
        # Which parameters each node took.
        sources = [entry for entry in node.metadata_props if fresh and entry.key == "pkg.torch.onnx.fx_node"]
        del node.metadata_props[:]
        node.metadata_props.extend(sources)
        node.doc_string = ""
    signature = [entry for entry in exported.graph.metadata_props if entry.key.endswith("graph_signature")]
    del exported.graph.metadata_props[:], exported.metadata_props[:], exported.graph.value_info[:]
    # It tells parameters from buffers.
    exported.graph.metadata_props.extend(signature)
    for value in [*exported.graph.input, *exported.graph.output]:
        del value.metadata_props[:]
    onnx.save(exported, file)
    initializers = {i.name: numpy_helper.to_array(i) for i in exported.graph.initializer}
    parameters, offset, gradients = {}, 0, []
    for key, parameter in model.named_parameters():
        stored = initializers.get(key)
        same = stored is not None and stored.shape == parameter.shape and np.array_equal(stored, parameter.detach())
        parameters[key] = {"offset": offset, "shape": list(parameter.shape), "initializer": bool(same)}
        gradients.append(parameter.grad.flatten())
        offset += parameter.numel()
    torch.cat(gradients).numpy().astype("<f4").tofile(folder / "gradients.f32")
    for key, value in (("input", x), ("target", target)):
        value.numpy().astype("<i8" if value.dtype == torch.int64 else "<f4").tofile(folder / f"{key}.bin")
    exporter = f"{'torch.export' if dynamo else 'TorchScript'} exporter, opset {opset}"
    reference = {
        "source": f"PyTorch {torch.__version__.split('+')[0]}, {exporter}, evaluation mode",
        "loss": loss_name,
        "lossValue": loss.item(),
        "inputShape": list(x.shape),
        "inputType": "int64" if x.dtype == torch.int64 else "float32",
        "targetShape": list(target.shape),
        "gradients": {
            key: {**value, "norm": float(gradient.norm())}
            for (key, value), gradient in zip(parameters.items(), gradients)
        },
    }
    (folder / "reference.json").write_text(json.dumps(reference, indent=1) + "\n")


if __name__ == "__main__":
    for arguments in models():
        if len(sys.argv) > 1 and arguments[0] not in sys.argv[1:]:
            continue
        try:
            write(*arguments)
        except Exception as error:
            print(f"{arguments[0]}: {type(error).__name__}: {str(error)[:300]}", file=sys.stderr)
