"""Ghost's optimizers, schedules and averages of weights with PyTorch's parts."""
import copy
import fnmatch
import math

import torch

from .configuration import Failure

OPTIMIZERS = ("sgd", "adam", "adamw", "rmsprop")


def leaf_pattern(pattern):
    """Whether it asks for the last part of a name only, as *.bias; that part is the same in both networks."""
    return "." not in pattern.lstrip("*.") and pattern.startswith("*") and pattern.lstrip("*.") in ("", "weight", "bias")


def names_parameter(pattern, name):
    """As nn/parameter_pattern.h: a glob on the name of the parameter or of a module around it."""
    parts = name.split(".")
    return any(fnmatch.fnmatchcase(".".join(parts[:n]), pattern) for n in range(1, len(parts) + 1))


def build_optimizer(options, net, own_names):
    """`own_names`: the network's parameters are not called as Ghost's are."""
    decay, rules = options["optimizer.weight_decay"], options.get("optimizer.groups", [])
    for rule in rules:
        unknown = set(rule) - {"match", "lr_scale", "weight_decay"}
        if unknown:
            raise Failure(f"optimizer.groups: {', '.join(sorted(unknown))} is not translated to PyTorch")
        if own_names and not leaf_pattern(rule["match"]):
            raise Failure(f"optimizer.groups: {rule['match']!r} is not translated, since parameters have other names in this "
                          "PyTorch network; possible here: '*.bias', '*.weight'")
    groups, matched = {}, set()
    for name, parameter in net.named_parameters():
        decays = options["optimizer.decay_norm_and_bias"] or parameter.dim() > 1
        scale, own_decay = 1.0, decay if decays else 0.0
        rule = next((r for r in reversed(rules) if names_parameter(r["match"], name)), None)
        matched.update(r["match"] for r in rules if names_parameter(r["match"], name))
        if rule:
            scale, own_decay = rule.get("lr_scale", scale), rule.get("weight_decay", own_decay)
        groups.setdefault((scale, own_decay), []).append(parameter)
    for rule in rules:
        if rule["match"] not in matched:
            raise Failure(f"optimizer.groups: {rule['match']!r} matches no parameter")
    rows = [dict(params=list(p), weight_decay=d, lr_scale=s) for (s, d), p in groups.items()]
    name, lr = options["optimizer.name"], options["optimizer.lr"]
    if name == "sgd":
        return torch.optim.SGD(rows, lr, momentum=options["optimizer.momentum"], dampening=options["optimizer.dampening"],
                               nesterov=options["optimizer.nesterov"], fused=True)
    if name in ("adam", "adamw"):
        kind = torch.optim.Adam if name == "adam" else torch.optim.AdamW
        return kind(rows, lr, betas=tuple(options["optimizer.betas"]), eps=options["optimizer.eps"],
                    amsgrad=options["optimizer.amsgrad"], fused=True)
    if name == "rmsprop":
        return torch.optim.RMSprop(rows, lr, alpha=options["optimizer.alpha"], eps=options["optimizer.eps"],
                                   momentum=options["optimizer.momentum"], centered=options["optimizer.centered"])
    raise Failure(f"optimizer.name: {name!r} is not translated to PyTorch; possible here: {', '.join(OPTIMIZERS)}")


def cosine_between(start, end, share):
    return end + (start - end) * (1 + math.cos(math.pi * share)) / 2


def linear_between(start, end, share):
    return start + (end - start) * share


def snapped(ticks):
    """Lengths in epochs meet whole steps up to rounding."""
    return float(round(ticks)) if abs(ticks - round(ticks)) < 1e-6 else ticks


