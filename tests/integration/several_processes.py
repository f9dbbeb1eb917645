"""Trains in one process and in two, and prints by how much the weights differ.

With Keras 2 by MultiWorkerMirroredStrategy, on PyTorch by DistributedDataParallel.
"""

import json
import multiprocessing
import os
import socket
import sys

import numpy as np


def data():
    x = np.random.default_rng(0).normal(size=(64, 3)).astype("float32")
    return x, {"age": x[:, :1].copy(), "sex": (x[:, 1:2] > 0).astype("float32")}


def free_port():
    with socket.socket() as one:
        one.bind(("localhost", 0))
        return one.getsockname()[1]


def two_workers(index, ports, results):
    """The weights after a training by `fit` of all workers."""
    if len(ports) > 1:
        cluster = {"worker": [f"localhost:{port}" for port in ports]}
        task = {"type": "worker", "index": index}
        os.environ["TF_CONFIG"] = json.dumps({"cluster": cluster, "task": task})
    import tensorflow as tf

    distribute = tf.distribute
    strategy = (
        distribute.MultiWorkerMirroredStrategy() if len(ports) > 1 else distribute.get_strategy()
    )
    import keras_multiloss as kml
    from keras_multiloss._platform import keras
    from tests.conftest import two_heads

    x, y = data()
    y["age"][::5] = np.nan
    with strategy.scope():
        keras.utils.set_random_seed(1)
        model = kml.MultiLossModel.from_model(two_heads())
        loss = kml.LossTerm("mse", "age", mask="nan") + kml.LossTerm("mae", "sex", weight=0.5)
        model.compile(keras.optimizers.SGD(0.1), loss=loss)
    model.fit(tf.data.Dataset.from_tensor_slices((x, y)).batch(16), epochs=2, verbose=0)
    results.put((index, [weight.tolist() for weight in model.get_weights()]))


def two_ranks(index, ports, results):
    """The weights after a training in a loop of one's own."""
    import torch

    os.environ.update(MASTER_ADDR="localhost", MASTER_PORT=str(ports[0]))
    torch.distributed.init_process_group("gloo", rank=index, world_size=len(ports))
    import keras_multiloss as kml
    from keras_multiloss._platform import keras
    from tests.conftest import two_heads

    keras.utils.set_random_seed(1)
    model = two_heads()
    loss = kml.LossTerm("mse", "age") + kml.LossTerm("mae", "sex", weight=0.5)
    parallel = torch.nn.parallel.DistributedDataParallel(model)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    x, y = data()
    part = slice(index, None, len(ports))
    for _ in range(3):
        optimizer.zero_grad()
        labels = {name: torch.tensor(label[part]) for name, label in y.items()}
        loss(labels, parallel(torch.tensor(x[part]))).backward()
        optimizer.step()
    results.put((index, [weight.tolist() for weight in model.get_weights()]))
    torch.distributed.destroy_process_group()


def trained(work, n_processes):
    """The weights that each process ends with."""
    results = multiprocessing.Queue()
    ports = [free_port() for _ in range(n_processes)]
    processes = [
        multiprocessing.Process(target=work, args=(i, ports, results)) for i in range(n_processes)
    ]
    for process in processes:
        process.start()
    found = [results.get(timeout=240) for _ in processes]
    for process in processes:
        process.join()
    return [weights for _, weights in sorted(found)]


if __name__ == "__main__":
    multiprocessing.set_start_method("spawn")
    way = {"workers": two_workers, "ranks": two_ranks}[sys.argv[1]]
    (one,), several = trained(way, 1), trained(way, 2)
    differences = [
        np.abs(np.array(weight) - expected).max()
        for weights in several
        for weight, expected in zip(weights, one, strict=True)
    ]
    print(max(differences))
