"""Writes operators.json: for each ONNX operator a few cases, and what PyTorch says of them.

Each case holds a node, its inputs, the weights r of a sum of its output y, and by PyTorch's double precision y itself and the
gradients of sum(y * r) by every input of floats that is not fixed. Needs torch; made with PyTorch 2.8.0.

usage: python test/oracles/generate-operators.py
"""

import json
import math
import pathlib

import torch
from torch.nn import functional as F

OUT = pathlib.Path(__file__).parent / "operators.json"
cases = []
generator = torch.Generator()


def numbers(*shape, low=-2.0, high=2.0):
    """Multiples of 1/128 that all differ and are never 0, in any order: short in JSON, exact in float32, without ties."""
    count = math.prod(shape)
    steps = int((high - low) * 128) - 1
    assert steps >= 2 * count, shape
    order = torch.randperm(steps, generator=generator)
    values = (order.double() + 1) / 128 + low
    return values[values.abs() > 1 / 256][:count].reshape(shape)


def positive(*shape):
    return numbers(*shape, low=0.25, high=3.0)


def fixed(value, kind="float32"):
    return {"fixed": torch.as_tensor(value), "kind": kind}


def whole(value):
    return fixed(value, "int64")


def compact(tensor):
    return [float(f"{x:.9g}") for x in tensor.flatten().tolist()]


def attribute(value):
    kind = {int: "int", float: "float", str: "string", list: "ints"}[type(value)]
    return {"kind": kind, "value": value}


def case(op, inputs, of, outputs=1, **attributes):
    """`of` gets the inputs that are not fixed; `outputs` is how many the node names, of which the first counts."""
    free = [x.clone().requires_grad_() for x in inputs if isinstance(x, torch.Tensor)]
    y = of(*free)
    r = numbers(*y.shape)
    gradients = torch.autograd.grad((y * r).sum(), free, allow_unused=True)
    stored = []
    for x in inputs:
        if x is None:
            stored.append(None)
        elif isinstance(x, dict):
            values = [int(v) if x["kind"] == "bool" else v for v in x["fixed"].flatten().tolist()]
            stored.append({"kind": x["kind"], "shape": list(x["fixed"].shape), "data": values})
        else:
            stored.append({"shape": list(x.shape), "data": compact(x)})
    cases.append({"op": op, "attributes": {name: attribute(value) for name, value in attributes.items()}, "inputs": stored, "outputs": outputs,
                  "y": {"shape": list(y.shape), "data": compact(y)}, "r": compact(r),
                  "gradients": [compact(torch.zeros_like(x) if g is None else g) for x, g in zip(free, gradients)]})


def unary(op, of, make=numbers, **attributes):
    case(op, [make(2, 5)], of, **attributes)


def inside(*shape):
    return numbers(*shape, low=-0.9, high=0.9)


def wide(*shape):
    return numbers(*shape, low=-4.5, high=4.5)


