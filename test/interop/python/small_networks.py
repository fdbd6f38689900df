"""Small networks of paddle.nn and torch.nn with the same modules.

{"do": "save", "folder": F}: draws both sides of every network, saves paddle's as F/NAME.pdparams and torch's as F/NAME.bin with
the outputs of each on one input, and gives their names. {"do": "check", "folder": F, "converted": G}: loads what was made of either
into the other framework's network and gives the largest relative difference of outputs by name and direction.
"""

import json
import os
import sys

import numpy as np
import paddle
import torch
from paddle import nn as pn
from torch import nn as tn

INPUT = np.random.default_rng(5)


class PaddleOcr(pn.Layer):
    """A convolutional backbone, a bidirectional LSTM and a head, as PaddleOCR's text recognisers are made."""

    def __init__(self):
        super().__init__()
        self.backbone = pn.Sequential(
            pn.Conv2D(3, 8, 3, padding=1, bias_attr=False), pn.BatchNorm2D(8), pn.ReLU(), pn.PReLU(8)
        )
        self.pool = pn.AdaptiveAvgPool2D((1, 12))
        self.neck = pn.LSTM(8, 6, 2, direction="bidirect")
        self.fc = pn.Linear(12, 10)

    def forward(self, x):
        y = self.pool(self.backbone(x)).squeeze(2).transpose([0, 2, 1])
        return self.fc(self.neck(y)[0])


