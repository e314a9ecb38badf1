"""Writes many models that the engine was not made for, to find what it does not know.

Networks of torchvision at reduced width, and layers of PyTorch in unusual combinations, each exported by both of PyTorch's
exporters into a folder that `starling model check-gradients` reads. A few are stored in test/oracles/models. Needs torch,
torchvision, onnx and onnxscript; made with PyTorch 2.8.0 and torchvision 0.23.0.

usage: python test/oracles/generate-unseen-models.py OUT [--opset N] [--eval] [name ...]
"""

import argparse
import importlib.util
import math
import pathlib
import sys
from functools import partial

import torch
from torch import nn
from torch.nn import functional as F
from torchvision.models import GoogLeNet, convnext, densenet, efficientnet, mnasnet, mobilenetv2, mobilenetv3, regnet
from torchvision.models import resnet, shufflenetv2, squeezenet, swin_transformer, vgg, vision_transformer

here = pathlib.Path(__file__).parent
spec = importlib.util.spec_from_file_location("blocks", here / "generate-block-models.py")
blocks = importlib.util.module_from_spec(spec)
spec.loader.exec_module(blocks)
CE, MSE = blocks.CE, blocks.MSE


def mobilenet_v3():
    settings, last = mobilenetv3._mobilenet_v3_conf("mobilenet_v3_small", width_mult=0.25)
    return mobilenetv3.MobileNetV3(settings, last, num_classes=5)


def efficientnet_b0():
    settings, last = efficientnet._efficientnet_conf("efficientnet_b0", width_mult=0.25, depth_mult=0.4)
    return efficientnet.EfficientNet(settings, dropout=0.2, last_channel=last, num_classes=5)


def convnext_small():
    blocks_ = [convnext.CNBlockConfig(8, 16, 1), convnext.CNBlockConfig(16, None, 1)]
    return convnext.ConvNeXt(blocks_, num_classes=5)


def swin():
    return swin_transformer.SwinTransformer([2, 2], 8, [2, 2], [2, 2], [4, 4], num_classes=5)


def swin_v2():
    return swin_transformer.SwinTransformer([2, 2], 8, [2, 2], [2, 2], [4, 4], num_classes=5,
                                            block=swin_transformer.SwinTransformerBlockV2,
                                            downsample_layer=swin_transformer.PatchMergingV2)


def regnet_y():
    params = regnet.BlockParams.from_init_params(depth=4, w_0=16, w_a=12.0, w_m=2.5, group_width=8, se_ratio=0.25)
    return regnet.RegNet(params, num_classes=5, stem_width=8)


def vit():
    return vision_transformer.VisionTransformer(16, 4, 2, 2, 16, 32, num_classes=5)


class Sequence(nn.Module):
    """A recurrent layer over a sequence, its last states used too."""

    def __init__(self, kind, hidden=4, **options):
        super().__init__()
        self.kind = kind
        self.rnn = kind(3, hidden, **options)
        directions = 2 if options.get("bidirectional") else 1
        size = options.get("proj_size") or hidden
        self.head = nn.Linear(size * directions + size, 4)

    def forward(self, x):
        if not self.rnn.batch_first:
            x = x.transpose(0, 1)
        y, state = self.rnn(x)
        hidden = state[0] if isinstance(state, tuple) else state
        mean = y.mean(1 if self.rnn.batch_first else 0)
        return self.head(torch.cat([mean, hidden[-1]], -1))


class Trigonometry(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(4, 4) for _ in range(11))
        self.head = nn.Linear(4, 3)

    def forward(self, x):
        small = [0.8 * torch.tanh(layer(x)) for layer in self.layers]
        kinds = (torch.sin, torch.cos, torch.tan, torch.asin, torch.acos, torch.atan, torch.sinh, torch.cosh, torch.asinh,
                 torch.atanh)
        y = sum(kind(value) for kind, value in zip(kinds, small))
        return self.head(y + torch.acosh(1.2 + small[-1] ** 2))


class LongRecurrent(nn.Module):
    """All kinds of recurrent layers over more steps than are unrolled."""

    def __init__(self):
        super().__init__()
        self.rnn = nn.RNN(2, 4, nonlinearity="relu")
        self.gru = nn.GRU(4, 3, bidirectional=True)
        self.lstm = nn.LSTM(6, 3, bidirectional=True)
        self.head = nn.Linear(9, 3)

    def forward(self, x):
        y, last = self.rnn(x.transpose(0, 1))
        y, _ = self.gru(y)
        y, (hidden, memory) = self.lstm(y)
        return self.head(torch.cat([y.mean(0), hidden[-1] + memory[0]], 1)) + last.sum(2).T


