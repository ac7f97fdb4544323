"""The networks of a configuration, from the peer's parts (peer_models.py) and torchvision's."""
import importlib.util
import math
import os

import torch
import torch.nn as nn
import torch.nn.functional as F

from .configuration import Failure


def load_peer(folder):
    file = os.path.join(folder, "peer_models.py")
    if not os.path.isfile(file):
        raise Failure(f"{file} is missing; say with --peer where peer_models.py lies")
    spec = importlib.util.spec_from_file_location("peer_models", file)
    peer = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(peer)
    return peer


def ghost_of(options):
    """Whether convolutions are ghost modules. The peer's have ratio 2 and 3×3 depthwise ghosts."""
    options.require("model.conv.name", ["standard", "ghost"])
    if options.get("model.conv.name", "standard") == "standard":
        return False
    for key, value in (("ratio", 2), ("cheap_op", "depthwise"), ("cheap_kernel", 3), ("keep_first", False)):
        options.require(f"model.conv.{key}", [value])
    return True


def resnet(options, peer, channels, classes):
    depth, ghost = options["model.depth"] or 56, ghost_of(options)
    if depth in (18, 34, 50, 101):
        import torchvision
        if ghost:
            raise Failure(f"model.conv.name: 'ghost' is not translated for a resnet of depth {depth}")
        options.require("model.shortcut", ["auto", "B"])
        net = getattr(torchvision.models, f"resnet{depth}")(num_classes=classes)
        if channels != 3:
            net.conv1 = nn.Conv2d(channels, 64, 7, 2, 3, bias=False)
        return net
    options.require("model.shortcut", ["auto", "A"])
    blocks, width = [], 16
    for out in (16, 32, 64):
        for i in range((depth - 2) // 6):
            blocks.append(peer.BasicBlock(width, out, 2 if i == 0 and out != 16 else 1, ghost))
            width = out
    return nn.Sequential(peer.conv3x3(ghost, channels, 16), *blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(1),
                         nn.Linear(64, classes))


STAGES = {11: (1, 1, 2, 2, 2), 13: (2, 2, 2, 2, 2), 16: (2, 2, 3, 3, 3), 19: (2, 2, 4, 4, 4)}


def vgg(options, peer, channels, classes):
    options.require("model.layout", ["cifar"])
    ghost, layers, width = ghost_of(options), [], channels
    for out, times in zip((64, 128, 256, 512, 512), STAGES[options["model.depth"] or 16]):
        for _ in range(times):
            layers.append(peer.conv3x3(ghost, width, out))
            width = out
        layers.append(nn.MaxPool2d(2))
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(1), nn.Linear(512, 512), nn.ReLU(inplace=True),
                         nn.Linear(512, classes))


def ghostnet(options, peer, channels, classes):
    options.require("model.variant", ["official"])
    options.require("model.cheap_op", ["depthwise"])
    net = peer.GhostNet(classes, options["model.width"], options["model.dropout"], options["model.stem_stride"])
    if channels != 3:
        stem = net.conv_stem
        net.conv_stem = nn.Conv2d(channels, stem.out_channels, 3, stem.stride, 1, bias=False)
    return net


def mobilenet_v1(options, peer, channels, classes):
    options.require("model.conv.name", ["standard"])
    options.require("model.activation", ["relu"])
    width = [peer.make_divisible(c * options["model.width"], 8)
             for c in (32, 64, 128, 128, 256, 256, 512, 512, 512, 512, 512, 512, 1024, 1024)]
    strides = (1, 2, 1, 2, 1, 2, 1, 1, 1, 1, 1, 2, 1)
    layers = [peer.conv_bn(channels, width[0], 3, options["model.stem_stride"])]
    for i, stride in enumerate(strides):
        layers += [peer.conv_bn(width[i], width[i], 3, stride, groups=width[i]), peer.conv_bn(width[i], width[i + 1], 1)]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(1), nn.Linear(width[-1], classes))


def mini_group_net(options, peer, channels, classes):
    options.require("model.conv.name", ["standard"])
    return peer.MiniGroupNet(channels, classes, options["model.groups"])


def plain_cnn(options, peer, channels, classes):
    options.require("model.activation", ["relu"])
    ghost, layers, width = ghost_of(options), [], channels
    stages = options["model.channels"]
    for i, out in enumerate(stages):
        layers += [peer.conv3x3(ghost, width, out), peer.conv3x3(ghost, out, out)]
        if i + 1 < len(stages):
            layers.append(nn.MaxPool2d(2))
        width = out
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(1), nn.Linear(width, classes))


