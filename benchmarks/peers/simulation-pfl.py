"""FedAvg with the 2NN on MNIST in pfl-research's simulation, E=1, B=10, learning rate 0.1.

Arguments: folder of the MNIST files, clients, cohort, rounds. Prints its name, then the seconds from the start of the
interpreter to the end of the first round, then the seconds of every further round.
"""

import sys
import time

started = time.time()

import logging  # noqa: E402
import os  # noqa: E402

import numpy as np  # noqa: E402
import torch  # noqa: E402

import pfl  # noqa: E402
from pfl.aggregate.simulate import SimulatedBackend  # noqa: E402
from pfl.algorithm.base import NNAlgorithmParams  # noqa: E402
from pfl.algorithm.federated_averaging import FederatedAveraging  # noqa: E402
from pfl.callback.base import TrainingProcessCallback  # noqa: E402
from pfl.data.dataset import Dataset  # noqa: E402
from pfl.data.federated_dataset import FederatedDataset  # noqa: E402
from pfl.data.sampling import get_user_sampler  # noqa: E402
from pfl.hyperparam import NNEvalHyperParams, NNTrainHyperParams  # noqa: E402
from pfl.internal.ops import pytorch_ops  # noqa: E402
from pfl.metrics import Metrics, Weighted  # noqa: E402
from pfl.model.pytorch import PyTorchModel  # noqa: E402

logging.disable(logging.CRITICAL)
folder, clients, cohort, rounds = sys.argv[1], *map(int, sys.argv[2:5])
pytorch_ops.get_default_device()
torch.manual_seed(0)
np.random.seed(0)

images = np.fromfile(os.path.join(folder, "train-images-idx3-ubyte"), np.uint8, offset=16).reshape(-1, 784)
labels = np.fromfile(os.path.join(folder, "train-labels-idx1-ubyte"), np.uint8, offset=8)
order = np.random.permutation(len(labels)).reshape(clients, -1)
features = torch.from_numpy(images.astype(np.float32) / 255)
targets = torch.from_numpy(labels.astype(np.int64))


class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = torch.nn.Sequential(
            torch.nn.Linear(784, 200), torch.nn.ReLU(), torch.nn.Linear(200, 200), torch.nn.ReLU(), torch.nn.Linear(200, 10)
        )

    def forward(self, inputs):
        return self.layers(inputs)

    def loss(self, inputs, outputs, eval=False):
        self.eval() if eval else self.train()
        return torch.nn.functional.cross_entropy(self(inputs), outputs)

    @torch.no_grad()
    def metrics(self, inputs, outputs):
        self.eval()
        logits = self(inputs)
        return {"loss": Weighted(torch.nn.functional.cross_entropy(logits, outputs, reduction="sum").item(), len(outputs))}


def user(identity):
    members = order[identity]
    return Dataset([features[members], targets[members]], user_id=str(identity))


data = FederatedDataset(user, get_user_sampler("random", list(range(clients))))
net = Net()
model = PyTorchModel(net, torch.optim.SGD, torch.optim.SGD(net.parameters(), 1.0))
times = []


class Clock(TrainingProcessCallback):
    def after_central_iteration(self, *args, **kwargs):
        times.append(time.time())
        return False, Metrics()


FederatedAveraging().run(
    # Evaluation is left out, of every contender.
    NNAlgorithmParams(rounds, 10**9, cohort, None),
    SimulatedBackend(data, data),
    model,
    NNTrainHyperParams(10, 1, 0.1),
    NNEvalHyperParams(None),
    [Clock()],
    send_metrics_to_platform=False,
)
from importlib.metadata import version  # noqa: E402

print(f"pfl {version('pfl')}")
print(times[0] - started)
for before, after in zip(times, times[1:]):
    print(after - before)
