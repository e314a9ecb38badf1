"""FedAvg with the 2NN on MNIST in Flower's simulation on Ray, E=1, B=10, learning rate 0.1, two workers.

Arguments: folder of the MNIST files, clients, cohort, rounds. Prints its name, then the seconds from the start of the
interpreter to the end of the first round, then the seconds of every further round.
"""

import sys
import time

started = time.time()

import logging  # noqa: E402
import os  # noqa: E402

os.environ["RAY_DEDUP_LOGS"] = "1"
os.environ["FLWR_TELEMETRY_ENABLED"] = "0"

import flwr  # noqa: E402
import numpy as np  # noqa: E402
import torch  # noqa: E402
from flwr.client import ClientApp, NumPyClient  # noqa: E402
from flwr.common import ndarrays_to_parameters  # noqa: E402
from flwr.server import ServerApp, ServerAppComponents, ServerConfig  # noqa: E402
from flwr.server.strategy import FedAvg  # noqa: E402
from flwr.simulation import run_simulation  # noqa: E402

folder, clients, cohort, rounds = sys.argv[1], *map(int, sys.argv[2:5])
logging.getLogger("flwr").setLevel(logging.ERROR)


def build():
    torch.manual_seed(0)
    linear, relu = torch.nn.Linear, torch.nn.ReLU
    return torch.nn.Sequential(linear(784, 200), relu(), linear(200, 200), relu(), linear(200, 10))


cache = {}


def data(identity):
    if not cache:
        torch.set_num_threads(1)
        images = np.fromfile(os.path.join(folder, "train-images-idx3-ubyte"), np.uint8, offset=16).reshape(-1, 784)
        labels = np.fromfile(os.path.join(folder, "train-labels-idx1-ubyte"), np.uint8, offset=8)
        cache["features"] = torch.from_numpy(images.astype(np.float32) / 255)
        cache["targets"] = torch.from_numpy(labels.astype(np.int64))
        cache["order"] = np.random.default_rng(0).permutation(len(labels)).reshape(clients, -1)
        cache["net"] = build()
    members = torch.from_numpy(cache["order"][identity])
    return cache["net"], cache["features"][members], cache["targets"][members]


class Client(NumPyClient):
    def __init__(self, identity):
        self.identity = identity

    def fit(self, parameters, config):
        net, features, targets = data(self.identity)
        with torch.no_grad():
            for own, new in zip(net.parameters(), parameters):
                own.copy_(torch.from_numpy(new))
        optimizer = torch.optim.SGD(net.parameters(), 0.1)
        order = torch.randperm(len(targets))
        for first in range(0, len(targets), 10):
            batch = order[first : first + 10]
            optimizer.zero_grad()
            torch.nn.functional.cross_entropy(net(features[batch]), targets[batch]).backward()
            optimizer.step()
        return [own.detach().numpy() for own in net.parameters()], len(targets), {}


times = []


class Timed(FedAvg):
    def aggregate_fit(self, server_round, results, failures):
        if failures:
            raise RuntimeError(f"{len(failures)} clients failed: {failures[0]}")
        combined = super().aggregate_fit(server_round, results, failures)
        times.append(time.time())
        return combined


def server(context):
    initial = ndarrays_to_parameters([own.detach().numpy() for own in build().parameters()])
    strategy = Timed(
        fraction_fit=cohort / clients,
        fraction_evaluate=0.0,
        min_fit_clients=cohort,
        min_available_clients=clients,
        initial_parameters=initial,
    )
    return ServerAppComponents(strategy=strategy, config=ServerConfig(num_rounds=rounds))


def client(context):
    return Client(int(context.node_config["partition-id"])).to_client()


# What the framework and Ray write goes elsewhere: standard output is for figures.
out = os.dup(1)
os.dup2(2, 1)
run_simulation(
    ServerApp(server_fn=server),
    ClientApp(client_fn=client),
    clients,
    backend_config={"client_resources": {"num_cpus": 1, "num_gpus": 0.0}, "init_args": {"num_cpus": 2}},
)
lines = [f"flower {flwr.__version__}", times[0] - started, *(after - before for before, after in zip(times, times[1:]))]
os.write(out, ("\n".join(map(str, lines)) + "\n").encode())