def activations():
    for op, of, make in (
        ("Abs", torch.abs, numbers), ("Acos", torch.acos, inside), ("Asin", torch.asin, inside), ("Atan", torch.atan, numbers),
        ("Acosh", torch.acosh, lambda *s: numbers(*s, low=1.125, high=3.0)), ("Asinh", torch.asinh, numbers),
        ("Atanh", torch.atanh, inside), ("Cos", torch.cos, numbers), ("Cosh", torch.cosh, numbers), ("Erf", torch.erf, numbers),
        ("Exp", torch.exp, numbers), ("Log", torch.log, positive), ("Neg", torch.neg, numbers), ("Sin", torch.sin, numbers),
        ("Reciprocal", torch.reciprocal, positive), ("Sinh", torch.sinh, numbers), ("Sqrt", torch.sqrt, positive),
        ("Tan", torch.tan, inside), ("Tanh", torch.tanh, numbers), ("Relu", F.relu, numbers), ("Sigmoid", torch.sigmoid, numbers),
        ("Softplus", F.softplus, numbers), ("Softsign", F.softsign, numbers), ("Selu", F.selu, numbers), ("Mish", F.mish, numbers),
        ("HardSwish", F.hardswish, wide), ("Identity", lambda x: x.clone(), numbers), ("Dropout", lambda x: x.clone(), numbers),
        ("Celu", F.celu, numbers), ("Elu", F.elu, numbers), ("Gelu", F.gelu, numbers),
    ):
        unary(op, of, make)
    unary("Celu", lambda x: F.celu(x, 1.5), alpha=1.5)
    unary("Elu", lambda x: F.elu(x, 0.75), alpha=0.75)
    unary("Gelu", lambda x: F.gelu(x, approximate="tanh"), approximate="tanh")
    unary("HardSigmoid", F.hardsigmoid, wide, alpha=1 / 6, beta=0.5)
    unary("LeakyRelu", lambda x: F.leaky_relu(x, 0.25), alpha=0.25)
    unary("ThresholdedRelu", lambda x: F.threshold(x, 0.5, 0.0), alpha=0.5)
    unary("Selu", lambda x: 1.5 * torch.where(x > 0, x, 0.5 * torch.expm1(x)), alpha=0.5, gamma=1.5)
    unary("Cast", lambda x: x.clone(), to=1)
    case("Clip", [numbers(2, 6), fixed(-0.75), fixed(1.25)], lambda x: x.clamp(-0.75, 1.25))
    case("Clip", [numbers(2, 6), None, fixed(0.5)], lambda x: x.clamp(max=0.5))
    case("PRelu", [numbers(2, 3, 4), numbers(3, 1)], lambda x, w: F.prelu(x, w.flatten()))
    for axis in (0, 1, -1):
        case("Softmax", [numbers(2, 3, 4)], lambda x: x.softmax(axis), axis=axis)
        case("LogSoftmax", [numbers(2, 3, 4)], lambda x: x.log_softmax(axis), axis=axis)


def arithmetic():
    for op, of, make in (("Add", torch.add, numbers), ("Sub", torch.sub, numbers), ("Mul", torch.mul, numbers),
                         ("Div", torch.div, positive), ("Pow", torch.pow, positive)):
        case(op, [make(2, 3, 4), make(3, 1)], of)
        case(op, [make(4), make(2, 1, 4)], of)
    many = numbers(17)
    parts = lambda: [many[:6].reshape(2, 3), many[6:9], many[9:11].reshape(2, 1)]
    case("Max", parts(), lambda x, y, z: torch.maximum(torch.maximum(x, y), z))
    case("Min", parts(), lambda x, y, z: torch.minimum(torch.minimum(x, y), z))
    case("Mean", parts(), lambda x, y, z: (x + y + z) / 3)
    case("Sum", parts(), lambda x, y, z: x + y + z)
    flags = torch.tensor([[True, False, True], [False, False, True]])
    case("Where", [fixed(flags, "bool"), numbers(2, 3), numbers(3)], lambda x, y: torch.where(flags, x, y))


def products():
    for a, b in (((2, 3), (3, 4)), ((4,), (4, 3)), ((2, 4), (4,)), ((4,), (4,)), ((2, 3, 4), (4, 2)), ((2, 1, 3, 4), (3, 4, 2))):
        case("MatMul", [numbers(*a), numbers(*b)], torch.matmul)
    case("Gemm", [numbers(2, 3), numbers(3, 4), numbers(4)], lambda x, w, c: x @ w + c)
    case("Gemm", [numbers(3, 2), numbers(4, 3), numbers(2, 1)], lambda x, w, c: 0.5 * x.T @ w.T + 2 * c,
         alpha=0.5, beta=2.0, transA=1, transB=1)
    for equation, shapes in (("ij,jk->ik", ((2, 3), (3, 4))), ("bqhd,bkhd->bhqk", ((1, 2, 2, 3), (1, 3, 2, 3))), ("i,j->ij", ((3,), (4,))),
                             ("abc->ca", ((2, 3, 4),)), ("ij,kj->k", ((2, 3), (4, 3))), ("bn,anm,bm->ba", ((2, 3), (2, 3, 4), (2, 4)))):
        case("Einsum", [numbers(*s) for s in shapes], lambda *x: torch.einsum(equation, *x), equation=equation)


