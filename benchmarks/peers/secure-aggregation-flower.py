"""Flower's SecAgg+ workflow and its client mod, in one process without a network.

Arguments: clients, parameters. Prints its name, then for every line read the processor seconds of one round. Shares: half of the
clients and one, as in Flower's examples odd, with two thirds of them needed.
"""

import logging
import sys
import time

import numpy as np

import flwr
from flwr.client.mod.secure_aggregation.secaggplus_mod import secaggplus_mod

logging.getLogger("flwr").setLevel(logging.ERROR)


def build(clients: int, parameters: int):
    from flwr.app import Context, Message, RecordDict
    from flwr.common import (
        Code,
        FitIns,
        FitRes,
        Status,
        ndarrays_to_parameters,
        parameters_to_ndarrays,
    )
    from flwr.compat.common import recorddict_compat as compat
    from flwr.server import LegacyContext
    from flwr.server.workflow import SecAggPlusWorkflow
    from flwr.server.workflow.constant import MAIN_CONFIGS_RECORD, MAIN_PARAMS_RECORD, Key
    from flwr.app import ConfigRecord

    from flwr.supercore.task_identity import TaskIdentity

    # Flower's runtime sets these; messages cannot be made without.
    TaskIdentity.task_id, TaskIdentity.run_id, TaskIdentity.node_id = 1, 1, 1

    shares = min(clients, (clients // 2) | 1)
    update = (np.random.default_rng(0).standard_normal(parameters) * 0.01).astype(np.float32)
    result = FitRes(
        status=Status(Code.OK, ""),
        parameters=ndarrays_to_parameters([update]),
        num_examples=10,
        metrics={},
    )

    class Proxy:
        def __init__(self, node_id):
            self.node_id = node_id
            self.cid = str(node_id)

    class Manager:
        def num_available(self):
            return clients

    proxies = [Proxy(i + 1) for i in range(clients)]
    aggregated = []

    class Strategy:
        def configure_fit(self, server_round, parameters, client_manager):
            return [(proxy, FitIns(parameters, {})) for proxy in proxies]

        def aggregate_fit(self, server_round, results, failures):
            assert not failures and len(results) == clients
            aggregated.append(parameters_to_ndarrays(results[0][1].parameters)[0])
            return results[0][1].parameters, {}

    def train(message, context):
        return Message(compat.fitres_to_recorddict(result, True), reply_to=message)

    contexts = {}

    class InProcessGrid:
        def send_and_receive(self, messages, *, timeout=None):
            replies = []
            for message in messages:
                node = message.metadata.dst_node_id
                # Clients take the settings out of what they get; a network would have given each its own.
                content = RecordDict(dict(message.content))
                for name, record in content.config_records.items():
                    content.config_records[name] = ConfigRecord(dict(record))
                message.content = content
                reply = secaggplus_mod(message, contexts[node], train)
                reply.metadata.__dict__["_src_node_id"] = node
                replies.append(reply)
            return replies

    def run_round():
        for proxy in proxies:
            contexts[proxy.node_id] = Context(0, proxy.node_id, {}, RecordDict(), {})
        context = LegacyContext(
            context=Context(0, 0, {}, RecordDict(), {}), strategy=Strategy(), client_manager=Manager()
        )
        context.state.config_records[MAIN_CONFIGS_RECORD] = ConfigRecord({Key.CURRENT_ROUND: 1})
        context.state.array_records[MAIN_PARAMS_RECORD] = compat.parameters_to_arrayrecord(
            ndarrays_to_parameters([np.zeros(parameters, np.float32)]), keep_input=True
        )
        workflow = SecAggPlusWorkflow(num_shares=shares, reconstruction_threshold=max(2, 2 * shares // 3))
        start = time.process_time()
        workflow(InProcessGrid(), context)
        seconds = time.process_time() - start
        assert len(aggregated) == 1, "the round was halted"
        assert np.abs(aggregated.pop() - update).max() < 1e-3
        return seconds

    return run_round, shares


def main():
    clients, parameters = int(sys.argv[1]), int(sys.argv[2])
    run_round, shares = build(clients, parameters)
    print(f"flwr {flwr.__version__} SecAgg+ in one process ({shares} shares)", flush=True)
    for _ in sys.stdin:
        print(run_round(), flush=True)


main()
