"""Training steps in PyTorch. Arguments: model, threads, batch size, number of examples. Prints its name, then for every line
with a number of steps the milliseconds a step took."""

import sys
import time

import torch
from torch import nn

model_name = sys.argv[1]
threads, batch_size, example_count = map(int, sys.argv[2:5])
torch.set_num_threads(threads)
torch.manual_seed(1)



def mobilenet():
    from torchvision.models import mobilenet_v2

    return mobilenet_v2(width_mult=0.25, num_classes=10, dropout=0.0)


class Gru(nn.Module):
    def __init__(self):
        super().__init__()
        self.gru = nn.GRU(6, 64, batch_first=True)
        self.dense = nn.Linear(64, 6)

    def forward(self, x):
        return self.dense(self.gru(x)[0][:, -1])


class Transformer(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(1000, 128)
        self.position = nn.Parameter(torch.randn(32, 128))
        layer = nn.TransformerEncoderLayer(128, 4, 256, dropout=0.0, activation="gelu", batch_first=True)
        self.layers = nn.TransformerEncoder(layer, 2)
        self.dense = nn.Linear(128, 10)

    def forward(self, x):
        return self.dense(self.layers(self.embedding(x) + self.position).mean(1))


models = {
    "mobilenet": mobilenet,
    "gru": Gru,
    "transformer": Transformer,
    "mlp": lambda: nn.Sequential(nn.Linear(784, 200), nn.ReLU(), nn.Linear(200, 10)),
    "2nn": lambda: nn.Sequential(
        nn.Linear(784, 200), nn.ReLU(), nn.Linear(200, 200), nn.ReLU(), nn.Linear(200, 10)
    ),
    "cnn": lambda: nn.Sequential(
        nn.Conv2d(1, 32, 3),
        nn.ReLU(),
        nn.Conv2d(32, 64, 3),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(64 * 12 * 12, 128),
        nn.ReLU(),
        nn.Linear(128, 10),
    ),
    "cnn1d": lambda: nn.Sequential(
        nn.Conv1d(6, 32, 5),
        nn.ReLU(),
        nn.MaxPool1d(2),
        nn.Conv1d(32, 64, 5),
        nn.ReLU(),
        nn.MaxPool1d(2),
        nn.Flatten(),
        nn.Linear(64 * 29, 64),
        nn.ReLU(),
        nn.Linear(64, 6),
    ),
}
shapes = {
    "mlp": (784,),
    "2nn": (784,),
    "cnn": (1, 28, 28),
    "cnn1d": (6, 128),
    "mobilenet": (3, 64, 64),
    "gru": (64, 6),
}
classes = 6 if model_name in ("cnn1d", "gru") else 10

model = models[model_name]()
optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
loss_function = nn.CrossEntropyLoss()
if model_name == "transformer":
    features = torch.randint(0, 1000, (example_count, 32))
else:
    features = torch.rand(example_count, *shapes[model_name])
targets = torch.randint(0, classes, (example_count,))
batches = example_count // batch_size

print(f"pytorch {torch.__version__.split('+')[0]}", flush=True)
for line in sys.stdin:
    steps = int(line)
    start = time.perf_counter()
    for step in range(steps):
        if step % batches == 0:
            order = torch.randperm(example_count)
        first = step % batches * batch_size
        batch = order[first : first + batch_size]
        optimizer.zero_grad()
        loss = loss_function(model(features[batch]), targets[batch])
        loss.backward()
        optimizer.step()
    print((time.perf_counter() - start) * 1000 / steps, flush=True)