class TorchOcr(tn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = tn.Sequential(
            tn.Conv2d(3, 8, 3, padding=1, bias=False), tn.BatchNorm2d(8), tn.ReLU(), tn.PReLU(8)
        )
        self.pool = tn.AdaptiveAvgPool2d((1, 12))
        self.neck = tn.LSTM(8, 6, 2, bidirectional=True, batch_first=True)
        self.fc = tn.Linear(12, 10)

    def forward(self, x):
        y = self.pool(self.backbone(x)).squeeze(2).transpose(1, 2)
        return self.fc(self.neck(y)[0])


class First(pn.Layer):
    """The first of several results."""

    def __init__(self, inner):
        super().__init__()
        self.inner = inner

    def forward(self, *x):
        y = self.inner(*x)
        return y[0] if isinstance(y, tuple) else y


class TorchFirst(tn.Module):
    def __init__(self, inner):
        super().__init__()
        self.inner = inner

    def forward(self, *x):
        y = self.inner(*x)
        return y[0] if isinstance(y, tuple) else y


class PaddleText(pn.Layer):
    def __init__(self):
        super().__init__()
        self.embedding = pn.Embedding(11, 8)
        layer = pn.TransformerEncoderLayer(8, 2, 16, dropout=0.0)
        self.encoder = pn.TransformerEncoder(layer, 2)
        self.head = pn.Linear(8, 11, bias_attr=False)

    def forward(self, x):
        return self.head(self.encoder(self.embedding(x)))


class TorchText(tn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = tn.Embedding(11, 8)
        layer = tn.TransformerEncoderLayer(8, 2, 16, dropout=0.0, batch_first=True)
        self.encoder = tn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.head = tn.Linear(8, 11, bias=False)

    def forward(self, x):
        return self.head(self.encoder(self.embedding(x)))


class PaddleBilinear(pn.Layer):
    def __init__(self):
        super().__init__()
        self.bilinear = pn.Bilinear(4, 4, 4)
        self.fc = pn.Linear(4, 2)

    def forward(self, x, y):
        return self.fc(self.bilinear(x, y))


class TorchBilinear(tn.Module):
    def __init__(self):
        super().__init__()
        self.bilinear = tn.Bilinear(4, 4, 4)
        self.fc = tn.Linear(4, 2)

    def forward(self, x, y):
        return self.fc(self.bilinear(x, y))


class Twice(tn.Module):
    """torch's attention with its three inputs."""

    def __init__(self, **how):
        super().__init__()
        self.inner = tn.MultiheadAttention(8, 2, batch_first=True, **how)

    def forward(self, q, k, v):
        return self.inner(q, k, v)[0]


def floats(*shape):
    return INPUT.standard_normal(shape).astype(np.float32)


NETWORKS = {
    "mlp": (
        lambda: pn.Sequential(pn.Linear(4, 7), pn.ReLU(), pn.Linear(7, 7), pn.ReLU(), pn.Linear(7, 3)),
        lambda: tn.Sequential(tn.Linear(4, 7), tn.ReLU(), tn.Linear(7, 7), tn.ReLU(), tn.Linear(7, 3)),
        [floats(2, 4)],
    ),
    "square": (
        lambda: pn.Sequential(pn.Linear(5, 5), pn.Tanh(), pn.Linear(5, 5)),
        lambda: tn.Sequential(tn.Linear(5, 5), tn.Tanh(), tn.Linear(5, 5)),
        [floats(3, 5)],
    ),
    "cnn": (
        lambda: pn.Sequential(
            pn.Conv2D(3, 4, 3), pn.BatchNorm2D(4), pn.ReLU(), pn.Conv2DTranspose(4, 2, 3), pn.GroupNorm(1, 2),
            pn.InstanceNorm2D(2), pn.Flatten(), pn.Linear(128, 6),
        ),
        lambda: tn.Sequential(
            tn.Conv2d(3, 4, 3), tn.BatchNorm2d(4), tn.ReLU(), tn.ConvTranspose2d(4, 2, 3), tn.GroupNorm(1, 2),
            tn.InstanceNorm2d(2, affine=True), tn.Flatten(), tn.Linear(128, 6),
        ),
        [floats(2, 3, 8, 8)],
    ),
    "lstm": (
        lambda: First(pn.LSTM(5, 4, 2, direction="bidirect")),
        lambda: TorchFirst(tn.LSTM(5, 4, 2, bidirectional=True, batch_first=True)),
        [floats(2, 6, 5)],
    ),
    "gru": (
        lambda: First(pn.GRU(5, 4)),
        lambda: TorchFirst(tn.GRU(5, 4, batch_first=True)),
        [floats(2, 6, 5)],
    ),
    "attention": (
        lambda: First(pn.MultiHeadAttention(8, 2)),
        lambda: Twice(),
        [floats(2, 5, 8), floats(2, 7, 8), floats(2, 7, 8)],
    ),
    "cross_attention": (
        lambda: First(pn.MultiHeadAttention(8, 2, kdim=6, vdim=4)),
        lambda: Twice(kdim=6, vdim=4),
        [floats(2, 5, 8), floats(2, 7, 6), floats(2, 7, 4)],
    ),
    "decoder": (
        lambda: pn.TransformerDecoderLayer(8, 2, 16, dropout=0.0),
        lambda: tn.TransformerDecoderLayer(8, 2, 16, dropout=0.0, batch_first=True),
        [floats(2, 5, 8), floats(2, 7, 8)],
    ),
    "text": (PaddleText, TorchText, [INPUT.integers(0, 11, (2, 6))]),
    "bilinear": (PaddleBilinear, TorchBilinear, [floats(2, 4), floats(2, 4)]),
    "ocr": (PaddleOcr, TorchOcr, [floats(2, 3, 4, 12)]),
}


def draw_paddle(name):
    net = NETWORKS[name][0]()
    for tensor in net.state_dict().values():
        values = INPUT.standard_normal(tensor.shape).astype(np.float32) * 0.3
        tensor.set_value(np.abs(values) + 0.5 if "variance" in tensor.name or tensor.name.endswith("w_2") else values)
    net.eval()
    return net


def draw_torch(name):
    net = NETWORKS[name][1]()
    with torch.no_grad():
        for key, tensor in net.state_dict().items():
            if key.endswith("num_batches_tracked"):
                continue
            values = torch.from_numpy(INPUT.standard_normal(tuple(tensor.shape)).astype(np.float32)) * 0.3
            tensor.copy_(values.abs() + 0.5 if key.endswith("running_var") else values)
    net.eval()
    return net


def run_paddle(net, name):
    return net(*[paddle.to_tensor(x) for x in NETWORKS[name][2]]).numpy()


def run_torch(net, name):
    with torch.no_grad():
        return net(*[torch.from_numpy(x) for x in NETWORKS[name][2]]).numpy()


def save(folder):
    for name in NETWORKS:
        net = draw_paddle(name)
        paddle.save(net.state_dict(), os.path.join(folder, f"{name}.pdparams"))
        np.save(os.path.join(folder, f"{name}.paddle.npy"), run_paddle(net, name))
        net = draw_torch(name)
        torch.save(net.state_dict(), os.path.join(folder, f"{name}.bin"))
        np.save(os.path.join(folder, f"{name}.torch.npy"), run_torch(net, name))
    return list(NETWORKS)


def check(folder, converted):
    differences = {}

    def compare(name, way, found):
        wanted = np.load(os.path.join(folder, f"{name}.{way}.npy"))
        differences[f"{name} from {way}"] = float(np.abs(found - wanted).max() / np.abs(wanted).max())

    for name in NETWORKS:
        net = NETWORKS[name][1]()
        state = torch.load(os.path.join(converted, f"{name}-torch", "pytorch_model.bin"), weights_only=True)
        net.load_state_dict(state, strict=True)
        net.eval()
        compare(name, "paddle", run_torch(net, name))
        net = NETWORKS[name][0]()
        state = paddle.load(os.path.join(converted, f"{name}-paddle", "model_state.pdparams"))
        missing, unexpected = net.set_state_dict(state)
        # The recurrent networks' second names share the first ones' parameters.
        missing = [key for key in missing if ".cell" not in key]
        assert not missing and not unexpected, (name, missing, unexpected)
        net.eval()
        compare(name, "torch", run_paddle(net, name))
    return differences


if __name__ == "__main__":
    asked = json.load(sys.stdin)
    # Both halves draw the same inputs, since the generator starts anew.
    result = save(asked["folder"]) if asked["do"] == "save" else check(asked["folder"], asked["converted"])
    print(json.dumps(result))
