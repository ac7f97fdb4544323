"""PyTorch's side of exchange_test: `peer.py make DIR PEERS` writes weights, images and logits of some networks;
`peer.py check DIR PEERS` loads what came back, strictly, and prints how it compares. PEERS: folder of a peer_models.py
with GhostNet and MiniGroupNet; without it those of tests/golden/networks.py."""
import importlib.machinery
import importlib.util
import json
import pathlib
import struct
import subprocess
import sys

import torch
from torch import nn

sys.dont_write_bytecode = True
TOOL = pathlib.Path(__file__).parents[2] / "tools" / "pth-to-safetensors"
TYPES = {"F32": torch.float32, "F64": torch.float64, "I64": torch.int64, "U8": torch.uint8}


class Block(nn.Module):
    """He et al., arXiv 1512.03385, the basic block, under torchvision's names."""

    def __init__(self, cin, cout, stride):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(cin, cout, 3, stride, 1, bias=False), nn.BatchNorm2d(cout)
        self.conv2, self.bn2 = nn.Conv2d(cout, cout, 3, 1, 1, bias=False), nn.BatchNorm2d(cout)
        self.downsample = None
        if stride != 1:
            self.downsample = nn.Sequential(nn.Conv2d(cin, cout, 1, stride, bias=False), nn.BatchNorm2d(cout))

    def forward(self, x):
        y = self.bn2(self.conv2(self.bn1(self.conv1(x)).relu()))
        return (y + (x if self.downsample is None else self.downsample(x))).relu()


class ResNet18(nn.Module):
    def __init__(self, num_classes):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(3, 64, 7, 2, 3, bias=False), nn.BatchNorm2d(64)
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        self.layer1 = nn.Sequential(Block(64, 64, 1), Block(64, 64, 1))
        self.layer2 = nn.Sequential(Block(64, 128, 2), Block(128, 128, 1))
        self.layer3 = nn.Sequential(Block(128, 256, 2), Block(256, 256, 1))
        self.layer4 = nn.Sequential(Block(256, 512, 2), Block(512, 512, 1))
        self.fc = nn.Linear(512, num_classes)

    def forward(self, x):
        x = self.maxpool(self.bn1(self.conv1(x)).relu())
        return self.fc(self.layer4(self.layer3(self.layer2(self.layer1(x)))).mean((2, 3)))


def resnet18(num_classes):
    try:
        import torchvision
        return torchvision.models.resnet18(num_classes=num_classes)
    except ImportError:
        return ResNet18(num_classes)


class Vgg11(nn.Module):
    """The features of torchvision's vgg11_bn, without biases, and the small head for CIFAR."""

    def __init__(self, num_classes):
        super().__init__()
        layers, cin = [], 3
        for v in (64, "M", 128, "M", 256, 256, "M", 512, 512, "M", 512, 512, "M"):
            if v == "M":
                layers.append(nn.MaxPool2d(2))
            else:
                layers += [nn.Conv2d(cin, v, 3, padding=1, bias=False), nn.BatchNorm2d(v), nn.ReLU()]
                cin = v
        self.features, self.avgpool = nn.Sequential(*layers), nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Sequential(nn.Linear(512, 512), nn.ReLU(), nn.Linear(512, num_classes))

    def forward(self, x):
        return self.classifier(self.avgpool(self.features(x)).flatten(1))


def peer_models():
    try:
        return importlib.import_module("peer_models")
    except ImportError:
        return importlib.import_module("networks")


def networks():
    return {
        "ghostnet": (peer_models().GhostNet(1000), [(224, 224), (191, 157)]),
        "mini_group_net": (peer_models().MiniGroupNet(groups=4), [(32, 32), (45, 27)]),
        "resnet18": (resnet18(5), [(64, 64), (75, 51)]),
        "vgg11": (Vgg11(7), [(32, 32), (45, 37)]),
    }


def shake(model):
    """Statistics and scales as after training: fresh ones hide a batch norm that is not loaded."""
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias, 0, 0.2)
            nn.init.normal_(module.running_mean, 0, 0.2)
            nn.init.uniform_(module.running_var, 0.5, 1.5)
            module.num_batches_tracked.fill_(1234)
    return model.eval()


def tool():
    loader = importlib.machinery.SourceFileLoader("pth_to_safetensors", str(TOOL))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(loader.name, loader))
    loader.exec_module(module)
    return module


def save(tensors, path):
    torch.save(tensors, f"{path}.pth")
    tool().convert(f"{path}.pth", f"{path}.safetensors")


def read(path):
    """A safetensors file without its library: tensors in the order of the header, and the metadata."""
    with open(path, "rb") as file:
        header = json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))
        data = bytearray(file.read())
    metadata = header.pop("__metadata__", {})
    tensors = {}
    for name, entry in header.items():
        begin, end = entry["data_offsets"]
        dtype = TYPES[entry["dtype"]]
        assert begin % torch.empty((), dtype=dtype).element_size() == 0, f"{name} is not aligned"
        tensors[name] = torch.frombuffer(data[begin:end], dtype=dtype).reshape(entry["shape"])
    return tensors, metadata


def difference(a, b):
    return ((a - b).abs().max() / b.abs().max()).item()


@torch.no_grad()
def make(folder):
    torch.manual_seed(0)
    for name, (model, sizes) in networks().items():
        state = shake(model).state_dict()
        if name == "mini_group_net":  # as a parallel training with a profiler leaves it
            state = {"module." + k: v for k, v in state.items()}
            state["module.total_ops"] = state["module.stem.0.total_params"] = torch.zeros(1, dtype=torch.float64)
            torch.save({"epoch": 3, "state_dict": state}, folder / f"{name}.pth")
            subprocess.run([sys.executable, TOOL, folder / f"{name}.pth"], check=True, stdout=subprocess.DEVNULL)
        else:
            save(state, folder / name)
        results = {}
        for i, (height, width) in enumerate(sizes):
            results[f"x{i}"] = torch.randn(2, 3, height, width)
            results[f"logits{i}"] = model(results[f"x{i}"])
        save(results, folder / f"{name}.results")


@torch.no_grad()
def check(folder):
    report = {}
    for name, (model, sizes) in networks().items():
        state, metadata = read(folder / f"{name}.back.safetensors")
        results, _ = read(folder / f"{name}.results.safetensors")
        same_order = list(state) == list(model.state_dict())
        model.load_state_dict(state, strict=True)
        model.eval()
        report[name] = {
            "entries": len(state),
            "same_order": same_order,
            "format": metadata.get("format"),
            "counter": str(state[next(k for k in state if k.endswith("num_batches_tracked"))]),
            "difference": max(difference(model(results[f"x{i}"]), results[f"logits{i}"]) for i in range(len(sizes))),
        }
    model = peer_models().MiniGroupNet(in_channels=1, num_classes=4, groups=4)
    model.load_state_dict(read(folder / "trained.safetensors")[0], strict=True)
    results, _ = read(folder / "trained.results.safetensors")
    report["trained"] = {"difference": difference(model.eval()(results["x"]), results["logits"])}
    print(json.dumps(report))


if __name__ == "__main__":
    command, folder, peers = sys.argv[1:]
    sys.path[:0] = [peers, str(pathlib.Path(__file__).parents[1] / "golden")]
    torch.set_num_threads(1)  # no waiting for cores that something else has
    {"make": make, "check": check}[command](pathlib.Path(folder))
