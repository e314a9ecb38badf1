"""Writes more models that the engine was not made for, of other kinds than those of generate-unseen-models.py.

Networks of torchvision for video, segmentation and large pictures at reduced width, and the layers that time series,
tables, graphs, sets, generators and language models are made of. Format, exporters and versions are those of
generate-unseen-models.py. A few are stored in test/oracles/models.

usage: python test/oracles/generate-further-models.py OUT [--opset N] [--eval] [name ...]
"""

import importlib.util
import math
import pathlib
from functools import partial

import torch
from torch import nn
from torch.nn import functional as F
from torchvision.models import AlexNet, inception, maxvit, resnet
from torchvision.models.segmentation import deeplabv3, fcn, lraspp
from torchvision.models.video import mvit, resnet as video_resnet, swin_transformer
from torchvision.models.video.s3d import SepInceptionBlock3D, TemporalSeparableConv
from torchvision.ops import Conv2dNormActivation, FeaturePyramidNetwork, SqueezeExcitation, StochasticDepth

here = pathlib.Path(__file__).parent
spec = importlib.util.spec_from_file_location("unseen", here / "generate-unseen-models.py")
unseen = importlib.util.module_from_spec(spec)
spec.loader.exec_module(unseen)
CE, MSE = unseen.CE, unseen.MSE


def max_vit():
    return maxvit.MaxVit((32, 32), 8, 4, [8], [1], 4, 0.0, num_classes=5)


class InceptionBlocks(nn.Module):
    def __init__(self):
        super().__init__()
        self.a = inception.InceptionA(8, 4)
        self.b = inception.InceptionB(228)
        self.pool, self.head = nn.AdaptiveAvgPool2d(1), nn.Linear(228 + 384 + 96, 3)
        self.stem = nn.Conv2d(3, 8, 3, bias=False)

    def forward(self, x):
        return self.head(self.pool(self.b(self.a(self.stem(x)))).flatten(1))


def alex():
    net = AlexNet(num_classes=4)
    net.features = nn.Sequential(nn.Conv2d(3, 8, 11, 4, 2), nn.ReLU(), nn.MaxPool2d(3, 2), nn.Conv2d(8, 6, 5, padding=2), nn.ReLU())
    net.classifier = nn.Sequential(nn.Dropout(), nn.Linear(6 * 36, 8), nn.ReLU(), nn.Linear(8, 4))
    return net


def video(block, stem, conv):
    net = video_resnet.VideoResNet(block, conv, [1, 1, 1, 1], stem, num_classes=3)
    for name in ("layer3", "layer4"):
        setattr(net, name, nn.Identity())
    net.fc = nn.Linear(128, 3)
    return net


class Separable3d(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(TemporalSeparableConv(2, 6, 3, 1, 1, nn.BatchNorm3d), SepInceptionBlock3D(6, 4, 4, 6, 3, 4, 4, nn.BatchNorm3d))
        self.head = nn.Conv3d(18, 3, 1)

    def forward(self, x):
        return self.head(F.avg_pool3d(self.body(x), (2, 4, 4))).mean((2, 3, 4))


def mvit_small():
    blocks = [mvit.MSBlockConfig(1, 8, 8, [3, 3, 3], [3, 3, 3], [1, 1, 1], [1, 2, 2]),
              mvit.MSBlockConfig(2, 8, 16, [3, 3, 3], [3, 3, 3], [1, 2, 2], [1, 1, 1])]
    return mvit.MViT((16, 16), 4, blocks, True, False, False, True, num_classes=3)


def swin_video():
    return swin_transformer.SwinTransformer3d([2, 4, 4], 8, [2], [2], [2, 2, 2], num_classes=3)


class Segmented(nn.Module):
    """A head of torchvision's segmentation over a small body; its mean over the classes' maps."""

    def __init__(self, head):
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(3, 8, 3, 2, 1), nn.BatchNorm2d(8), nn.ReLU())
        self.head = head

    def forward(self, x):
        y = self.head(self.body(x))
        return F.interpolate(y, size=x.shape[-2:], mode="bilinear", align_corners=False)


class DeepLab(nn.Sequential):
    def __init__(self):
        super().__init__(deeplabv3.ASPP(8, [2, 3], 6), nn.Conv2d(6, 2, 1))


class Lraspp(nn.Module):
    def __init__(self):
        super().__init__()
        self.low, self.high = nn.Conv2d(3, 6, 3, 2, 1), nn.Conv2d(6, 8, 3, 2, 1)
        self.head = lraspp.LRASPPHead(6, 8, 2, 8)

    def forward(self, x):
        low = F.relu(self.low(x))
        return self.head({"low": low, "high": F.relu(self.high(low))})