def convolutions():
    conv, transposed = (F.conv1d, F.conv2d, F.conv3d), (F.conv_transpose1d, F.conv_transpose2d, F.conv_transpose3d)
    for x, w, group, stride, padding, dilation in (
        ((2, 3, 7), (4, 3, 3), 1, [2], [1], [1]), ((1, 4, 8), (4, 1, 3), 4, [1], [2], [2]),
        ((2, 2, 5, 4), (3, 2, 3, 2), 1, [1, 2], [1, 0], [1, 1]), ((1, 4, 5, 5), (6, 2, 3, 3), 2, [2, 2], [1, 1], [1, 1]),
        ((2, 3, 5, 5), (3, 1, 3, 3), 3, [1, 1], [1, 1], [1, 1]), ((1, 2, 6, 6), (2, 2, 3, 3), 1, [1, 1], [2, 2], [2, 2]),
        ((1, 2, 3, 4, 4), (3, 2, 2, 3, 3), 1, [1, 2, 1], [0, 1, 1], [1, 1, 1]), ((1, 2, 3, 3, 3), (2, 1, 3, 3, 3), 2, [1, 1, 1], [1, 1, 1], [1, 1, 1]),
    ):
        of = conv[len(stride) - 1]
        case("Conv", [numbers(*x), numbers(*w), numbers(w[0])], lambda x, w, b: of(x, w, b, stride, padding, dilation, group),
             strides=stride, pads=padding + padding, dilations=dilation, group=group)
    case("Conv", [numbers(2, 3, 4, 4), numbers(4, 3, 1, 1)], F.conv2d)
    for x, w, group, stride, padding, extra in (
        ((2, 3, 4), (3, 2, 3), 1, [2], [1], [1]), ((1, 2, 3, 3), (2, 2, 3, 3), 1, [2, 2], [1, 1], [1, 1]),
        ((2, 4, 3, 2), (4, 1, 2, 2), 4, [2, 2], [0, 0], [0, 0]), ((1, 4, 2, 3), (4, 2, 3, 2), 2, [1, 2], [1, 0], [0, 1]),
        ((1, 2, 2, 2, 2), (2, 2, 2, 2, 2), 1, [2, 2, 2], [0, 0, 0], [0, 0, 0]),
    ):
        of = transposed[len(stride) - 1]
        case("ConvTranspose", [numbers(*x), numbers(*w), numbers(w[1] * group)],
             lambda x, w, b: of(x, w, b, stride, padding, extra, group),
             strides=stride, pads=padding + padding, output_padding=extra, group=group)
    case("Col2Im", [numbers(1, 8, 9), whole([4, 4]), whole([2, 2])], lambda x: F.fold(x, (4, 4), 2))
    case("Col2Im", [numbers(2, 9, 4), whole([5, 4]), whole([3, 3])], lambda x: F.fold(x, (5, 4), 3, padding=1, stride=(3, 2), dilation=1),
         pads=[1, 1, 1, 1], strides=[3, 2])
    case("Col2Im", [numbers(1, 4, 12), whole([5, 4]), whole([2, 2])], lambda x: F.fold(x, (5, 4), 2, padding=(0, 1), dilation=2),
         pads=[0, 1, 0, 1], dilations=[2, 2])