class Cells(nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm, self.gru = nn.LSTMCell(3, 4), nn.GRUCell(4, 4)
        self.head = nn.Linear(4, 3)

    def forward(self, x):
        h = torch.zeros(x.shape[0], 4)
        c, g = h, h
        for t in range(5):
            h, c = self.lstm(x[:, t], (h, c))
            g = self.gru(h, g)
        return self.head(g)


class EncoderDecoder(nn.Module):
    def __init__(self, norm_first=False):
        super().__init__()
        self.embedding = nn.Embedding(12, 8)
        self.transformer = nn.Transformer(8, 2, 1, 1, 16, dropout=0.1, batch_first=True, norm_first=norm_first)
        self.head = nn.Linear(8, 3)

    def forward(self, tokens):
        x = self.embedding(tokens) * math.sqrt(8)
        mask = nn.Transformer.generate_square_subsequent_mask(6)
        return self.head(self.transformer(x, x.flip(1), tgt_mask=mask).mean(1))


class Gpt(nn.Module):
    """Causal language model with scaled_dot_product_attention and its output tied to the embedding."""

    def __init__(self):
        super().__init__()
        self.embedding, self.position = nn.Embedding(11, 8), nn.Embedding(6, 8)
        self.ln1, self.ln2, self.ln3 = nn.LayerNorm(8), nn.LayerNorm(8), nn.LayerNorm(8, bias=False)
        self.qkv, self.proj = nn.Linear(8, 24), nn.Linear(8, 8)
        self.up, self.down = nn.Linear(8, 32), nn.Linear(32, 8)
        self.head = nn.Linear(8, 11, bias=False)
        self.head.weight = self.embedding.weight

    def forward(self, tokens):
        x = self.embedding(tokens) + self.position(torch.arange(6))
        q, k, v = self.qkv(self.ln1(x)).split(8, dim=2)
        q, k, v = (t.view(-1, 6, 2, 4).transpose(1, 2) for t in (q, k, v))
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.proj(y.transpose(1, 2).reshape(-1, 6, 8))
        x = x + self.down(F.gelu(self.up(self.ln2(x)), approximate="tanh"))
        return self.head(self.ln3(x))[:, -1]


class Rope(nn.Module):
    """Rotary positions, grouped queries, RMSNorm, SwiGLU."""

    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(11, 16)
        self.norm = nn.RMSNorm(16)
        self.q, self.k, self.v = nn.Linear(16, 16), nn.Linear(16, 8), nn.Linear(16, 8)
        self.o = nn.Linear(16, 16)
        self.gate, self.up, self.down = nn.Linear(16, 24), nn.Linear(16, 24), nn.Linear(24, 16)
        angles = torch.outer(torch.arange(6.0), 10000 ** (-torch.arange(0, 4, 2) / 4))
        self.register_buffer("cos", angles.repeat(1, 2).cos())
        self.register_buffer("sin", angles.repeat(1, 2).sin())
        self.head = nn.Linear(16, 5)

    def rotate(self, x):
        a, b = x.chunk(2, -1)
        return x * self.cos + torch.cat((-b, a), -1) * self.sin

    def forward(self, tokens):
        x = self.embedding(tokens)
        h = self.norm(x)
        q = self.rotate(self.q(h).view(-1, 6, 4, 4).transpose(1, 2))
        k = self.rotate(self.k(h).view(-1, 6, 2, 4).transpose(1, 2)).repeat_interleave(2, 1)
        v = self.v(h).view(-1, 6, 2, 4).transpose(1, 2).repeat_interleave(2, 1)
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.o(y.transpose(1, 2).flatten(2))
        x = x + self.down(F.silu(self.gate(x)) * self.up(x))
        return self.head(x.mean(1))


class Tcn(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Conv1d(3, 6, 3, dilation=1), nn.Conv1d(6, 6, 3, dilation=2)
        self.c = nn.utils.parametrizations.weight_norm(nn.Conv1d(6, 6, 3, dilation=4))
        self.down, self.head = nn.Conv1d(3, 6, 1), nn.Linear(6, 4)

    def forward(self, x):
        y = F.relu(self.a(F.pad(x, (2, 0))))
        y = F.relu(self.b(F.pad(y, (4, 0))))
        y = F.relu(self.c(F.pad(y, (8, 0))))
        return self.head((y + self.down(x))[:, :, -1])


class WaveNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Conv1d(2, 8, 1)
        self.layers = nn.ModuleList(nn.Conv1d(8, 16, 2, dilation=2**i, padding=2**i) for i in range(3))
        self.skips = nn.ModuleList(nn.Conv1d(8, 8, 1) for _ in range(3))
        self.head = nn.Conv1d(8, 3, 1)

    def forward(self, x):
        x = self.stem(x)
        total = 0
        for layer, skip in zip(self.layers, self.skips):
            y = F.glu(layer(x)[:, :, : x.shape[2]], dim=1)
            y = skip(torch.tanh(y))
            x, total = x + y, total + y
        return self.head(F.leaky_relu(total)).mean(2)


class Activations(nn.Module):
    def __init__(self):
        super().__init__()
        kinds = [nn.ReLU6(), nn.Hardswish(), nn.Hardsigmoid(), nn.Hardtanh(-0.7, 0.9), nn.PReLU(8), nn.PReLU(), nn.ELU(0.7),
                 nn.SELU(), nn.CELU(0.5), nn.GELU(), nn.GELU(approximate="tanh"), nn.SiLU(), nn.Mish(), nn.Softplus(2.0),
                 nn.Softsign(), nn.LogSigmoid(), nn.Tanhshrink(), nn.Softshrink(0.2), nn.Threshold(0.0, 0.0),
                 nn.Softmin(1), nn.LogSoftmax(1), nn.LeakyReLU(0.2), nn.Sigmoid(), nn.Tanh()]
        self.layers = nn.ModuleList(nn.Linear(8, 8) for _ in kinds)
        self.kinds = nn.ModuleList(kinds)
        self.head = nn.Linear(8, 3)

    def forward(self, x):
        for layer, kind in zip(self.layers, self.kinds):
            x = x + kind(layer(x))
        return self.head(x)


class Norms(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(2, 8, 3, padding=1)
        self.a, self.b = nn.GroupNorm(4, 8), nn.InstanceNorm2d(8, affine=True)
        self.c, self.d = nn.InstanceNorm2d(8), nn.GroupNorm(1, 8)
        self.e, self.f = nn.LayerNorm([8, 6, 6]), nn.LocalResponseNorm(2)
        self.h = nn.BatchNorm2d(8, affine=False)
        self.flat, self.bn1 = nn.Linear(8, 6), nn.BatchNorm1d(6)
        self.head = nn.Linear(6, 3)

    def forward(self, x):
        x = self.b(F.relu(self.a(self.conv(x))))
        x = self.d(F.relu(x) + self.c(x))
        x = self.h(self.f(self.e(x)))
        x = F.normalize(self.bn1(self.flat(x.amax((2, 3)))), dim=1)
        return self.head(x)


class Pools(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 6, 3)
        self.head = nn.Linear(6 * 3 * 3, 3)

    def forward(self, x):
        x = self.conv(x)
        a = F.max_pool2d(x, 3, 2, 1, ceil_mode=True)
        b = F.avg_pool2d(x, 3, 2, 1, ceil_mode=True, count_include_pad=False)
        c = F.avg_pool2d(x.abs() + 0.1, 2, 2, 1)
        d = F.adaptive_max_pool2d(a, 3) + F.adaptive_avg_pool2d(b, 3) + F.adaptive_avg_pool2d(c, 3)
        return self.head((d + F.max_pool2d(x, 2, 3, dilation=2)).flatten(1))


class Resampling(nn.Module):
    def __init__(self):
        super().__init__()
        self.a = nn.Conv2d(1, 8, 3, padding=1, padding_mode="circular")
        self.b = nn.Conv2d(2, 4, 3, padding=1, padding_mode="replicate")
        self.c = nn.ConvTranspose2d(4, 2, 3, stride=3, dilation=2, bias=False)
        self.d = nn.Conv2d(4, 1, 1)

    def forward(self, x):
        x = F.pixel_shuffle(self.a(x), 2)
        x = self.b(x)
        y = F.interpolate(x, scale_factor=0.5, mode="bilinear", align_corners=True)
        y = F.interpolate(y, size=(9, 9), mode="nearest")
        z = F.interpolate(self.c(F.pixel_unshuffle(y[:, :1, :8, :8], 2)), size=(9, 9), mode="bilinear")
        return self.d(torch.cat([y[:, :2], z], 1))


class Indexing(nn.Module):
    def __init__(self):
        super().__init__()
        self.table = nn.Embedding(10, 6, padding_idx=0)
        self.weights = nn.Parameter(torch.randn(2, 6, 5))
        self.bilinear = nn.Bilinear(5, 5, 4)
        self.head = nn.Linear(4, 3)

    def forward(self, tokens):
        x = self.table(tokens)
        x = torch.where(tokens.unsqueeze(-1) > 4, x, x.roll(1, 1))
        y = torch.einsum("bsd,hde->bhse", x, self.weights).softmax(2)
        top, _ = y.topk(2, dim=2)
        a, b = top.sum(2).unbind(1)
        z = torch.stack([a, b], 2).cumsum(1).flip(1)
        z = self.bilinear(z[..., 0], z[..., 1])
        return self.head(z.clamp(min=-2) / (1e-3 + z.norm(dim=1, keepdim=True)) + torch.logsumexp(z, 1, keepdim=True))


class Attention(nn.Module):
    """nn.MultiheadAttention with a padding mask, sequence first, cross attention."""

    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(9, 8)
        self.attention = nn.MultiheadAttention(8, 2)
        self.cross = nn.MultiheadAttention(8, 4, kdim=6, vdim=6, batch_first=True)
        self.memory = nn.Parameter(torch.randn(1, 4, 6))
        self.head = nn.Linear(8, 3)

    def forward(self, tokens):
        x = self.embedding(tokens)
        t = x.transpose(0, 1)
        y, _ = self.attention(t, t, t, need_weights=False)
        memory = self.memory.expand(x.shape[0], -1, -1)
        z, weights = self.cross(y.transpose(0, 1), memory, memory)
        return self.head(z.mean(1)) + weights.mean((1, 2)).unsqueeze(1)


class Unfolded(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(4, 18))
        self.head = nn.Linear(4, 3)

    def forward(self, x):
        patches = F.unfold(x, 3, padding=1, stride=2)
        return self.head(F.relu(self.weight @ patches).amax(-1))


class Volume(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Conv3d(1, 4, 3, padding=1, groups=1), nn.Conv3d(4, 4, 3, padding=1, groups=4, stride=2)
        self.up, self.norm = nn.ConvTranspose3d(4, 4, 2, stride=2, groups=2), nn.GroupNorm(2, 4)
        self.out = nn.Conv3d(8, 1, 1)

    def forward(self, x):
        a = F.elu(self.a(x))
        b = F.relu(self.norm(self.b(F.max_pool3d(a, 2))))
        up = F.interpolate(self.up(b), scale_factor=2, mode="nearest")
        return self.out(torch.cat([a, up], 1))


class Depthwise1d(nn.Module):
    """Keyword spotting: separable convolutions over time with batch normalisation."""

    def __init__(self):
        super().__init__()
        parts = []
        for i, o, d in ((4, 8, 1), (8, 8, 2), (8, 12, 4)):
            parts += [nn.Conv1d(i, i, 5, padding="same", dilation=d, groups=i), nn.Conv1d(i, o, 1, bias=False),
                      nn.BatchNorm1d(o), nn.ReLU(), nn.Dropout(0.1)]
        self.body, self.head = nn.Sequential(*parts), nn.Linear(12, 5)

    def forward(self, x):
        return self.head(self.body(x).mean(-1))


class Mixer(nn.Module):
    def __init__(self):
        super().__init__()
        self.patch = nn.Conv2d(3, 8, 4, 4)
        self.n1, self.n2 = nn.LayerNorm(8), nn.LayerNorm(8)
        self.tokens = nn.Sequential(nn.Linear(4, 8), nn.GELU(), nn.Linear(8, 4))
        self.channels = nn.Sequential(nn.Linear(8, 16), nn.GELU(), nn.Dropout(0.1), nn.Linear(16, 8))
        self.head = nn.Linear(8, 3)

    def forward(self, x):
        x = self.patch(x).flatten(2).transpose(1, 2)
        x = x + self.tokens(self.n1(x).transpose(1, 2)).transpose(1, 2)
        x = x + self.channels(self.n2(x))
        return self.head(x.mean(1))


class Vae(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = nn.Sequential(nn.Flatten(), nn.Linear(36, 16), nn.Tanh(), nn.Linear(16, 8))
        self.decoder = nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 36), nn.Sigmoid(), nn.Unflatten(1, (1, 6, 6)))

    def forward(self, x):
        mean, log_variance = self.encoder(x).chunk(2, 1)
        return self.decoder(mean + torch.exp(0.5 * log_variance))


class Bag(nn.Module):
    def __init__(self):
        super().__init__()
        self.table = nn.EmbeddingBag(10, 6, mode="mean")
        self.head = nn.Sequential(nn.Linear(6, 6), nn.ReLU(), nn.Linear(6, 3))

    def forward(self, tokens):
        return self.head(self.table(tokens))


class TextCnn(nn.Module):
    def __init__(self):
        super().__init__()
        self.table = nn.Embedding(10, 6)
        self.convs = nn.ModuleList(nn.Conv1d(6, 4, k) for k in (2, 3, 4))
        self.head = nn.Linear(12, 3)

    def forward(self, tokens):
        x = self.table(tokens).transpose(1, 2)
        return self.head(torch.cat([F.relu(c(x)).max(2).values for c in self.convs], 1))


class ConvLstm(nn.Module):
    def __init__(self):
        super().__init__()
        self.gates = nn.Conv2d(1 + 4, 16, 3, padding=1)
        self.head = nn.Linear(4, 3)

    def forward(self, x):
        h = x.new_zeros(x.shape[0], 4, 5, 5)
        c = h
        for t in range(3):
            i, f, o, g = self.gates(torch.cat([x[:, t : t + 1], h], 1)).chunk(4, 1)
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
            h = torch.sigmoid(o) * torch.tanh(c)
        return self.head(h.mean((2, 3)))


class Cbam(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.bn = nn.Conv2d(2, 8, 3), nn.BatchNorm2d(8)
        self.mlp, self.spatial = nn.Sequential(nn.Linear(8, 4), nn.ReLU(), nn.Linear(4, 8)), nn.Conv2d(2, 1, 3, padding=1)
        self.head = nn.Linear(8, 3)

    def forward(self, x):
        x = F.relu6(self.bn(self.conv(x)))
        weight = torch.sigmoid(self.mlp(x.mean((2, 3))) + self.mlp(x.amax((2, 3))))
        x = x * weight[:, :, None, None]
        maps = torch.cat([x.mean(1, keepdim=True), x.max(1, keepdim=True).values], 1)
        x = x * torch.sigmoid(self.spatial(maps))
        return self.head(F.avg_pool2d(x, 6).flatten(1))


class Transformer2d(nn.Module):
    """A spatial transformer: the grid is learned, and reaches over the border."""

    def __init__(self, mode="bilinear", padding="zeros", aligned=False):
        super().__init__()
        self.how = {"mode": mode, "padding_mode": padding, "align_corners": aligned}
        self.locate = nn.Sequential(nn.Conv2d(2, 3, 3), nn.ReLU(), nn.Flatten(), nn.Linear(48, 6))
        self.conv, self.head = nn.Conv2d(2, 4, 3, padding=1), nn.Linear(4, 3)
        y, x = torch.meshgrid(torch.linspace(-1, 1, 5), torch.linspace(-1, 1, 4), indexing="ij")
        self.register_buffer("base", torch.stack([x, y, torch.ones_like(x)], -1).reshape(20, 3))

    def forward(self, x):
        theta = self.locate(x).view(-1, 2, 3) + torch.tensor([[1.0, 0, 0], [0, 1, 0]])
        grid = (self.base @ theta.transpose(1, 2)).view(-1, 5, 4, 2)
        return self.head(F.relu(F.grid_sample(self.conv(x), grid, **self.how)).mean((2, 3)))


class Padded(nn.Module):
    """Tokens of which row 0 is padding: its gradient is zero, of which the exported file says nothing."""

    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(6, 4, padding_idx=0)
        self.head = nn.Linear(4, 3)

    def forward(self, x):
        return self.head(torch.tanh(self.embedding(x)).mean(1))


MODELS = {
    "mobilenet-v2": (partial(mobilenetv2.MobileNetV2, num_classes=5, width_mult=0.25), (3, 32, 32), CE),
    "mobilenet-v3": (mobilenet_v3, (3, 32, 32), CE),
    "resnet": (partial(resnet.ResNet, resnet.BasicBlock, [1, 1, 1, 1], num_classes=5), (3, 32, 32), CE),
    "resnext": (partial(resnet.ResNet, resnet.Bottleneck, [1, 1, 1, 1], num_classes=5, groups=4, width_per_group=4), (3, 32, 32), CE),
    "squeezenet": (partial(squeezenet.SqueezeNet, "1_1", num_classes=5), (3, 64, 64), CE),
    "shufflenet": (partial(shufflenetv2.ShuffleNetV2, [1, 2, 1], [8, 16, 24, 32, 64], num_classes=5), (3, 32, 32), CE),
    "efficientnet": (efficientnet_b0, (3, 32, 32), CE),
    "densenet": (partial(densenet.DenseNet, 4, (2, 2), 8, num_classes=5), (3, 32, 32), CE),
    "mnasnet": (partial(mnasnet.MNASNet, 0.25, num_classes=5), (3, 32, 32), CE),
    "vgg": (lambda: vgg.VGG(vgg.make_layers([8, "M", 8, "M", 16], batch_norm=True), num_classes=5).features, (3, 16, 16), MSE),
    "googlenet": (partial(GoogLeNet, num_classes=5, aux_logits=False, init_weights=False), (3, 32, 32), CE),
    "regnet": (regnet_y, (3, 32, 32), CE),
    "convnext": (convnext_small, (3, 16, 16), CE),
    "swin": (swin, (3, 32, 32), CE),
    "swin-v2": (swin_v2, (3, 32, 32), CE),
    "vit": (vit, (3, 16, 16), CE),
    "lstm-deep": (partial(Sequence, nn.LSTM, num_layers=2, bidirectional=True, batch_first=True), (5, 3), CE),
    "lstm-time-first": (partial(Sequence, nn.LSTM, num_layers=2), (5, 3), CE),
    "gru-deep": (partial(Sequence, nn.GRU, num_layers=3, bidirectional=True, batch_first=True, bias=False), (5, 3), CE),
    "gru-dropout": (partial(Sequence, nn.GRU, num_layers=2, dropout=0.3), (5, 3), CE),
    "rnn-tanh": (partial(Sequence, nn.RNN, num_layers=2, batch_first=True), (5, 3), CE),
    "lstm-projected": (partial(Sequence, nn.LSTM, proj_size=2, batch_first=True), (5, 3), CE),
    "cells": (Cells, (5, 3), CE),
    "trigonometry": (Trigonometry, (4,), CE),
    "recurrent-long": (LongRecurrent, (26, 2), CE),
    "encoder-decoder": (EncoderDecoder, 12, CE),
    "encoder-decoder-norm-first": (partial(EncoderDecoder, True), 12, CE),
    "gpt": (Gpt, 11, CE),
    "rope": (Rope, 11, CE),
    "tcn": (Tcn, (3, 12), CE),
    "wavenet": (WaveNet, (2, 12), CE),
    "activations": (Activations, (8,), CE),
    "norms": (Norms, (2, 6, 6), CE),
    "pools": (Pools, (1, 12, 12), CE),
    "resampling": (Resampling, (1, 6, 6), MSE),
    "indexing": (Indexing, 10, CE),
    "attention": (Attention, 9, CE),
    "unfolded": (Unfolded, (2, 7, 7), CE),
    "volume-u-net": (Volume, (1, 4, 4, 8), MSE),
    "depthwise-1d": (Depthwise1d, (4, 16), CE),
    "mixer": (Mixer, (3, 8, 8), CE),
    "vae": (Vae, (1, 6, 6), MSE),
    "bag": (Bag, 10, CE),
    "text-cnn": (TextCnn, 10, CE),
    "conv-lstm": (ConvLstm, (3, 5, 5), CE),
    "cbam": (Cbam, (2, 8, 8), CE),
    "spatial-transformer": (Transformer2d, (2, 6, 6), CE),
    "spatial-transformer-border": (partial(Transformer2d, padding="border", aligned=True), (2, 6, 6), CE),
    "spatial-transformer-nearest": (partial(Transformer2d, mode="nearest"), (2, 6, 6), CE),
    "padded": (Padded, 6, CE),
}


def main(models=MODELS, folding=True):
    parser = argparse.ArgumentParser()
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--opset", type=int, default=None)
    parser.add_argument("--eval", action="store_true", help="let the exporter fold batch normalisation")
    parser.add_argument("names", nargs="*")
    options = parser.parse_intermixed_args()
    for name, (make, shape, loss) in models.items():
        for dynamo in (False, True):
            full = f"{name}-dynamo" if dynamo else name
            if options.names and full not in options.names:
                continue
            try:
                blocks.KEPT.add(full)
                blocks.write(full, make, shape, loss, dynamo, options.out, options.opset, not options.eval, folding)
                print(full, flush=True)
            except Exception as error:
                print(f"{full}: {type(error).__name__}: {str(error)[:300]}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