class Pyramid(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b, self.c = nn.Conv2d(3, 4, 3, 2, 1), nn.Conv2d(4, 6, 3, 2, 1), nn.Conv2d(6, 8, 3, 2, 1)
        self.pyramid = FeaturePyramidNetwork([4, 6, 8], 5)
        self.head = nn.Linear(15, 3)

    def forward(self, x):
        a = F.relu(self.a(x))
        b = F.relu(self.b(a))
        maps = self.pyramid({"a": a, "b": b, "c": F.relu(self.c(b))})
        return self.head(torch.cat([m.mean((2, 3)) for m in maps.values()], 1))


class Generator(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.ConvTranspose2d(6, 8, 3, 1, 0, bias=False), nn.BatchNorm2d(8), nn.ReLU(True),
                                  nn.ConvTranspose2d(8, 4, 4, 2, 1, bias=False), nn.BatchNorm2d(4), nn.ReLU(True),
                                  nn.ConvTranspose2d(4, 1, 4, 2, 1), nn.Tanh())

    def forward(self, x):
        return self.body(x.view(-1, 6, 1, 1))


class Critic(nn.Module):
    """Of patches, with spectral normalisation and instance normalisation."""

    def __init__(self):
        super().__init__()
        self.a = nn.utils.parametrizations.spectral_norm(nn.Conv2d(2, 6, 4, 2, 1))
        self.b, self.norm = nn.Conv2d(6, 8, 4, 2, 1, padding_mode="reflect"), nn.InstanceNorm2d(8, affine=True)
        self.c = nn.utils.spectral_norm(nn.Conv2d(8, 1, 3, padding=1))

    def forward(self, x):
        x = F.leaky_relu(self.a(x), 0.2)
        return self.c(F.leaky_relu(self.norm(self.b(x)), 0.2))


class SuperResolution(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Conv2d(1, 6, 5, padding=2), nn.Conv2d(6, 4, 3, padding=1)
        self.shuffle = nn.PixelShuffle(2)

    def forward(self, x):
        sharp = self.shuffle(self.b(torch.tanh(self.a(x))))
        return sharp + F.interpolate(x, scale_factor=2, mode="bicubic", align_corners=False)


class Modulated(nn.Module):
    """Adaptive instance normalisation, and weights of a convolution that the input scales (StyleGAN)."""

    def __init__(self):
        super().__init__()
        self.style, self.start = nn.Linear(5, 8), nn.Parameter(torch.randn(1, 4, 4, 4))
        self.weight, self.noise = nn.Parameter(torch.randn(4, 4, 3, 3)), nn.Parameter(torch.randn(4, 1, 1))
        self.out = nn.Conv2d(4, 1, 1)

    def forward(self, z):
        scale, shift = self.style(z).chunk(2, 1)
        x = self.start.expand(z.shape[0], -1, -1, -1)
        mean, deviation = x.mean((2, 3), keepdim=True), x.std((2, 3), keepdim=True)
        x = (x - mean) / (deviation + 1e-5) * (1 + scale[:, :, None, None]) + shift[:, :, None, None]
        weight = self.weight * torch.rsqrt(self.weight.square().sum((1, 2, 3), keepdim=True) + 1e-8)
        x = F.conv2d(x, weight, padding=1) + self.noise
        return self.out(F.leaky_relu(x, 0.2) * math.sqrt(2))


class DenseVae(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = nn.Sequential(nn.Conv1d(1, 4, 3, 2, 1), nn.BatchNorm1d(4), nn.SiLU(), nn.Flatten(), nn.Linear(24, 6))
        self.decoder = nn.Sequential(nn.Linear(3, 24), nn.Unflatten(1, (4, 6)), nn.ConvTranspose1d(4, 1, 4, 2, 1), nn.Hardtanh())

    def forward(self, x):
        mean, spread = self.encoder(x).split(3, 1)
        return self.decoder(mean * F.softplus(spread))


class TransformerDecoder(nn.Module):
    def __init__(self, activation="relu"):
        super().__init__()
        self.embedding, self.position = nn.Embedding(9, 8), nn.Parameter(0.1 * torch.randn(6, 8))
        layer = nn.TransformerDecoderLayer(8, 2, 12, 0.1, activation, batch_first=True, norm_first=True)
        self.decoder = nn.TransformerDecoder(layer, 2, nn.LayerNorm(8))
        self.memory = nn.Parameter(torch.randn(3, 8))
        self.head = nn.Linear(8, 3)

    def forward(self, tokens):
        x = self.embedding(tokens) + self.position
        memory = self.memory.unsqueeze(0).expand(x.shape[0], -1, -1)
        mask = nn.Transformer.generate_square_subsequent_mask(6)
        padding = tokens == 0
        return self.head(self.decoder(x, memory, tgt_mask=mask, tgt_key_padding_mask=padding.float() * -9.0)[:, -1])


class Bert(nn.Module):
    """Padding masked, first token pooled, positions learned, masked mean of tokens."""

    def __init__(self):
        super().__init__()
        self.words, self.places = nn.Embedding(9, 8, padding_idx=None), nn.Embedding(6, 8)
        self.norm = nn.LayerNorm(8, eps=1e-12)
        self.encoder = nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 4, 16, 0.1, F.gelu, batch_first=True), 1, enable_nested_tensor=False)
        self.pool, self.head = nn.Linear(8, 8), nn.Linear(16, 3)

    def forward(self, tokens):
        known = (tokens > 1).float()
        x = self.norm(self.words(tokens) + self.places.weight)
        x = self.encoder(x, src_key_padding_mask=(1 - known) * -1e4)
        mean = (x * known.unsqueeze(-1)).sum(1) / known.sum(1, keepdim=True).clamp(min=1)
        return self.head(torch.cat([torch.tanh(self.pool(x[:, 0])), mean], 1))


class Alibi(nn.Module):
    """Attention with linear biases, one key and value for all heads, squared ReLU, parallel branches."""

    def __init__(self):
        super().__init__()
        self.embedding, self.norm = nn.Embedding(9, 8), nn.LayerNorm(8)
        self.q, self.kv, self.o = nn.Linear(8, 8, bias=False), nn.Linear(8, 8, bias=False), nn.Linear(8, 8)
        self.up, self.down, self.head = nn.Linear(8, 16), nn.Linear(16, 8), nn.Linear(8, 9)
        distance = torch.arange(6)[None, :] - torch.arange(6)[:, None]
        slopes = torch.tensor([0.5, 0.25])[:, None, None]
        self.register_buffer("bias", torch.where(distance > 0, -1e9, slopes * distance), persistent=False)

    def forward(self, tokens):
        x = self.embedding(tokens)
        h = self.norm(x)
        q = self.q(h).unflatten(-1, (2, 4)).transpose(1, 2)
        k, v = self.kv(h).unsqueeze(1).chunk(2, -1)
        y = F.scaled_dot_product_attention(q, k.expand_as(q), v.expand_as(q), attn_mask=self.bias)
        x = x + self.o(y.transpose(1, 2).flatten(2)) + self.down(F.relu(self.up(h)).square())
        return self.head(x).logsumexp(1)


class LinearAttention(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding, self.qkv, self.head = nn.Embedding(9, 6), nn.Linear(6, 18), nn.Linear(6, 3)

    def forward(self, tokens):
        q, k, v = self.qkv(self.embedding(tokens)).chunk(3, -1)
        q, k = F.elu(q) + 1, F.elu(k) + 1
        state = torch.cumsum(torch.einsum("bnd,bne->bnde", k, v), 1)
        total = torch.cumsum(k, 1)
        y = torch.einsum("bnd,bnde->bne", q, state) / (q * total).sum(-1, keepdim=True)
        return self.head(y.amin(1))


class Experts(nn.Module):
    """A mixture whose gate keeps the two best."""

    def __init__(self):
        super().__init__()
        self.gate = nn.Linear(4, 4)
        self.w1, self.w2 = nn.Parameter(torch.randn(4, 4, 6)), nn.Parameter(torch.randn(4, 6, 3))

    def forward(self, x):
        scores, chosen = self.gate(x).topk(2, -1)
        weights = torch.zeros(x.shape[0], 4).scatter(1, chosen, scores.softmax(-1))
        y = torch.einsum("bi,eio->beo", x, self.w1)
        y = torch.einsum("beh,eho->beo", F.gelu(y), self.w2)
        return (weights.unsqueeze(-1) * y).sum(1)


class StateSpace(nn.Module):
    """Selective state space (Mamba), its recurrence unrolled, behind a causal depthwise convolution."""

    def __init__(self):
        super().__init__()
        self.into, self.conv = nn.Linear(3, 8), nn.Conv1d(4, 4, 3, padding=2, groups=4)
        self.bc, self.delta = nn.Linear(4, 4), nn.Linear(4, 4)
        self.a, self.d = nn.Parameter(torch.rand(4, 2)), nn.Parameter(torch.ones(4))
        self.head = nn.Linear(4, 3)

    def forward(self, x):
        u, gate = self.into(x).chunk(2, -1)
        u = F.silu(self.conv(u.transpose(1, 2))[..., :5].transpose(1, 2))
        b, c = self.bc(u).chunk(2, -1)
        delta = F.softplus(self.delta(u))
        h = torch.zeros(x.shape[0], 4, 2)
        out = []
        for t in range(5):
            h = torch.exp(-delta[:, t, :, None] * torch.exp(self.a)) * h + (delta[:, t] * u[:, t])[..., None] * b[:, t, None]
            out.append((h * c[:, t, None]).sum(-1) + self.d * u[:, t])
        return self.head((torch.stack(out, 1) * F.silu(gate)).mean(1))


class Seq2Seq(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(9, 5)
        self.encoder, self.cell = nn.GRU(5, 4, bidirectional=True, batch_first=True), nn.LSTMCell(13, 4)
        self.query, self.head = nn.Linear(4, 8), nn.Linear(4, 9)

    def forward(self, tokens):
        memory, last = self.encoder(self.embedding(tokens))
        h, c = last[0], last[1]
        for t in range(3):
            weights = torch.bmm(memory, self.query(h).unsqueeze(2)).softmax(1)
            context = (weights * memory).sum(1)
            h, c = self.cell(torch.cat([context, self.embedding(tokens[:, t])], 1), (h, c))
        return self.head(h)


class LayerNormLstm(nn.Module):
    def __init__(self):
        super().__init__()
        self.w, self.u = nn.Linear(3, 16, bias=False), nn.Linear(4, 16, bias=False)
        self.n1, self.n2, self.n3 = nn.LayerNorm(16), nn.LayerNorm(16), nn.LayerNorm(4)
        self.head = nn.Linear(4, 3)

    def forward(self, x):
        h = c = torch.zeros(x.shape[0], 4)
        for step in x.unbind(1):
            i, f, o, g = (self.n1(self.w(step)) + self.n2(self.u(h))).chunk(4, 1)
            c = torch.sigmoid(f + 1) * c + torch.sigmoid(i) * torch.tanh(g)
            h = torch.sigmoid(o) * torch.tanh(self.n3(c))
        return self.head(h)


class Conformer(nn.Module):
    def __init__(self):
        super().__init__()
        self.ff1, self.ff2 = (nn.Sequential(nn.LayerNorm(8), nn.Linear(8, 16), nn.SiLU(), nn.Linear(16, 8)) for _ in range(2))
        self.norm, self.attention = nn.LayerNorm(8), nn.MultiheadAttention(8, 2, batch_first=True)
        self.n2, self.up, self.depth, self.bn = nn.LayerNorm(8), nn.Conv1d(8, 16, 1), nn.Conv1d(8, 8, 5, padding=2, groups=8), nn.BatchNorm1d(8)
        self.down, self.into, self.head = nn.Conv1d(8, 8, 1), nn.Linear(4, 8), nn.Linear(8, 3)

    def forward(self, x):
        x = self.into(x)
        x = x + 0.5 * self.ff1(x)
        h = self.norm(x)
        x = x + self.attention(h, h, h)[0]
        h = F.glu(self.up(self.n2(x).transpose(1, 2)), 1)
        x = x + self.down(F.silu(self.bn(self.depth(h)))).transpose(1, 2)
        x = x + 0.5 * self.ff2(x)
        return self.head(x.mean(1))


class NBeats(nn.Module):
    def __init__(self):
        super().__init__()
        self.blocks = nn.ModuleList(nn.Sequential(nn.Linear(8, 12), nn.ReLU(), nn.Linear(12, 6)) for _ in range(2))
        powers = torch.linspace(0, 1, 8)[None] ** torch.arange(3)[:, None]
        self.register_buffer("basis", powers)

    def forward(self, x):
        forecast = torch.zeros(x.shape[0], 8)
        for block in self.blocks:
            back, ahead = block(x).tensor_split(2, 1)
            x = x - back @ self.basis
            forecast = forecast + ahead @ self.basis
        return forecast


class PatchTst(nn.Module):
    """Series in overlapping patches, normalised by their own mean and deviation, which come back at the end."""

    def __init__(self):
        super().__init__()
        self.into, self.place = nn.Linear(4, 8), nn.Parameter(0.1 * torch.randn(5, 8))
        self.encoder = nn.TransformerEncoderLayer(8, 2, 16, 0.0, batch_first=True, norm_first=True)
        self.head = nn.Linear(40, 3)

    def forward(self, x):
        mean, deviation = x.mean(-1, keepdim=True), torch.sqrt(x.var(-1, keepdim=True, unbiased=False) + 1e-5)
        patches = ((x - mean) / deviation).squeeze(1).unfold(-1, 4, 2)
        y = self.head(self.encoder(self.into(patches) + self.place).flatten(1))
        return y * deviation.squeeze(1) + mean.squeeze(1)


class Decomposed(nn.Module):
    """DLinear: a moving average and what is left of it."""

    def __init__(self):
        super().__init__()
        self.average = nn.AvgPool1d(5, 1)
        self.trend, self.rest = nn.Linear(12, 4), nn.Linear(12, 4)

    def forward(self, x):
        trend = self.average(F.pad(x, (2, 2), mode="replicate"))
        return (self.trend(trend) + self.rest(x - trend)).mean(1)


class Tabular(nn.Module):
    """Factorisation machine, cross network and deep part over columns of codes."""

    def __init__(self):
        super().__init__()
        self.tables = nn.ModuleList(nn.Embedding(10, 4) for _ in range(6))
        self.wide, self.cross = nn.Embedding(10, 3), nn.ModuleList(nn.Linear(24, 24) for _ in range(2))
        self.deep, self.head = nn.Sequential(nn.Linear(24, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.AlphaDropout(0.1)), nn.Linear(36, 3)

    def forward(self, codes):
        rows = torch.stack([table(codes[:, i]) for i, table in enumerate(self.tables)], 1)
        pairs = 0.5 * (rows.sum(1).pow(2) - rows.pow(2).sum(1))
        x0 = x = rows.flatten(1)
        for layer in self.cross:
            x = x0 * layer(x) + x
        return self.head(torch.cat([pairs, x, self.deep(x0)], 1)) + self.wide(codes).sum(1)


class Convolved(nn.Module):
    """A graph's convolution and attention over a fixed neighbourhood."""

    def __init__(self):
        super().__init__()
        edges = (torch.rand(5, 5) > 0.5).float()
        adjacency = ((edges + edges.T + torch.eye(5)) > 0).float()
        degree = adjacency.sum(1).rsqrt()
        self.register_buffer("adjacency", adjacency)
        self.register_buffer("mean", degree[:, None] * adjacency * degree)
        self.a, self.b = nn.Linear(3, 6), nn.Linear(6, 6, bias=False)
        self.left, self.right, self.head = nn.Parameter(torch.randn(6, 1)), nn.Parameter(torch.randn(6, 1)), nn.Linear(12, 3)

    def forward(self, x):
        x = F.relu(self.mean @ self.a(x))
        h = self.b(x)
        scores = F.leaky_relu(h @ self.left + (h @ self.right).transpose(1, 2), 0.2)
        scores = scores.masked_fill(self.adjacency == 0, float("-inf"))
        h = F.elu(scores.softmax(-1) @ h)
        return self.head(torch.cat([h.sum(1), h.max(1)[0]], 1))


class Messages(nn.Module):
    """A graph's messages along a list of edges, gathered and scattered."""

    def __init__(self):
        super().__init__()
        self.register_buffer("source", torch.tensor([0, 1, 2, 3, 4, 0, 2, 1]))
        self.register_buffer("sink", torch.tensor([1, 2, 3, 4, 0, 2, 0, 4]))
        self.message, self.update, self.head = nn.Linear(6, 4), nn.GRUCell(4, 3), nn.Linear(3, 3)

    def forward(self, x):
        sent = F.relu(self.message(torch.cat([x.index_select(1, self.source), x[:, self.sink]], -1)))
        heard = torch.zeros(x.shape[0], 5, 4).scatter_add(1, self.sink[None, :, None].expand(x.shape[0], -1, 4), sent)
        return self.head(self.update(heard.reshape(-1, 4), x.reshape(-1, 3)).view(-1, 5, 3).mean(1))


class SetTransformer(nn.Module):
    def __init__(self):
        super().__init__()
        self.into, self.points = nn.Linear(3, 8), nn.Parameter(torch.randn(1, 4, 8))
        self.a, self.b = nn.MultiheadAttention(8, 2, batch_first=True), nn.MultiheadAttention(8, 2, batch_first=True)
        self.seed, self.c = nn.Parameter(torch.randn(1, 1, 8)), nn.MultiheadAttention(8, 4, batch_first=True, bias=False)
        self.head = nn.Linear(8, 3)

    def forward(self, x):
        x = self.into(x)
        points = self.points.repeat(x.shape[0], 1, 1)
        h, _ = self.a(points, x, x)
        x = x + self.b(x, h, h)[0]
        return self.head(self.c(self.seed.repeat(x.shape[0], 1, 1), x, x)[0].squeeze(1))


class Cloud(nn.Module):
    """PointNet: a learned turn of the points, layers shared by them, their maximum."""

    def __init__(self):
        super().__init__()
        self.turn = nn.Sequential(nn.Conv1d(3, 6, 1), nn.BatchNorm1d(6), nn.ReLU(), nn.AdaptiveMaxPool1d(1), nn.Flatten(), nn.Linear(6, 9))
        self.body = nn.Sequential(nn.Conv1d(3, 8, 1), nn.BatchNorm1d(8), nn.ReLU(), nn.Conv1d(8, 8, 1), nn.GroupNorm(2, 8))
        self.head = nn.Linear(16, 3)

    def forward(self, x):
        turn = self.turn(x).view(-1, 3, 3) + torch.eye(3)
        x = self.body(torch.bmm(turn, x))
        return self.head(torch.cat([x.max(2).values, x.var(2, unbiased=False)], 1))


class Capsules(nn.Module):
    def __init__(self):
        super().__init__()
        self.primary, self.weights = nn.Conv2d(1, 8, 3, 2), nn.Parameter(0.3 * torch.randn(1, 3, 8, 4, 4))

    @staticmethod
    def squash(x):
        square = (x**2).sum(-1, keepdim=True)
        return square / (1 + square) * x / torch.sqrt(square + 1e-8)

    def forward(self, x):
        u = self.squash(self.primary(x).view(-1, 8, 4))
        votes = (self.weights @ u[:, None, :, :, None]).squeeze(-1)
        logits = torch.zeros_like(votes[..., :1])
        for _ in range(2):
            v = self.squash((logits.softmax(1) * votes).sum(2, keepdim=True))
            logits = logits + (votes * v).sum(-1, keepdim=True)
        return v.squeeze(2).norm(dim=-1)


class Siamese(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(4, 8), nn.RReLU(), nn.Linear(8, 6))
        self.centres = nn.Parameter(torch.randn(3, 6))

    def forward(self, x):
        a, b = self.body(x[:, 0]), self.body(x[:, 1])
        same = F.cosine_similarity(a, b, dim=1)
        far = torch.linalg.vector_norm(a - b + 1e-6, dim=1)
        near = ((a.unsqueeze(1) - self.centres) ** 2).sum(-1)
        return torch.exp(-0.1 * near) + torch.stack([same, far, (a - b).abs().sum(1)], 1)


class Siren(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b, self.head = nn.Linear(2, 8), nn.Linear(8, 8), nn.Linear(16, 3)
        self.register_buffer("frequencies", torch.randn(2, 4))

    def forward(self, x):
        waves = 2 * math.pi * x @ self.frequencies
        features = torch.cat([torch.sin(waves), torch.cos(waves)], -1)
        return self.head(torch.cat([torch.sin(3 * self.b(torch.sin(3 * self.a(x)))), features], -1))


class Kolmogorov(nn.Module):
    """Splines on every edge by Gaussian and Chebyshev bases (KAN)."""

    def __init__(self):
        super().__init__()
        self.register_buffer("centres", torch.linspace(-1, 1, 5))
        self.gauss, self.cheb, self.base = nn.Parameter(torch.randn(4, 5, 6)), nn.Parameter(torch.randn(6, 4, 3)), nn.Linear(4, 6)

    def forward(self, x):
        bumps = torch.exp(-(((x.unsqueeze(-1) - self.centres) / 0.5) ** 2))
        x = torch.tanh(torch.einsum("bid,ido->bo", bumps, self.gauss) + self.base(F.silu(x)))
        angle = torch.acos((0.95 * x).clamp(-0.999, 0.999)).unsqueeze(-1)
        return torch.einsum("bid,ido->bo", torch.cos(angle * torch.arange(4)), self.cheb)


class Highway(nn.Module):
    def __init__(self):
        super().__init__()
        self.gates, self.layers = (nn.ModuleList(nn.Linear(6, 6) for _ in range(2)) for _ in range(2))
        self.scale, self.head = nn.Parameter(torch.zeros(2)), nn.utils.weight_norm(nn.Linear(6, 3))

    def forward(self, x):
        for i, (gate, layer) in enumerate(zip(self.gates, self.layers)):
            t = torch.sigmoid(gate(x))
            x = torch.lerp(x, F.hardshrink(layer(x), 0.05), t) + self.scale[i] * F.softsign(x)
        return self.head(x)


class Logic(nn.Module):
    """Neural arithmetic: sums, and products by logarithms."""

    def __init__(self):
        super().__init__()
        self.w, self.m, self.g = nn.Parameter(torch.randn(3, 4)), nn.Parameter(torch.randn(3, 4)), nn.Parameter(torch.randn(3, 4))

    def forward(self, x):
        weight = torch.tanh(self.w) * torch.sigmoid(self.m)
        gate = torch.sigmoid(F.linear(x, self.g))
        product = torch.exp(F.linear(torch.log(x.abs() + 1e-3), weight).clamp(max=5))
        return gate * F.linear(x, weight) + (1 - gate) * product.log1p()


class Mixture(nn.Module):
    """Mixture density: log-likelihoods of fixed points under what the network says."""

    def __init__(self):
        super().__init__()
        self.body, self.register = nn.Linear(4, 12), None
        self.register_buffer("points", torch.tensor([-1.0, 0.3, 1.2]))

    def forward(self, x):
        weight, mean, spread = self.body(x).unflatten(1, (3, 4)).unbind(1)
        deviation = F.softplus(spread) + 0.1
        z = (self.points[:, None] - mean.unsqueeze(1)) / deviation.unsqueeze(1)
        density = weight.log_softmax(1).unsqueeze(1) - 0.5 * z.square() - deviation.log().unsqueeze(1)
        return torch.logsumexp(density, -1)


class Euler(nn.Module):
    """A neural differential equation by the classical Runge-Kutta steps."""

    def __init__(self):
        super().__init__()
        self.field, self.head = nn.Sequential(nn.Linear(5, 8), nn.Tanh(), nn.Linear(8, 4)), nn.Linear(4, 3)

    def forward(self, x):
        h = 0.25
        for t in range(2):
            f = lambda y, at: self.field(F.pad(y, (0, 1), value=at))
            a = f(x, t * h)
            b = f(x + h / 2 * a, t * h + h / 2)
            c = f(x + h / 2 * b, t * h + h / 2)
            x = x + h / 6 * (a + 2 * b + 2 * c + f(x + h * c, t * h + h))
        return self.head(x)


class Norms(nn.Module):
    """The Lp pools, distances and reductions that few models use."""

    def __init__(self):
        super().__init__()
        self.conv, self.pool, self.head = nn.Conv2d(2, 4, 3), nn.LPPool2d(2, 2, 2), nn.Linear(24, 3)

    def forward(self, x):
        x = self.conv(x).abs() + 0.2
        y = self.pool(x).flatten(2)
        parts = [y.norm(p=1, dim=2), y.norm(p=2, dim=2), y.prod(2), y.amin(2), y.var(2), torch.logsumexp(y, 2)]
        return self.head(torch.cat(parts, 1))


class Moved(nn.Module):
    """What only moves numbers: rolls, flips, folds, repeats, indices, diagonals, triangles, padding of each kind."""

    def __init__(self):
        super().__init__()
        self.weight, self.table = nn.Parameter(torch.randn(4, 4)), nn.Parameter(torch.randn(7, 4))
        self.head = nn.Linear(4, 3)

    def forward(self, x):
        x = x.roll((1, -1), (1, 2)).flip(2) + x.rot90(1, (1, 2))
        x = x @ self.weight.tril() + self.weight.triu(1).T * torch.diagonal(self.weight)
        x = x + self.table[torch.tensor([[0, 6, 2, 2], [1, 1, 3, 5], [4, 0, 0, 6], [2, 3, 4, 5]]), torch.arange(4)]
        x = F.pad(F.pad(x, (1, 1), mode="circular"), (2, 1), mode="reflect")[:, :, 2:6]
        x = x.repeat(1, 2, 1).repeat_interleave(2, 2)[:, ::2, 1::2]
        return self.head(torch.gather(x, 1, torch.tensor([[[3, 1, 0, 2]]]).expand(x.shape[0], -1, -1)).squeeze(1))


class Fold(nn.Module):
    def __init__(self):
        super().__init__()
        self.mix, self.out = nn.Conv1d(18, 8, 1), nn.Conv2d(2, 1, 1)

    def forward(self, x):
        patches = F.unfold(x, 3, padding=1, stride=1)
        y = self.mix(patches).view(-1, 2, 4, 36)
        y = y.softmax(2).flatten(1, 2)
        return self.out(F.fold(y, (12, 12), 2, stride=2))


class Plain3d(nn.Module):
    """Convolutions without a bias, to which PyTorch 2.8 writes one that fits nothing; their windows split in time and space."""

    def __init__(self):
        super().__init__()
        self.space, self.time = nn.Conv3d(1, 4, (1, 3, 3), bias=False), nn.Conv3d(4, 4, (3, 1, 1), bias=False)
        self.norm, self.head = nn.BatchNorm3d(4), nn.Linear(4, 3)

    def forward(self, x):
        return self.head(F.relu(self.norm(self.time(self.space(x)))).mean((2, 3, 4)))


class Affine(nn.Module):
    """A spatial transformer by nn.functional's own affine_grid."""

    def __init__(self, **how):
        super().__init__()
        self.how = {"mode": "bilinear", "padding_mode": "zeros", "align_corners": False, **how}
        self.locate = nn.Linear(72, 6)
        self.conv, self.head = nn.Conv2d(2, 4, 3, padding=1), nn.Linear(4, 3)
        nn.init.normal_(self.locate.weight, std=0.05)

    def forward(self, x):
        theta = self.locate(x.flatten(1)).view(-1, 2, 3) + torch.tensor([[0.9, 0.2, 0], [-0.1, 1.2, 0.1]])
        grid = F.affine_grid(theta, (x.shape[0], 2, 5, 4), align_corners=self.how["align_corners"])
        return self.head(F.relu(F.grid_sample(self.conv(x), grid, **self.how)).mean((2, 3)))


class Drops(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(Conv2dNormActivation(2, 8, 3, activation_layer=nn.Hardswish), nn.Dropout2d(0.2),
                                  SqueezeExcitation(8, 4, scale_activation=nn.Hardsigmoid), nn.FeatureAlphaDropout(0.1),
                                  nn.ChannelShuffle(2), StochasticDepth(0.1, "row"), nn.UpsamplingBilinear2d(scale_factor=2))
        self.head = nn.Linear(8, 3)

    def forward(self, x):
        return self.head(self.body(x).mean((2, 3)))


class UNet3d(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Conv3d(1, 4, 3, padding=1), nn.Conv3d(4, 6, (1, 3, 3), padding=(0, 1, 1))
        self.norm, self.c = nn.InstanceNorm3d(6, affine=True), nn.Conv3d(10, 2, 1)

    def forward(self, x):
        a = F.selu(self.a(x))
        b = F.leaky_relu(self.norm(self.b(F.avg_pool3d(a, 2))))
        return self.c(torch.cat([a, F.interpolate(b, scale_factor=2, mode="trilinear", align_corners=True)], 1))


class Attended(nn.Module):
    """Channel attention by a convolution over channels (ECA), coordinates, and non-local attention."""

    def __init__(self):
        super().__init__()
        self.stem, self.eca, self.coordinates = nn.Conv2d(2, 8, 3, 2), nn.Conv1d(1, 1, 3, padding=1), nn.Conv2d(8, 8, 1)
        self.theta, self.phi, self.g, self.head = nn.Conv2d(8, 4, 1), nn.Conv2d(8, 4, 1), nn.Conv2d(8, 8, 1), nn.Linear(8, 3)

    def forward(self, x):
        x = F.hardtanh(self.stem(x), -2, 2)
        x = x * torch.sigmoid(self.eca(x.mean((2, 3)).unsqueeze(1))).squeeze(1)[:, :, None, None]
        rows, columns = x.mean(3, keepdim=True), x.mean(2, keepdim=True).transpose(2, 3)
        a, b = torch.sigmoid(self.coordinates(torch.cat([rows, columns], 2))).split([4, 4], 2)
        x = x * a * b.transpose(2, 3)
        scores = torch.matmul(self.theta(x).flatten(2).transpose(1, 2), self.phi(x).flatten(2)).softmax(-1)
        y = torch.matmul(self.g(x).flatten(2), scores.transpose(1, 2)).view_as(x)
        return self.head((x + y).amax((-2, -1)))


class Shallow(nn.Module):
    """Convolutions in the order that is trained by tiles, of which later ones share the second one's weight."""

    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Conv2d(1, 16, 5, padding=2), nn.Conv2d(16, 16, 3, padding=1)
        self.head = nn.Linear(16 * 9, 3)

    def forward(self, x):
        x = self.b(F.relu(self.a(x)))
        x = F.max_pool2d(F.relu(self.b(F.relu(x))), 2)
        return self.head(F.max_pool2d(F.relu(self.b(x)), 2).flatten(1))


class GeneralizedMean(nn.Module):
    """A pool whose exponent, a single number, is learned, and classes told apart by angles."""

    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Conv2d(3, 16, 3, padding=1), nn.Conv2d(16, 16, 3)
        self.exponent, self.classes = nn.Parameter(torch.tensor(3.0)), nn.Parameter(torch.randn(4, 16))

    def forward(self, x):
        x = F.relu(self.b(F.relu(self.a(x))))
        x = x.clamp(min=1e-3).pow(self.exponent).mean((2, 3)).pow(1 / self.exponent)
        return 8 * F.linear(F.normalize(x), F.normalize(self.classes))


class Field(nn.Module):
    """The forward algorithm of a conditional random field over what an LSTM says of tokens."""

    def __init__(self):
        super().__init__()
        self.embedding, self.lstm = nn.Embedding(9, 5), nn.LSTM(5, 4, bidirectional=True, batch_first=True)
        self.emit, self.transition = nn.Linear(8, 3), nn.Parameter(torch.randn(3, 3))

    def forward(self, tokens):
        y = self.emit(self.lstm(self.embedding(tokens))[0])
        a = y[:, 0]
        for i in range(1, 6):
            a = torch.logsumexp(a.unsqueeze(2) + self.transition, 1) + y[:, i]
        return a


class Latents(nn.Module):
    """Learned vectors that ask the examples (Perceiver), and a token of their own."""

    def __init__(self):
        super().__init__()
        self.latents, self.token = nn.Parameter(torch.randn(3, 8)), nn.Parameter(torch.randn(1, 1, 8))
        self.into, self.query, self.both = nn.Linear(5, 8), nn.Linear(8, 8), nn.Linear(8, 16)
        self.layer = nn.TransformerEncoderLayer(8, 2, 16, 0.0, F.gelu, batch_first=True, norm_first=True)
        self.head = nn.Linear(8, 4)

    def forward(self, x):
        k, v = self.both(self.into(x)).chunk(2, -1)
        y = torch.softmax(self.query(self.latents) @ k.transpose(1, 2) / math.sqrt(8), -1) @ v
        y = torch.cat([self.token.expand(x.shape[0], -1, -1), y], 1)
        return self.head(self.layer(y)[:, 0])


MODELS = {
    "shallow": (Shallow, (1, 12, 12), CE),
    "generalized-mean": (GeneralizedMean, (3, 14, 14), CE),
    "random-field": (Field, 9, CE),
    "latents": (Latents, (7, 5), CE),
    "maxvit": (max_vit, (3, 32, 32), CE),
    "inception": (InceptionBlocks, (3, 13, 13), CE),
    "alexnet": (alex, (3, 48, 48), CE),
    "wide-resnet": (partial(resnet.ResNet, resnet.Bottleneck, [1, 1, 1, 1], num_classes=3, width_per_group=16), (3, 32, 32), CE),
    "dilated-resnet": (partial(resnet.ResNet, resnet.Bottleneck, [1, 1, 1, 1], num_classes=3, width_per_group=8, replace_stride_with_dilation=[False, True, True]), (3, 32, 32), CE),
    "video-r3d": (partial(video, video_resnet.BasicBlock, video_resnet.BasicStem, [video_resnet.Conv3DSimple] * 4), (3, 4, 16, 16), CE),
    "video-r2plus1d": (partial(video, video_resnet.BasicBlock, video_resnet.R2Plus1dStem, [video_resnet.Conv2Plus1D] * 4), (3, 4, 16, 16), CE),
    "video-s3d": (Separable3d, (2, 4, 8, 8), CE),
    "video-mvit": (mvit_small, (3, 4, 16, 16), CE),
    "video-swin": (swin_video, (3, 4, 16, 16), CE),
    "deeplab": (lambda: Segmented(DeepLab()), (3, 16, 16), MSE),
    "fcn": (lambda: Segmented(fcn.FCNHead(8, 2)), (3, 12, 12), MSE),
    "lraspp": (Lraspp, (3, 96, 96), MSE),
    "pyramid": (Pyramid, (3, 16, 16), CE),
    "generator": (Generator, (6,), MSE),
    "critic": (Critic, (2, 12, 12), MSE),
    "super-resolution": (SuperResolution, (1, 6, 6), MSE),
    "modulated": (Modulated, (5,), MSE),
    "vae-1d": (DenseVae, (1, 12), MSE),
    "transformer-decoder": (TransformerDecoder, 9, CE),
    "transformer-decoder-gelu": (partial(TransformerDecoder, "gelu"), 9, CE),
    "bert": (Bert, 9, CE),
    "alibi": (Alibi, 9, CE),
    "linear-attention": (LinearAttention, 9, CE),
    "experts": (Experts, (4,), CE),
    "state-space": (StateSpace, (5, 3), CE),
    "seq2seq": (Seq2Seq, 9, CE),
    "layer-norm-lstm": (LayerNormLstm, (5, 3), CE),
    "conformer": (Conformer, (6, 4), CE),
    "n-beats": (NBeats, (8,), MSE),
    "patch-tst": (PatchTst, (1, 12), MSE),
    "decomposed": (Decomposed, (3, 12), MSE),
    "tabular": (Tabular, 10, CE),
    "graph-attention": (Convolved, (5, 3), CE),
    "graph-messages": (Messages, (5, 3), CE),
    "set-transformer": (SetTransformer, (5, 3), CE),
    "point-cloud": (Cloud, (3, 7), CE),
    "capsules": (Capsules, (1, 5, 5), CE),
    "siamese": (Siamese, (2, 4), CE),
    "siren": (Siren, (2,), CE),
    "kolmogorov": (Kolmogorov, (4,), CE),
    "highway": (Highway, (6,), CE),
    "arithmetic": (Logic, (4,), MSE),
    "mixture": (Mixture, (4,), MSE),
    "runge-kutta": (Euler, (4,), CE),
    "norms-of-few": (Norms, (2, 6, 6), CE),
    "moved": (Moved, (4, 4), CE),
    "fold": (Fold, (2, 6, 6), MSE),
    "affine-grid": (Affine, (2, 6, 6), CE),
    "affine-grid-reflection": (partial(Affine, padding_mode="reflection", align_corners=True), (2, 6, 6), CE),
    "affine-grid-cubic": (partial(Affine, mode="bicubic", padding_mode="border"), (2, 6, 6), CE),
    "affine-grid-cubic-reflection": (partial(Affine, mode="bicubic", padding_mode="reflection"), (2, 6, 6), CE),
    "plain-3d": (Plain3d, (1, 4, 4, 5), CE),
    "drops": (Drops, (2, 6, 6), CE),
    "u-net-3d": (UNet3d, (1, 4, 4, 4), MSE),
    "attended": (Attended, (2, 9, 9), CE),
}

if __name__ == "__main__":
    # The TorchScript exporter's folding would store what is computed from parameters, and cut their gradients off.
    unseen.main(MODELS, folding=False)