def pools():
    for d, shape in ((1, (2, 2, 7)), (2, (1, 2, 5, 6)), (3, (1, 2, 4, 4, 3))):
        kernel, stride, padding = [2] * d, [2] * d, [1] * d
        maximum, average = (getattr(F, f"{kind}_pool{d}d") for kind in ("max", "avg"))
        shared = {"kernel_shape": kernel, "strides": stride, "pads": padding + padding}
        case("MaxPool", [numbers(*shape)], lambda x: maximum(x, kernel, stride, padding), **shared)
        case("AveragePool", [numbers(*shape)], lambda x: average(x, kernel, stride, padding), **shared, count_include_pad=1)
        case("AveragePool", [numbers(*shape)], lambda x: average(x, kernel, stride, padding, count_include_pad=False), **shared)
        axes = tuple(range(2, 2 + d))
        case("GlobalAveragePool", [numbers(*shape)], lambda x: x.mean(axes, keepdim=True))
        case("GlobalMaxPool", [numbers(*shape)], lambda x: x.amax(axes, keepdim=True))
        case("GlobalLpPool", [numbers(*shape)], lambda x: x.norm(2, axes, keepdim=True), p=2)
        case("GlobalLpPool", [positive(*shape)], lambda x: (x**3).sum(axes, keepdim=True) ** (1 / 3), p=3)
    case("MaxPool", [numbers(1, 2, 7, 6)], lambda x: F.max_pool2d(x, 3, 2, ceil_mode=True), kernel_shape=[3, 3], strides=[2, 2], ceil_mode=1)
    case("MaxPool", [numbers(1, 2, 7, 6)], lambda x: F.max_pool2d(x, 2, 1, dilation=2), kernel_shape=[2, 2], strides=[1, 1], dilations=[2, 2])
    case("MaxPool", [numbers(1, 2, 5, 5)], lambda x: F.max_pool2d(x, 3, 1), kernel_shape=[3, 3], strides=[1, 1])
    case("LpPool", [positive(2, 2, 7)], lambda x: F.lp_pool1d(x, 3, 3, 2), kernel_shape=[3], strides=[2], p=3)
    case("LpPool", [positive(1, 2, 4, 6)], lambda x: F.lp_pool2d(x, 2, 2), kernel_shape=[2, 2], strides=[2, 2], p=2)
    case("LpPool", [numbers(1, 2, 4, 6)], lambda x: F.lp_pool2d(x.abs(), 1, 2), kernel_shape=[2, 2], strides=[2, 2], p=1)


def normalizations():
    def channels(make=numbers, count=3):
        return make(count)

    for shape in ((4, 3), (2, 3, 4), (2, 3, 2, 3), (2, 3, 2, 2, 2)):
        mean, variance = numbers(3), positive(3)
        case("BatchNormalization", [numbers(*shape), channels(), channels(), fixed(mean), fixed(variance)],
             lambda x, w, b: F.batch_norm(x, mean, variance, w, b, False, 0.1, 1e-3), epsilon=1e-3)
        case("BatchNormalization", [numbers(*shape), channels(), channels(), fixed(mean), fixed(variance)],
             lambda x, w, b: F.batch_norm(x, mean.clone(), variance.clone(), w, b, True, 0.1, 1e-3), outputs=3, epsilon=1e-3, training_mode=1)
    for shape in ((2, 3, 5), (2, 3, 2, 3), (1, 3, 2, 2, 3)):
        case("InstanceNormalization", [numbers(*shape), channels(), channels()],
             lambda x, w, b: F.instance_norm(x, weight=w, bias=b, eps=1e-3), epsilon=1e-3)
    case("LayerNormalization", [numbers(3, 5), numbers(5), numbers(5)], lambda x, w, b: F.layer_norm(x, (5,), w, b, 1e-3), axis=-1, epsilon=1e-3)
    case("LayerNormalization", [numbers(2, 3, 4), numbers(3, 4)], lambda x, w: F.layer_norm(x, (3, 4), w, None, 1e-3), axis=1, epsilon=1e-3)
    for groups, shape in ((2, (2, 4, 3)), (1, (2, 4, 2, 2)), (4, (1, 4, 2, 3))):
        case("GroupNormalization", [numbers(*shape), numbers(4), numbers(4)], lambda x, w, b: F.group_norm(x, groups, w, b, 1e-3), num_groups=groups, epsilon=1e-3)
    case("LRN", [numbers(2, 5, 3, 1)], lambda x: F.local_response_norm(x, 3, 0.5, 0.75, 2.0), size=3, alpha=0.5, beta=0.75, bias=2.0)
    case("LRN", [numbers(1, 4, 2, 2)], lambda x: F.local_response_norm(x, 5, 0.25, 0.5, 1.0), size=5, alpha=0.25, beta=0.5, bias=1.0)