class Schedule:
    """The learning rate and momentum of a step, by the formulas of train/optim/schedule.cpp."""

    ENDLESS = ("exponential",)

    def __init__(self, options, total_steps, steps_per_epoch):
        def option(key, default=None):
            return options.get("schedule." + key, default)

        self.name, self.option, self.base = option("name"), option, options["optimizer.lr"]
        self.curve_of = getattr(self, self.name, None) if self.name in self.NAMES else None
        if self.curve_of is None:
            raise Failure(f"schedule.name: {self.name!r} is not translated to PyTorch; possible here: {', '.join(self.NAMES)}")
        own_length = option("epochs", 0) > 0
        if own_length:
            total_steps = option("epochs") * steps_per_epoch
        self.tick = steps_per_epoch if option("per") == "epoch" else 1
        self.epoch = steps_per_epoch / self.tick
        self.ticks = max(1.0, snapped(total_steps / self.tick))
        self.last = math.ceil(self.ticks) - 1 if own_length and self.name not in self.ENDLESS else math.inf
        self.warmup = snapped(option("warmup", 0) * self.epoch)

    def at(self, step):
        """(rate, momentum; None: the optimizer's own)."""
        run = min(float(step // self.tick), self.last)
        length = max(1.0, self.ticks - self.warmup)
        curve = max(0.0, run - self.warmup)
        if self.name not in self.ENDLESS:
            curve = min(curve, length)
        found = self.curve_of(run, curve, length)
        lr, momentum = found if isinstance(found, tuple) else (found, None)
        if run < self.warmup:
            lr *= linear_between(self.option("warmup_factor"), 1, run / self.warmup)
        return lr, momentum

    def constant(self, run, curve, length):
        return self.base

    def step(self, run, curve, length):
        return self.base * self.option("gamma") ** math.floor(snapped(run / snapped(self.option("step_size") * self.epoch)))

    def multistep(self, run, curve, length):
        passed = sum(run >= snapped(m * self.epoch) for m in self.option("milestones"))
        return self.base * self.option("gamma") ** passed

    def exponential(self, run, curve, length):
        return self.base * self.option("gamma") ** (curve / self.epoch)

    def polynomial(self, run, curve, length):
        return self.base * (1 - curve / length) ** self.option("power")

    def linear(self, run, curve, length):
        return self.base * linear_between(self.option("start_factor"), self.option("end_factor"), curve / length)

    def cosine(self, run, curve, length):
        return cosine_between(self.base, self.option("min_lr"), curve / length)

    def one_cycle(self, run, curve, length):
        highest = self.option("max_lr") or self.base
        first = highest / self.option("div_factor")
        last = first / self.option("final_div_factor")
        low, high = self.option("base_momentum"), self.option("max_momentum")
        peak, end = self.option("pct_start") * length - 1, length - 1
        phases = [(peak, first, highest, high, low), (end, highest, last, low, high)]
        if self.option("three_phase"):
            phases[1:] = [(2 * peak, highest, first, low, high), (end, first, last, high, high)]
        t, start, i = min(curve, end), 0.0, 0
        while i + 1 < len(phases) and t > phases[i][0]:
            start, i = phases[i][0], i + 1
        stop, from_lr, to_lr, from_momentum, to_momentum = phases[i]
        share = (t - start) / (stop - start) if stop > start else 1.0
        between = linear_between if self.option("anneal") == "linear" else cosine_between
        momentum = between(from_momentum, to_momentum, share) if self.option("cycle_momentum") else None
        return between(from_lr, to_lr, share), momentum

    NAMES = ("constant", "step", "multistep", "exponential", "polynomial", "linear", "cosine", "one_cycle")


def set_rate(optimizer, lr, momentum):
    for group in optimizer.param_groups:
        group["lr"] = lr * group["lr_scale"]
        if momentum is None:
            continue
        if "betas" in group:
            group["betas"] = (momentum, group["betas"][1])
        else:
            group["momentum"] = momentum


class Averaged:
    """A second set of weights, batch norm's statistics included; integer buffers are copied."""

    def __init__(self, net):
        self.net = copy.deepcopy(net).eval()
        for parameter in self.net.parameters():
            parameter.requires_grad_(False)
        self.pairs = list(zip(self.net.state_dict().values(), net.state_dict().values()))
        self.floating = [(mine, theirs) for mine, theirs in self.pairs if mine.is_floating_point()]

    @torch.no_grad()
    def move_towards(self, share):
        torch._foreach_lerp_([mine for mine, _ in self.floating], [theirs for _, theirs in self.floating], share)
        for mine, theirs in self.pairs:
            if not mine.is_floating_point():
                mine.copy_(theirs)

    @torch.no_grad()
    def give_back(self):
        for mine, theirs in self.pairs:
            theirs.copy_(mine)


class Ema(Averaged):
    name = "ema"

    def __init__(self, options, net, total_steps):
        super().__init__(net)
        self.decay, self.every = options["train.ema.decay"], options.get("train.ema.every", 1)
        self.warmup = options.get("train.ema.warmup", True)

    def after_update(self, steps):
        """`steps` so far."""
        if steps % self.every:
            return
        n = steps // self.every
        self.move_towards(1 - (min(self.decay, (1 + n) / (10 + n)) if self.warmup else self.decay))


class Lookahead(Averaged):
    name = "lookahead"

    def __init__(self, options, net, total_steps):
        super().__init__(net)
        self.every, self.alpha = options["train.lookahead.steps"], options["train.lookahead.alpha"]
        self.ramp, self.total = options.get("train.lookahead.ramp", 0), total_steps

    def after_update(self, steps):
        if steps % self.every:
            return
        over = min(1.0, steps / self.total)
        self.move_towards(1 - (1 - self.alpha) * over**self.ramp)
        self.give_back()


def averages(options, net, total_steps):
    kinds = (("train.lookahead.steps", Lookahead), ("train.ema.decay", Ema))  # in the order of train/hooks/hook_table.cpp
    return [kind(options, net, total_steps) for key, kind in kinds if options.get(key, 0) > 0]
