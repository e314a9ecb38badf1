"""Rounds of Flower's SecAgg+ as its users run them: `run_simulation`, clients on Ray, two processors.

Arguments: clients, parameters, rounds. Prints its name when all is done, then for every line read the seconds of a round after
the first, which starts Ray's workers. Clients do not train. Shares: half of the clients and one, with two thirds of them needed.
"""

import logging
import sys
import time

import numpy as np

import flwr
from flwr.client import ClientApp, NumPyClient
from flwr.client.mod import secaggplus_mod
from flwr.common import Context, ndarrays_to_parameters
from flwr.server import LegacyContext, ServerApp, ServerConfig
from flwr.server.strategy import FedAvg
from flwr.server.workflow import DefaultWorkflow, SecAggPlusWorkflow
from flwr.server.workflow.constant import MAIN_PARAMS_RECORD
from flwr.simulation import run_simulation

logging.getLogger("flwr").setLevel(logging.ERROR)

clients, parameters, rounds = map(int, sys.argv[1:4])
shares = min(clients, (clients // 2) | 1)
seconds = []


class Client(NumPyClient):
    def fit(self, received, config):
        return [np.ones(parameters, dtype=np.float32)], 10, {}


class TimedWorkflow(SecAggPlusWorkflow):
    def __call__(self, grid, context):
        start = time.perf_counter()
        super().__call__(grid, context)
        seconds.append(time.perf_counter() - start)


client_app = ClientApp(client_fn=lambda context: Client().to_client(), mods=[secaggplus_mod])
server_app = ServerApp()


@server_app.main()
def main(grid, context: Context) -> None:
    strategy = FedAvg(
        fraction_fit=1.0,
        fraction_evaluate=0.0,
        min_fit_clients=clients,
        min_available_clients=clients,
        initial_parameters=ndarrays_to_parameters([np.zeros(parameters, dtype=np.float32)]),
    )
    legacy = LegacyContext(context=context, config=ServerConfig(num_rounds=rounds + 1), strategy=strategy)
    fit = TimedWorkflow(num_shares=shares, reconstruction_threshold=max(2, 2 * shares // 3))
    DefaultWorkflow(fit_workflow=fit)(grid, legacy)
    result = legacy.state.array_records[MAIN_PARAMS_RECORD].to_numpy_ndarrays()[0]
    assert np.abs(result - 1).max() < 1e-3, "a round was halted"


run_simulation(
    server_app=server_app,
    client_app=client_app,
    num_supernodes=clients,
    backend_config={"client_resources": {"num_cpus": 1, "num_gpus": 0.0}, "init_args": {"num_cpus": 2}},
)
print(f"flwr {flwr.__version__} SecAgg+ simulation ({shares} shares)", flush=True)
for value, _ in zip(seconds[1:], sys.stdin):
    print(value, flush=True)