def reductions():
    for op, of, make in (
        ("ReduceSum", lambda x, d, k: x.sum(d, keepdim=k), numbers), ("ReduceMean", lambda x, d, k: x.mean(d, keepdim=k), numbers),
        ("ReduceMax", lambda x, d, k: x.amax(d, keepdim=k), numbers), ("ReduceMin", lambda x, d, k: x.amin(d, keepdim=k), numbers),
        ("ReduceL1", lambda x, d, k: x.abs().sum(d, keepdim=k), numbers), ("ReduceL2", lambda x, d, k: x.norm(2, d, keepdim=k), numbers),
        ("ReduceLogSumExp", lambda x, d, k: x.logsumexp(d, keepdim=k), numbers),
        ("ReduceLogSum", lambda x, d, k: x.sum(d, keepdim=k).log(), positive),
        ("ReduceSumSquare", lambda x, d, k: (x * x).sum(d, keepdim=k), numbers),
    ):
        case(op, [make(2, 3, 4), whole([1])], lambda x: of(x, [1], True))
        case(op, [make(2, 3, 4), whole([0, -1])], lambda x: of(x, [0, 2], False), keepdims=0)
        case(op, [make(2, 3)], lambda x: of(x, [0, 1], True))
    case("ReduceProd", [numbers(2, 3, 4), whole([1])], lambda x: x.prod(1, keepdim=True))
    case("ReduceProd", [numbers(2, 4), whole([-1])], lambda x: x.prod(1), keepdims=0)
    case("CumSum", [numbers(2, 5), whole(1)], lambda x: x.cumsum(1))
    case("CumSum", [numbers(4, 2), whole(0)], lambda x: x.flip(0).cumsum(0).flip(0) - x, exclusive=1, reverse=1)
    case("TopK", [numbers(3, 5), whole([2])], lambda x: x.topk(2).values, outputs=2)
    case("TopK", [numbers(4, 3), whole([3])], lambda x: x.topk(3, 0, largest=False).values, outputs=2, axis=0, largest=0)


