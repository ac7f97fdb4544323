"""The layers, models and the optimizer that PyTorch does not have, for make_golden.py: from their papers' formulas and
with the names of their state dicts."""
import math

import torch
import torch.nn.functional as F
from torch import nn


def conv_bn(cin, cout, kernel, stride=1, padding=0, groups=1, relu=True):
    layers = [nn.Conv2d(cin, cout, kernel, stride, padding, groups=groups, bias=False), nn.BatchNorm2d(cout)]
    return nn.Sequential(*layers, *([nn.ReLU()] if relu else []))


class GhostConv(nn.Module):
    def __init__(self, c_in, c_out, kernel_size=1, ratio=2, dw_kernel_size=3, stride=1, padding=0):
        super().__init__()
        intrinsic = int(round(c_out / ratio))
        self.primary_conv = conv_bn(c_in, intrinsic, kernel_size, stride, padding)
        ghosts = c_out - intrinsic
        self.cheap_conv = conv_bn(intrinsic, ghosts, dw_kernel_size, 1, dw_kernel_size // 2, intrinsic) if ghosts else None

    def forward(self, x):
        x = self.primary_conv(x)
        return torch.cat([x, self.cheap_conv(x)], 1) if self.cheap_conv else x


class GhostModule(nn.Module):
    def __init__(self, inp, oup, kernel_size=1, ratio=2, dw_size=3, stride=1, relu=True):
        super().__init__()
        self.oup = oup
        intrinsic = math.ceil(oup / ratio)
        self.primary_conv = conv_bn(inp, intrinsic, kernel_size, stride, kernel_size // 2, relu=relu)
        self.cheap_operation = conv_bn(intrinsic, intrinsic * (ratio - 1), dw_size, 1, dw_size // 2, intrinsic, relu)

    def forward(self, x):
        x = self.primary_conv(x)
        return torch.cat([x, self.cheap_operation(x)], 1)[:, :self.oup]


def make_divisible(value, divisor=4):
    result = max(divisor, int(value + divisor / 2) // divisor * divisor)
    return result + divisor if result < 0.9 * value else result


class SqueezeExcite(nn.Module):
    def __init__(self, in_chs, se_ratio=0.25):
        super().__init__()
        inner = make_divisible(in_chs * se_ratio)
        self.conv_reduce = nn.Conv2d(in_chs, inner, 1)
        self.conv_expand = nn.Conv2d(inner, in_chs, 1)

    def forward(self, x):
        gate = self.conv_expand(F.relu(self.conv_reduce(x.mean((2, 3), keepdim=True))))
        return x * (F.relu6(gate + 3) / 6)


class GhostBottleneck(nn.Module):
    def __init__(self, in_chs, mid_chs, out_chs, dw_kernel_size=3, stride=1, se_ratio=0.0):
        super().__init__()
        k = dw_kernel_size
        self.ghost1 = GhostModule(in_chs, mid_chs)
        if stride > 1:
            self.conv_dw = nn.Conv2d(mid_chs, mid_chs, k, stride, k // 2, groups=mid_chs, bias=False)
            self.bn_dw = nn.BatchNorm2d(mid_chs)
        self.se = SqueezeExcite(mid_chs, se_ratio) if se_ratio > 0 else None
        self.ghost2 = GhostModule(mid_chs, out_chs, relu=False)
        self.shortcut = nn.Sequential()
        if stride > 1 or in_chs != out_chs:
            self.shortcut = nn.Sequential(
                nn.Conv2d(in_chs, in_chs, k, stride, k // 2, groups=in_chs, bias=False), nn.BatchNorm2d(in_chs),
                nn.Conv2d(in_chs, out_chs, 1, bias=False), nn.BatchNorm2d(out_chs))

    def forward(self, x):
        y = self.ghost1(x)
        if hasattr(self, "conv_dw"):
            y = self.bn_dw(self.conv_dw(y))
        if self.se:
            y = self.se(y)
        return self.ghost2(y) + self.shortcut(x)


class DepthwiseSeparableConv(nn.Module):
    def __init__(self, cin, cout, k=3, stride=1, padding=1):
        super().__init__()
        self.dw = nn.Conv2d(cin, cin, k, stride, padding, groups=cin, bias=False)
        self.pw = nn.Conv2d(cin, cout, 1, bias=False)
        self.bn = nn.BatchNorm2d(cout)

    def forward(self, x):
        return F.relu(self.bn(self.pw(self.dw(x))))


class ConvBnAct(nn.Module):
    def __init__(self, in_chs, out_chs, kernel_size, stride=1):
        super().__init__()
        self.conv = nn.Conv2d(in_chs, out_chs, kernel_size, stride, kernel_size // 2, bias=False)
        self.bn1 = nn.BatchNorm2d(out_chs)

    def forward(self, x):
        return F.relu(self.bn1(self.conv(x)))


class GroupedBottleneck(nn.Module):
    def __init__(self, cin, cout, bottleneck_ratio=0.5, groups=4, stride=1):
        super().__init__()
        hidden = int(round(cout * bottleneck_ratio))
        self.reduce = conv_bn(cin, hidden, 1)
        self.group_conv = conv_bn(hidden, hidden, 3, stride, 1, groups)
        self.expand = conv_bn(hidden, cout, 1, relu=False)
        self.skip = conv_bn(cin, cout, 1, stride, relu=False) if stride != 1 or cin != cout else nn.Sequential()

    def forward(self, x):
        return F.relu(self.expand(self.group_conv(self.reduce(x))) + self.skip(x))


class MiniGroupNet(nn.Module):
    def __init__(self, in_channels=3, num_classes=10, groups=4):
        super().__init__()
        self.stem = conv_bn(in_channels, 64, 3, 1, 1)
        self.stage1 = GroupedBottleneck(64, 128, groups=groups, stride=2)
        self.stage2 = GroupedBottleneck(128, 256, groups=groups, stride=2)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(256, num_classes)

    def forward(self, x):
        return self.fc(self.pool(self.stage2(self.stage1(self.stem(x)))).flatten(1))


class GhostNet(nn.Module):
    """Table 1 of arXiv 1911.11907: (kernel, expansion, out, se ratio, stride); a stride of 2 starts a stage, and so does
    every change of the output size of the official code."""

    STAGES = [[(3, 16, 16, 0, 1)], [(3, 48, 24, 0, 2)], [(3, 72, 24, 0, 1)], [(5, 72, 40, 0.25, 2)],
              [(5, 120, 40, 0.25, 1)], [(3, 240, 80, 0, 2)],
              [(3, 200, 80, 0, 1), (3, 184, 80, 0, 1), (3, 184, 80, 0, 1), (3, 480, 112, 0.25, 1), (3, 672, 112, 0.25, 1)],
              [(5, 672, 160, 0.25, 2)], [(5, 960, 160, 0, 1), (5, 960, 160, 0.25, 1), (5, 960, 160, 0, 1), (5, 960, 160, 0.25, 1)]]

    def __init__(self, num_classes=1000, width=1.0):
        super().__init__()
        channels = make_divisible(16 * width)
        self.conv_stem = nn.Conv2d(3, channels, 3, 2, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.act1 = nn.ReLU()
        stages = []
        for stage in self.STAGES:
            blocks = []
            for k, expansion, out, se_ratio, stride in stage:
                middle, out = make_divisible(expansion * width), make_divisible(out * width)
                blocks.append(GhostBottleneck(channels, middle, out, k, stride, se_ratio))
                channels = out
            stages.append(nn.Sequential(*blocks))
        last = make_divisible(960 * width)
        stages.append(nn.Sequential(ConvBnAct(channels, last, 1)))
        self.blocks = nn.Sequential(*stages)
        self.global_pool = nn.AdaptiveAvgPool2d(1)
        self.conv_head = nn.Conv2d(last, 1280, 1)
        self.classifier = nn.Linear(1280, num_classes)

    def forward(self, x):
        x = self.global_pool(self.blocks(self.act1(self.bn1(self.conv_stem(x)))))
        return self.classifier(F.relu(self.conv_head(x)).flatten(1))


class RMSpropTF(torch.optim.Optimizer):
    """RMSprop as TensorFlow has it: squares start at 1, eps inside the root, the rate inside the momentum buffer."""

    def __init__(self, params, lr, alpha, eps, momentum, weight_decay):
        super().__init__(params, {"lr": lr, "alpha": alpha, "eps": eps, "momentum": momentum, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            for p in group["params"]:
                state = self.state[p]
                if not state:
                    state["squares"], state["buffer"] = torch.ones_like(p), torch.zeros_like(p)
                g = p.grad + group["weight_decay"] * p
                state["squares"] += (1 - group["alpha"]) * (g * g - state["squares"])
                state["buffer"].mul_(group["momentum"]).add_(group["lr"] * g / (state["squares"] + group["eps"]).sqrt())
                p -= state["buffer"]


class SmallNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(2, 4, 3, 1, 1, bias=False)
        self.bn = nn.BatchNorm2d(4)
        self.fc = nn.Linear(4, 3)

    def forward(self, x):
        return self.fc(F.relu(self.bn(self.conv(x))).mean((2, 3)))