class AirbenchGroup(nn.Module):
    """Convolution, pooling, convolution; batch norm without scale."""

    def __init__(self, channels, out, momentum):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, out, 3, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(out, eps=1e-12, momentum=momentum)
        self.conv2 = nn.Conv2d(out, out, 3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(out, eps=1e-12, momentum=momentum)
        for norm in (self.norm1, self.norm2):
            norm.weight.requires_grad_(False)

    def forward(self, x):
        x = F.relu(self.norm1(F.max_pool2d(self.conv1(x), 2)))
        return F.relu(self.norm2(self.conv2(x)))


class Airbench(nn.Module):
    """The network of airbench94 (Jordan, 2024, arXiv 2404.00498, sections 3.1 to 3.3) with ReLU in place of GELU.

    The first convolution whitens patches of 2×2 pixels: whiten() sets its frozen weight from images. The other
    convolutions start as PyTorch's, but pass on their input where they have as many channels (Dirac's delta). Names of
    parameters are those of Ghost's network.
    """

    PATCH = 2

    def __init__(self, channels=3, classes=10, widths=(64, 256, 256), scale=1 / 9, bn_momentum=0.4):
        super().__init__()
        first = 2 * channels * self.PATCH**2
        self.add_module("0", nn.Conv2d(channels, first, self.PATCH))
        self.whiten_conv.weight.requires_grad_(False)
        for i, (a, b) in enumerate(zip((first, *widths), widths)):
            self.add_module(str(2 + i), AirbenchGroup(a, b, bn_momentum))
        self.add_module("7", nn.Linear(widths[-1], classes, bias=False))
        self.scale = scale

    @property
    def whiten_conv(self):
        return self.get_submodule("0")

    @property
    def groups(self):
        return [module for module in self.children() if isinstance(module, AirbenchGroup)]

    def initialise(self):
        nn.init.zeros_(self.whiten_conv.bias)
        for group in self.groups:
            for conv in (group.conv1, group.conv2):
                same = min(conv.in_channels, conv.out_channels)
                nn.init.dirac_(conv.weight.data[:same])

    def whiten(self, images, eps=5e-4):
        """Eigenvectors of the patches' second moments, divided by the roots of the eigenvalues, with both signs."""
        patches = F.unfold(images, self.PATCH).transpose(1, 2).reshape(-1, images.shape[1] * self.PATCH**2)
        values, vectors = torch.linalg.eigh(patches.T @ patches / len(patches))
        rows = (vectors / torch.sqrt(values + eps)).T.flip(0).reshape(-1, *self.whiten_conv.weight.shape[1:])
        self.whiten_conv.weight.data.copy_(torch.cat([rows, -rows]))

    def forward(self, x):
        x = F.relu(self.whiten_conv(x))
        for group in self.groups:
            x = group(x)
        return self.get_submodule("7")(x.amax((2, 3))) * self.scale


def airbench(options, peer, channels, classes):
    options.require("model.activation", ["relu"])
    options.require("model.init", ["pytorch"])
    return Airbench(channels, classes, [int(c * options["model.width"] + 0.5) for c in (64, 256, 256)])


# How they are built.
NETWORKS = {
    "resnet": resnet,
    "vgg": vgg,
    "ghostnet": ghostnet,
    "mobilenet_v1": mobilenet_v1,
    "mini_group_net": mini_group_net,
    "plain_cnn": plain_cnn,
    "airbench": airbench,
}


def builder(options):
    name = options["model.name"]
    if name not in NETWORKS:
        raise Failure(f"model.name: {name!r} is not translated to PyTorch; possible here: {', '.join(NETWORKS)}")
    return NETWORKS[name]


def build(options, peer, channels, classes):
    """The network with its initial values."""
    for key, has in (("model.in_channels", channels), ("model.num_classes", classes)):
        if options[key] not in ("auto", has):
            raise Failure(f"{key} is {options[key]}, but the data has {has}")
    net = builder(options)(options, peer, channels, classes)
    for module in net.modules():
        if hasattr(module, "reset_parameters"):
            module.reset_parameters()
    if options["model.init"] == "kaiming_normal_fan_out":
        for module in net.modules():
            if isinstance(module, nn.Conv2d):
                out, _, height, width = module.weight.shape
                nn.init.normal_(module.weight, 0, math.sqrt(2 / (out * height * width)))
    if isinstance(net, Airbench):
        net.initialise()
    return net