def movement():
    case("Reshape", [numbers(2, 6), whole([3, -1])], lambda x: x.reshape(3, 4))
    case("Flatten", [numbers(2, 3, 2)], lambda x: x.flatten(1), axis=1)
    case("Squeeze", [numbers(1, 3, 1, 2), whole([0, 2])], lambda x: x.squeeze(2).squeeze(0))
    case("Unsqueeze", [numbers(3, 2), whole([0, -1])], lambda x: x[None, ..., None])
    case("Transpose", [numbers(2, 3, 4)], lambda x: x.permute(2, 0, 1), perm=[2, 0, 1])
    case("Concat", [numbers(2, 3), numbers(2, 1), numbers(2, 2)], lambda *x: torch.cat(x, 1), axis=1)
    case("Split", [numbers(2, 5), whole([2, 3])], lambda x: x[:, :2] + 0, outputs=2, axis=1)
    case("Slice", [numbers(5, 4), whole([1, -4]), whole([5, 9]), whole([0, 1]), whole([2, 1])], lambda x: x[1:5:2])
    case("Slice", [numbers(2, 6), whole([-1]), whole([-100]), whole([1]), whole([-2])], lambda x: x[:, [5, 3, 1]])
    case("Expand", [numbers(3, 1), whole([2, 3, 4])], lambda x: x.expand(2, 3, 4))
    case("Tile", [numbers(2, 3), whole([2, 3])], lambda x: x.repeat(2, 3))
    case("Pad", [numbers(2, 3), whole([1, 0, 0, 2]), fixed(0.5)], lambda x: F.pad(x, (0, 2, 1, 0), value=0.5))
    case("Pad", [numbers(3, 4), whole([0, -1, 1, -1])], lambda x: F.pad(x, (-1, -1, 0, 1)))
    for name, mode in (("reflect", "reflect"), ("edge", "replicate"), ("wrap", "circular")):
        case("Pad", [numbers(1, 2, 3, 4), whole([0, 0, 1, 2, 0, 0, 2, 1])], lambda x: F.pad(x, (2, 1, 1, 2), mode=mode), mode=name)
    index = torch.tensor([[2, 0], [2, 1]])
    case("Gather", [numbers(3, 4), whole(index)], lambda x: x[index], axis=0)
    case("Gather", [numbers(2, 3), whole([1, -1, 1])], lambda x: x[:, [1, -1, 1]], axis=1)
    case("GatherElements", [numbers(3, 2), whole(index)], lambda x: x.gather(0, index), axis=0)
    case("GatherND", [numbers(3, 4, 2), whole([[0, 1], [2, 3], [0, 1]])], lambda x: x[[0, 2, 0], [1, 3, 1]])
    case("GatherND", [numbers(2, 3, 2), whole([[1], [0]])], lambda x: x[[0, 1], [1, 0]], batch_dims=1)
    spread = torch.tensor([[1, 0, 2], [0, 2, 1]])
    case("ScatterElements", [numbers(3, 3), whole(spread), numbers(2, 3)], lambda x, u: x.scatter(0, spread, u), axis=0)
    repeated = torch.tensor([[0, 0, 1], [0, 1, 1]])
    case("ScatterElements", [numbers(3, 3), whole(repeated), numbers(2, 3)], lambda x, u: x.scatter_add(0, repeated, u), axis=0, reduction="add")
    case("ScatterND", [numbers(4, 2), whole([[3], [1]]), numbers(2, 2)],
         lambda x, u: x.index_put((torch.tensor([3, 1]),), u))
    case("ScatterND", [numbers(4, 2), whole([[3, 1], [0, 0], [3, 1]]), numbers(3)],
         lambda x, u: x.index_put((torch.tensor([3, 0, 3]), torch.tensor([1, 0, 1])), u, accumulate=True), reduction="add")
    case("Trilu", [numbers(2, 3, 4), whole(1)], lambda x: x.triu(1))
    case("Trilu", [numbers(3, 3)], torch.tril, upper=0)
    case("DepthToSpace", [numbers(1, 8, 2, 2)], lambda x: F.pixel_shuffle(x, 2), blocksize=2, mode="CRD")
    case("DepthToSpace", [numbers(1, 8, 2, 2)],
         lambda x: x.reshape(1, 2, 2, 2, 2, 2).permute(0, 3, 4, 1, 5, 2).reshape(1, 2, 4, 4), blocksize=2)
    case("SpaceToDepth", [numbers(1, 2, 4, 4)],
         lambda x: x.reshape(1, 2, 2, 2, 2, 2).permute(0, 3, 5, 1, 2, 4).reshape(1, 8, 2, 2), blocksize=2)


def resampling():
    for mode, torch_mode, coordinates, options, size in (
        ("nearest", "nearest", "asymmetric", {"nearest_mode": "floor"}, (6, 8)), ("nearest", "nearest", "asymmetric", {"nearest_mode": "floor"}, (5, 3)),
        ("linear", "bilinear", "half_pixel", {}, (6, 8)), ("linear", "bilinear", "align_corners", {}, (5, 7)), ("linear", "bilinear", "half_pixel", {}, (2, 3)),
        ("cubic", "bicubic", "half_pixel", {"cubic_coeff_a": -0.75}, (6, 5)), ("cubic", "bicubic", "align_corners", {"cubic_coeff_a": -0.75}, (5, 6)),
    ):
        corners = None if mode == "nearest" else coordinates == "align_corners"
        case("Resize", [numbers(1, 2, 3, 4), None, None, whole([1, 2, *size])],
             lambda x: F.interpolate(x, size, mode=torch_mode, align_corners=corners),
             mode=mode, coordinate_transformation_mode=coordinates, **options)
    case("Resize", [numbers(1, 2, 5), None, None, whole([1, 2, 8])], lambda x: F.interpolate(x, 8, mode="linear"), mode="linear")
    case("Resize", [numbers(1, 1, 2, 3, 2), None, fixed([1.0, 1.0, 2.0, 2.0, 2.0])], lambda x: F.interpolate(x, scale_factor=2, mode="trilinear"), mode="linear")
    for mode, torch_mode in (("linear", "bilinear"), ("nearest", "nearest"), ("cubic", "bicubic")):
        for padding in ("zeros", "border", "reflection"):
            for corners in (False, True):
                grid = numbers(1, 3, 3, 2, low=-1.75, high=1.75) + 1 / 300
                case("GridSample", [numbers(1, 2, 4, 3), grid.float().double()],
                     lambda x, g: F.grid_sample(x, g, torch_mode, padding, corners),
                     mode=mode, padding_mode=padding, align_corners=int(corners))
    for corners in (0, 1):
        case("AffineGrid", [numbers(2, 2, 3), whole([2, 1, 3, 4])], lambda t: F.affine_grid(t, (2, 1, 3, 4), bool(corners)), align_corners=corners)


def recurrent():
    for op, kind, gates, options in (("LSTM", torch.nn.LSTM, 4, {}), ("GRU", torch.nn.GRU, 3, {"linear_before_reset": 1}), ("RNN", torch.nn.RNN, 1, {})):
        # Where PyTorch's gates stand in ONNX.
        order = {"LSTM": [0, 2, 3, 1], "GRU": [1, 0, 2], "RNN": [0]}[op]
        for directions in (1, 2):
            net = kind(3, 2, bidirectional=directions == 2).double()
            states = 2 if op == "LSTM" else 1
            shapes = [(3, 2, 3), (directions, gates * 2, 3), (directions, gates * 2, 2), (directions, 4 * gates)] + [(directions, 2, 2)] * states

            def of(x, w, r, bias, *state):
                arranged = lambda t: t.reshape(gates, 2, *t.shape[1:])[order].flatten(0, 1)
                given = {}
                for d in range(directions):
                    suffix = "_l0" + ("_reverse" if d else "")
                    given["weight_ih" + suffix], given["weight_hh" + suffix] = arranged(w[d]), arranged(r[d])
                    given["bias_ih" + suffix], given["bias_hh" + suffix] = arranged(bias[d, : gates * 2]), arranged(bias[d, gates * 2 :])
                y, _ = torch.func.functional_call(net, given, (x, tuple(state) if states == 2 else state[0]))
                return y.reshape(3, 2, directions, 2).permute(0, 2, 1, 3)

            inputs = [numbers(*shape, low=-1.5, high=1.5) for shape in shapes]
            case(op, [*inputs[:4], None, *inputs[4:]], of, hidden_size=2, direction="bidirectional" if directions == 2 else "forward", **options)


def main():
    generator.manual_seed(6)
    torch.manual_seed(6)
    for group in (activations, arithmetic, products, convolutions, pools, normalizations, reductions, movement, resampling, recurrent):
        group()
    lines = ",\n".join(json.dumps(one, separators=(",", ":")) for one in cases)
    source = f"PyTorch {torch.__version__.split('+')[0]}, double precision; test/oracles/generate-operators.py"
    OUT.write_text('{"source":' + json.dumps(source) + ',"cases":[\n' + lines + "\n]}\n")
    print(f"{len(cases)} cases of {len({one['op'] for one in cases})} operators")


if __name__ == "__main__":
    main()
