#!/usr/bin/python3
"""Makes the golden vectors of this folder with PyTorch: small cases of everything that reference_test checks.

Needs Debian's python3-torch, python3-numpy and python3-pil; writes beside itself and takes some seconds. Results are
computed in float64 and stored as float32; a case whose float32 results use up more than a fifth of their tolerance is
refused, so that passing is no matter of luck. README.md describes the format.
"""
import json
import shutil
import sys

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image

sys.dont_write_bytecode = True
import networks as nets
from vectors import FOLDER, Random, described, hashed_entry, hashed_tensor, index, numpy_of, save


# ---------------------------------------------------------------------------------------------------- operators
def op_case(name, op, args, inputs, run, constant=()):
    """inputs: arrays, which are stored, or shapes of hashed ones. run(tensors by name) → results by name. Gradients of
    all floating inputs but the constant ones."""
    hashed = {f"in/{k}": described("F32", *v) for k, v in inputs.items() if isinstance(v, tuple)}
    exact = {f"in/{k}": v for k, v in inputs.items() if not isinstance(v, tuple)}
    arrays = {k: exact[f"in/{k}"] if f"in/{k}" in exact else hashed_tensor(f"in/{k}", **hashed[f"in/{k}"]) for k in inputs}
    found = {}
    for dtype in (torch.float64, torch.float32):
        leaves = {k: torch.tensor(v) for k, v in arrays.items()}
        leaves = {k: v.to(dtype) if v.is_floating_point() else v for k, v in leaves.items()}
        wanted = [k for k, v in leaves.items() if v.is_floating_point() and k not in constant]
        for k in wanted:
            leaves[k].requires_grad_()
        results = run(leaves)
        seeded = [k for k, v in results.items() if v.requires_grad]
        hashed |= {f"gout/{k}": described("F32", *results[k].shape) for k in seeded}
        gouts = [torch.tensor(hashed_tensor(f"gout/{k}", **hashed[f"gout/{k}"])).to(dtype) for k in seeded]
        torch.autograd.backward([results[k] for k in seeded], gouts)
        found[dtype] = {f"out/{k}": v for k, v in numpy_of(results).items()}
        found[dtype].update({f"gin/{k}": leaves[k].grad.numpy().copy() for k in wanted})
    save("ops/" + name, "op", op, args, exact, found[torch.float64], found[torch.float32], hashed=hashed)


def conv_case(name, x, out, kernel, stride=1, padding=0, dilation=1, groups=1, bias=True):
    pair = lambda v: [v, v] if isinstance(v, int) else list(v)
    kernel, stride, padding, dilation = map(pair, (kernel, stride, padding, dilation))
    inputs = {"x": x, "weight": (out, x[1] // groups, *kernel)}
    if bias:
        inputs["bias"] = (out,)
    args = {"kernel": kernel, "stride": stride, "padding": padding, "dilation": dilation, "groups": groups, "bias": bias}
    op_case("conv2d_" + name, "conv2d", args, inputs, lambda t: {
        "y": F.conv2d(t["x"], t["weight"], t.get("bias"), stride, padding, dilation, groups)})


def batch_norm_case(name, x, training, momentum=0.1, eps=1e-5, affine=True, tracked=True, seen=3, offset=0.0):
    r, c = Random(name), x[1]
    inputs = {"x": r.normal(*x) + np.float32(offset) if offset else x}
    if affine:
        inputs |= {"weight": (c,), "bias": (c,)}
    if tracked:
        inputs |= {"running_mean": (c,), "running_var": r.uniform(0.5, 1.5, c), "num_batches_tracked": np.array(seen, np.int64)}

    def run(t):
        after = {k: t[k].clone() for k in ("running_mean", "running_var", "num_batches_tracked") if k in t}
        share = momentum
        if tracked and training:
            after["num_batches_tracked"] += 1
            share = 1.0 / int(after["num_batches_tracked"]) if momentum is None else momentum
        y = F.batch_norm(t["x"], after.get("running_mean"), after.get("running_var"), t.get("weight"), t.get("bias"),
                         training or not tracked, share if share is not None else 0.0, eps)
        return {"y": y} | (after if tracked and training else {})

    args = {"training": training, "momentum": momentum, "eps": eps, "affine": affine, "track_running_stats": tracked}
    op_case("batch_norm_" + name, "batch_norm", args, inputs, run, constant=("running_mean", "running_var"))


def max_pool_case(name, x, kernel, stride, padding=0, dilation=1, ceil_mode=False, ties=False):
    values = Random(name).integers(3, *x).astype(np.float32) if ties else x
    args = {"kernel": [kernel] * 2, "stride": [stride] * 2, "padding": [padding] * 2, "dilation": [dilation] * 2,
            "ceil_mode": ceil_mode}
    op_case("max_pool_" + name, "max_pool2d", args, {"x": values}, lambda t: {
        "y": F.max_pool2d(t["x"], kernel, stride, padding, dilation, ceil_mode)})


def avg_pool_case(name, x, kernel, stride, padding=0, ceil_mode=False, count_include_pad=True):
    args = {"kernel": kernel, "stride": stride, "padding": padding, "ceil_mode": ceil_mode,
            "count_include_pad": count_include_pad}
    op_case("avg_pool_" + name, "avg_pool2d", args, {"x": x}, lambda t: {
        "y": F.avg_pool2d(t["x"], kernel, stride, padding, ceil_mode, count_include_pad)})


def cross_entropy_case(name, shape, target="hard", smoothing=0.0, reduction="mean", weighted=False, ignore=None):
    r = Random(name)
    inputs = {"logits": shape}
    if target == "hard":
        inputs["target"] = r.integers(shape[1], shape[0])
        if ignore is not None:
            inputs["target"][1::3] = ignore
    else:
        inputs["target"] = torch.softmax(torch.tensor(r.normal(*shape)), 1).numpy()
    if weighted:
        inputs["class_weight"] = r.uniform(0.2, 2, shape[1])
    args = {"target": target, "label_smoothing": smoothing, "reduction": reduction, "class_weight": weighted,
            "ignore_index": ignore}
    op_case("cross_entropy_" + name, "cross_entropy", args, inputs, lambda t: {
        "loss": F.cross_entropy(t["logits"], t["target"], t.get("class_weight"), reduction=reduction,
                                label_smoothing=smoothing, ignore_index=-100 if ignore is None else ignore)},
            constant=("target", "class_weight"))


def away_from_kinks(x):
    """No value within 0.05 of a multiple of 1/2."""
    near = np.round(x * 2) / 2
    return np.where(np.abs(x - near) < 0.05, near + 0.05, x).astype(np.float32)


def unary_case(op, function, shape=(3, 7), positive=False):
    r = Random(op)
    x = r.uniform(0.3, 3, *shape) if positive else away_from_kinks(4 * r.normal(*shape))
    op_case(op, op, {}, {"x": x}, lambda t: {"y": function(t["x"])})


def binary_case(op, function, name, a, b):
    args = {"a_shape": list(a), "b_shape": list(b)}
    inputs = {"a": a, "b": Random(name).uniform(0.5, 2, *b) if op == "div" else b}
    op_case(f"{op}_{name}", op, args, inputs, lambda t: {"y": function(t["a"], t["b"])})


def reduce_case(op, function, name, x, dims, keepdim=False):
    everything = list(range(len(x)))
    op_case(f"{op}_{name}", op, {"dims": dims, "keepdim": keepdim}, {"x": x}, lambda t: {
        "y": function(t["x"], dims if dims is not None else everything, keepdim)})


def one_case(name, op, args, x, function):
    op_case(name, op, args, {"x": x}, lambda t: {"y": function(t["x"])})


def make_ops():
    conv_case("k3", (2, 3, 5, 4), 4, 3, padding=1)
    conv_case("k1_s2_g2", (2, 4, 5, 4), 6, 1, stride=2, groups=2, bias=False)
    conv_case("k5_s2_odd", (1, 2, 7, 6), 3, 5, stride=2, padding=2)
    conv_case("k3_s2_g2", (2, 4, 7, 6), 4, 3, stride=2, padding=1, groups=2)
    conv_case("k3_g4_dil2", (1, 8, 5, 4), 8, 3, padding=2, dilation=2, groups=4, bias=False)
    conv_case("k1x3_uneven", (2, 3, 5, 8), 4, (1, 3), stride=(2, 1), padding=(0, 1), dilation=(1, 2))
    conv_case("dw_k3", (1, 9, 4, 5), 9, 3, padding=1, groups=9, bias=False)
    conv_case("dw_k3_s2_times2", (1, 5, 6, 5), 10, 3, stride=2, padding=1, groups=5)

    batch_norm_case("train", (3, 5, 3, 2), True)
    batch_norm_case("train_offset", (4, 3, 3, 3), True, offset=50.0)
    batch_norm_case("train_cumulative", (3, 4, 3, 2), True, momentum=None)
    batch_norm_case("train_plain", (3, 4, 3, 2), True, affine=False, tracked=False)
    batch_norm_case("train_2d", (7, 5), True, momentum=0.3, eps=1e-3)
    batch_norm_case("eval", (2, 5, 3, 2), False)
    batch_norm_case("eval_untracked", (3, 4, 3, 2), False, tracked=False)

    max_pool_case("k3s2p1_ceil", (1, 3, 8, 7), 3, 2, 1, ceil_mode=True)
    max_pool_case("k2s2p1_ceil_clip", (1, 2, 5, 5), 2, 2, 1, ceil_mode=True)
    max_pool_case("dil2", (1, 2, 7, 6), 3, 1, 1, dilation=2)
    max_pool_case("ties", (1, 3, 6, 6), 3, 2, 1, ties=True)
    avg_pool_case("k2x3", (1, 3, 6, 5), [2, 3], [2, 1], [1, 0])
    avg_pool_case("ceil_incl", (1, 3, 8, 7), [3, 3], [2, 2], [1, 1], ceil_mode=True)
    avg_pool_case("ceil_excl", (1, 3, 8, 7), [3, 3], [2, 2], [1, 1], ceil_mode=True, count_include_pad=False)
    one_case("adaptive_avg_pool_3x5", "adaptive_avg_pool2d", {"output_size": [3, 5]}, (1, 3, 7, 8),
             lambda x: F.adaptive_avg_pool2d(x, (3, 5)))
    for side, size in ((3, (7, 5)), (5, (3, 2))):
        one_case(f"resize_nearest_{side}", "resize_nearest", {"output_size": list(size)}, (1, 2, side, side),
                 lambda x: F.interpolate(x, size, mode="nearest"))
    one_case("channel_shuffle_3", "channel_shuffle", {"groups": 3}, (1, 6, 2, 3),  # F.channel_shuffle has no gradient here
             lambda x: x.view(1, 3, 2, 2, 3).transpose(1, 2).reshape(1, 6, 2, 3))

    cross_entropy_case("hard", (5, 7))
    cross_entropy_case("weight_smooth_ignore", (7, 5), smoothing=0.1, weighted=True, ignore=-100)
    cross_entropy_case("soft_smooth", (4, 6), target="soft", smoothing=0.2)
    cross_entropy_case("none", (5, 4), reduction="none")
    cross_entropy_case("sum_weight", (5, 4), reduction="sum", weighted=True)

    for op, function in {"relu": F.relu, "relu6": F.relu6, "hard_sigmoid": F.hardsigmoid, "hardswish": F.hardswish,
                         "sigmoid": torch.sigmoid, "silu": F.silu, "exp": torch.exp}.items():
        unary_case(op, function)
    unary_case("log", torch.log, positive=True)
    unary_case("sqrt", torch.sqrt, positive=True)
    op_case("relu_kinks", "relu", {}, {"x": np.array([[-1, -0.0, 0, 1e-30, 2]], np.float32)},
            lambda t: {"y": F.relu(t["x"])})
    op_case("relu6_kinks", "relu6", {}, {"x": np.array([[-1, 0, 3, 6, 7]], np.float32)},
            lambda t: {"y": F.relu6(t["x"])})
    one_case("clamp", "clamp", {"min": -0.7, "max": 0.4}, (3, 6), lambda x: x.clamp(-0.7, 0.4))

    binary_case("add", torch.add, "same", (2, 3, 4, 2), (2, 3, 4, 2))
    binary_case("add", torch.add, "both_ways", (2, 3, 1, 4), (1, 3, 5, 1))
    binary_case("sub", torch.sub, "per_channel", (2, 3, 4, 3), (3, 1, 1))
    binary_case("mul", torch.mul, "gate", (2, 5, 3, 4), (2, 5, 1, 1))
    binary_case("mul", torch.mul, "scalar", (3, 4), ())
    binary_case("div", torch.div, "row", (4, 6), (6,))

    reduce_case("sum", torch.sum, "all", (2, 3, 4, 3), None)
    reduce_case("sum", torch.sum, "dim2", (2, 3, 4, 3), [2])
    reduce_case("mean", torch.mean, "hw", (2, 5, 3, 4), [2, 3])
    reduce_case("mean", torch.mean, "nw_keep", (3, 4, 2, 3), [0, -1], keepdim=True)
    one_case("softmax_4d", "softmax", {"dim": 1}, (2, 5, 3, 2), lambda x: torch.softmax(x, 1))
    one_case("log_softmax_rows", "log_softmax", {"dim": 2}, (2, 3, 4, 2), lambda x: torch.log_softmax(x, 2))

    op_case("cat_channels", "cat", {"dim": -3, "inputs": 3},
            {"x0": (2, 3, 3, 2), "x1": (2, 1, 3, 2), "x2": (2, 4, 3, 2)},
            lambda t: {"y": torch.cat([t["x0"], t["x1"], t["x2"]], -3)})
    op_case("cat_rows", "cat", {"dim": 2, "inputs": 2}, {"x0": (1, 2, 3, 4), "x1": (1, 2, 1, 4)},
            lambda t: {"y": torch.cat([t["x0"], t["x1"]], 2)})
    one_case("slice_channels", "slice", {"slices": [[None, None, None], [1, 4, None]]}, (2, 6, 3, 3), lambda x: x[:, 1:4])
    one_case("slice_steps", "slice", {"slices": [[None] * 3, [None, None, 2], [1, None, 2], [-4, -1, None]]},
             (1, 5, 6, 7), lambda x: x[:, ::2, 1::2, -4:-1])
    one_case("pad", "pad", {"left": 1, "right": 2, "top": 0, "bottom": 3, "value": 0.5}, (1, 3, 3, 4),
             lambda x: F.pad(x, (1, 2, 0, 3), value=0.5))
    one_case("flatten", "flatten", {"start_dim": 1}, (2, 3, 2, 4), lambda x: x.flatten(1))
    one_case("reshape", "reshape", {"shape": [4, -1]}, (2, 3, 2, 4), lambda x: x.reshape(4, -1))
    one_case("permute", "permute", {"dims": [2, 0, 3, 1]}, (2, 3, 2, 4), lambda x: x.permute(2, 0, 3, 1))
    op_case("linear", "linear", {"bias": True}, {"x": (3, 9), "weight": (5, 9), "bias": (5,)},
            lambda t: {"y": F.linear(t["x"], t["weight"], t["bias"])})
    one_case("reuse", "expr", {"expr": "y = (x + relu(x))*x - x; one input, four uses"}, (3, 5),
             lambda x: (x + F.relu(x)) * x - x)
    op_case("two_results", "expr", {"expr": "p = a/b (div), q = mean(a, dim 0)"},
            {"a": (4, 3), "b": Random("two results").uniform(1, 2, 4, 3)}, lambda t: {"p": t["a"] / t["b"], "q": t["a"].mean(0)})


# ---------------------------------------------------------------------------------------------------- modules
def hashed_state_dict(module):
    return {k: torch.tensor(hashed_entry(k, tuple(v.shape))) for k, v in module.state_dict().items()}


def module_case(name, cls, args, x_shape):
    """State dict, input and upstream gradient are hashed: only results are stored."""
    module, found = cls(**args), {}
    state = hashed_state_dict(module)
    x = torch.tensor(hashed_tensor("in/x", "F32", x_shape))
    hashed = {"in/x": described("F32", *x_shape), "gout/y": described("F32", *module(x).shape)}
    gout = torch.tensor(hashed_tensor("gout/y", **hashed["gout/y"]))
    for dtype in (torch.float64, torch.float32):
        module.to(dtype).load_state_dict(state)
        module.train()
        module.zero_grad()
        leaf = x.clone().to(dtype).requires_grad_()
        y = module(leaf)
        y.backward(gout.to(dtype))
        results = {"out/y": y, "gin/x": leaf.grad} | {f"grad/{k}": p.grad for k, p in module.named_parameters()}
        results |= {f"state_dict_after/{k}": b for k, b in module.named_buffers()}
        found[dtype] = numpy_of(results)
        module.load_state_dict(state)
        module.eval()
        with torch.no_grad():
            found[dtype]["eval/out/y"] = module(x.to(dtype)).numpy()
    save("modules/" + name, "module", cls.__name__, args, {}, found[torch.float64], found[torch.float32],
         hashed_state_dict=True, hashed=hashed)


def make_modules():
    module_case("ghostconv", nets.GhostConv, {"c_in": 5, "c_out": 8}, (2, 5, 4, 3))
    module_case("ghostconv_half_to_even", nets.GhostConv,
                {"c_in": 3, "c_out": 10, "ratio": 4, "kernel_size": 3, "stride": 2, "padding": 1}, (2, 3, 6, 5))
    module_case("ghostconv_ratio1", nets.GhostConv, {"c_in": 3, "c_out": 4, "ratio": 1}, (2, 3, 3, 4))
    module_case("ghostmodule_odd", nets.GhostModule, {"inp": 4, "oup": 7}, (2, 4, 4, 3))
    module_case("ghostmodule_r3_k3_s2", nets.GhostModule,
                {"inp": 3, "oup": 8, "kernel_size": 3, "ratio": 3, "dw_size": 5, "stride": 2, "relu": False}, (2, 3, 7, 6))
    module_case("ghostbottleneck_s2_se", nets.GhostBottleneck,
                {"in_chs": 4, "mid_chs": 10, "out_chs": 6, "dw_kernel_size": 5, "stride": 2, "se_ratio": 0.25}, (3, 4, 6, 5))
    module_case("ghostbottleneck_same", nets.GhostBottleneck, {"in_chs": 4, "mid_chs": 7, "out_chs": 4}, (2, 4, 4, 3))
    module_case("dwsep_k5_s2", nets.DepthwiseSeparableConv,
                {"cin": 4, "cout": 6, "k": 5, "stride": 2, "padding": 2}, (2, 4, 7, 6))
    module_case("convbnact", nets.ConvBnAct, {"in_chs": 3, "out_chs": 5, "kernel_size": 3, "stride": 2}, (2, 3, 6, 5))
    module_case("groupedbottleneck_s2", nets.GroupedBottleneck, {"cin": 6, "cout": 8, "groups": 2, "stride": 2}, (2, 6, 5, 6))
    module_case("squeezeexcite", nets.SqueezeExcite, {"in_chs": 12}, (2, 12, 3, 2))
    table = []
    for c_out in range(1, 25):
        for ratio in (1, 1.5, 2, 3, 4, 5):
            try:
                nets.GhostConv(8, c_out, ratio=ratio)
                valid = True
            except ValueError:
                valid = False
            intrinsic = int(round(c_out / ratio))
            table.append({"c_out": c_out, "ratio": ratio, "c_int": intrinsic, "c_ghost": c_out - intrinsic, "valid": valid})
    (FOLDER / "modules/ghostconv_validity.json").write_text(json.dumps({"table": table}, separators=(",", ":")) + "\n")


# ---------------------------------------------------------------------------------------------------- models
GRADIENTS = {"rtol": 5e-3, "atol": 1e-6, "why": "a ReLU whose input rounds to the other side of 0 moves a gradient"}


def model_case(name, cls, args, watched, smoothing, train_shape, full):
    """State dict and inputs are hashed: only results are stored, gradients and buffers in full for the modules `full`."""
    model = cls(**args)
    shapes = {"eval/in/x0": described("F32", 2, 3, 40, 32), "eval/in/x1": described("F32", 1, 3, 64, 64),
              "train/in/x": described("F32", *train_shape), "train/in/target": described("I64", train_shape[0], below=args["num_classes"])}
    inputs, found = {k: torch.tensor(hashed_tensor(k, **s)) for k, s in shapes.items()}, {}
    for dtype in (torch.float64, torch.float32):
        results = {}
        model.to(dtype).load_state_dict(hashed_state_dict(model))
        model.eval()
        for size in ("0", "1"):
            norms = {}
            hooks = [model.get_submodule(k).register_forward_hook(
                lambda m, x, y, k=k: norms.__setitem__(f"eval/act_norm{size}/{k}", y.norm())) for k in watched]
            with torch.no_grad():
                results["eval/out/logits" + size] = model(inputs["eval/in/x" + size].to(dtype))
            results |= norms
            for hook in hooks:
                hook.remove()
        model.train()
        model.zero_grad()
        x = inputs["train/in/x"].to(dtype).requires_grad_()
        logits = model(x)
        loss = F.cross_entropy(logits, inputs["train/in/target"], label_smoothing=smoothing)
        loss.backward()
        results |= {"train/out/logits": logits, "train/out/loss": loss, "train/gin_norm/x": x.grad.norm()}
        parameters = dict(model.named_parameters())
        results |= {"train/grad_norm/" + k: p.grad.norm() for k, p in parameters.items() if p.dim() > 1}
        results |= {"train/grad/" + k: p.grad for k, p in parameters.items() if k.startswith(full)}
        results |= {"train/state_dict_after/" + k: b for k, b in model.named_buffers() if k.startswith(full)}
        found[dtype] = numpy_of(results)
    save("models/" + name, "model", cls.__name__, args, {}, found[torch.float64], found[torch.float32],
         prefixes=[{"prefix": "train/g", **GRADIENTS}], hashed_state_dict=True, hashed=shapes,
         loss=f"cross_entropy mean, label_smoothing {smoothing}", params=sum(p.numel() for p in model.parameters()))


def make_models():
    count = lambda model: sum(p.numel() for p in model.parameters())
    assert count(nets.GhostNet()) == 5182508 and count(nets.GhostNet(1000, 0.5)) == 2587292
    assert count(nets.MiniGroupNet(groups=8)) == 132170
    model_case("minigroupnet_g2", nets.MiniGroupNet, {"in_channels": 3, "num_classes": 7, "groups": 2},
               ["stem", "stage1", "stage2", "pool"], 0.0, (3, 3, 20, 24),
               ("stem", "stage1.group_conv.1", "fc.bias"))
    model_case("ghostnet_0.5", nets.GhostNet, {"num_classes": 10, "width": 0.5},
               ["conv_stem", "act1", *[f"blocks.{i}" for i in range(10)], "global_pool", "conv_head"], 0.1, (4, 3, 64, 64),
               ("conv_stem", "bn1", "blocks.1.0.conv_dw", "blocks.3.0.se.conv_expand.bias", "blocks.8.3.ghost1.cheap_operation.1",
                "classifier.bias"))


# ---------------------------------------------------------------------------------------------------- optimizers
def optimizer_case(name, op, args, steps=3, batch=6):
    """State dict and inputs are hashed."""
    net, found = nets.SmallNet(), {}
    hashed = {"in/x": described("F32", steps, batch, 2, 4, 3), "in/target": described("I64", steps, batch, below=3)}
    hashed |= {"state_dict/" + k: described("F32", *p.shape) for k, p in net.named_parameters()}
    x, target = (torch.tensor(hashed_tensor(k, **hashed[k])) for k in ("in/x", "in/target"))
    for dtype in (torch.float64, torch.float32):
        net.to(dtype).load_state_dict(hashed_state_dict(net))
        params = dict(net.named_parameters())
        options = {k: v for k, v in args.items() if k != "no_decay"}
        groups = [{"params": list(params.values())}]
        if "no_decay" in args:
            groups = [{"params": [p for p in params.values() if p.dim() > 1]},
                      {"params": [p for p in params.values() if p.dim() <= 1], "weight_decay": 0.0}]
        optimizer = (nets.RMSpropTF if op == "RMSpropTF" else getattr(torch.optim, op))(groups, **options)
        results, losses = {}, []
        for i in range(steps):
            optimizer.zero_grad()
            loss = F.cross_entropy(net(x[i].to(dtype)), target[i])
            loss.backward()
            losses.append(loss.item())
            results |= {f"step{i}/grad/{k}": p.grad.numpy().copy() for k, p in params.items()}
            optimizer.step()
            results |= {f"step{i}/param/{k}": p.detach().numpy().copy() for k, p in params.items()}
        found[dtype] = results | {"out/loss": np.array(losses)}
    net_text = f"conv 2->4 k3 p1 no bias; BN(4); ReLU; mean over H,W; fc 4->3; cross_entropy mean; batch {batch}; train mode"
    save("optim/" + name, "optim", op, args, {}, found[torch.float64], found[torch.float32], steps=steps, net=net_text,
         hashed=hashed)


def make_optimizers():
    optimizer_case("sgd_dampening_decay", "SGD", {"lr": 0.1, "momentum": 0.8, "dampening": 0.3, "weight_decay": 0.05})
    optimizer_case("sgd_nesterov", "SGD", {"lr": 0.05, "momentum": 0.9, "nesterov": True, "weight_decay": 0.02})
    optimizer_case("sgd_groups", "SGD", {"lr": 0.1, "momentum": 0.9, "weight_decay": 0.1,
                                         "no_decay": "parameters with ndim <= 1"})
    optimizer_case("adam_amsgrad_decay", "Adam", {"lr": 0.02, "betas": [0.8, 0.99], "eps": 1e-4, "amsgrad": True,
                                                  "weight_decay": 0.05})
    optimizer_case("adamw", "AdamW", {"lr": 0.02, "betas": [0.9, 0.99], "eps": 1e-4, "weight_decay": 0.2})
    optimizer_case("rmsprop_centered", "RMSprop", {"lr": 0.01, "alpha": 0.9, "eps": 1e-3, "momentum": 0.5,
                                                   "centered": True, "weight_decay": 0.01})
    optimizer_case("rmsprop_tf", "RMSpropTF", {"lr": 0.01, "alpha": 0.9, "eps": 1e-3, "momentum": 0.9, "weight_decay": 0.01})


# ---------------------------------------------------------------------------------------------------- schedules
def schedule_case(name, op, args, make, steps=40):
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=args["base_lr"], momentum=0.9)
    scheduler = make(optimizer)
    rates, momenta = [], []
    for _ in range(steps):
        rates.append(optimizer.param_groups[0]["lr"])
        momenta.append(optimizer.param_groups[0]["momentum"])
        optimizer.step()
        scheduler.step()
    results = {"out/lr": np.array(rates)}
    if op == "OneCycleLR":
        results["out/momentum"] = np.array(momenta)
    save("schedules/" + name, "schedule", op, args, {}, results)


def make_schedules():
    S = torch.optim.lr_scheduler
    without_lr = lambda args: {k: v for k, v in args.items() if k != "base_lr"}

    def simple(name, op, **args):
        schedule_case(name, op, args, lambda o: getattr(S, op)(o, **without_lr(args)))

    simple("cosine", "CosineAnnealingLR", base_lr=0.3, T_max=40, eta_min=0.01)
    simple("cosine_restarts", "CosineAnnealingWarmRestarts", base_lr=0.1, T_0=5, T_mult=2, eta_min=0.001)
    simple("exponential", "ExponentialLR", base_lr=0.2, gamma=0.9)
    simple("step", "StepLR", base_lr=0.1, step_size=7, gamma=0.3)
    simple("multistep", "MultiStepLR", base_lr=0.1, milestones=[4, 15, 31], gamma=0.5)
    simple("linear", "LinearLR", base_lr=0.1, start_factor=0.8, end_factor=0.1, total_iters=30)
    simple("warmup", "LinearLR", base_lr=0.1, start_factor=0.05, end_factor=1.0, total_iters=12)
    simple("polynomial", "PolynomialLR", base_lr=0.4, total_iters=36, power=1.7)
    cycle = {"total_steps": 41, "div_factor": 20.0, "final_div_factor": 500.0, "base_momentum": 0.8, "max_momentum": 0.9}
    simple("one_cycle_cos", "OneCycleLR", base_lr=0.1, max_lr=0.5, pct_start=0.25, anneal_strategy="cos", **cycle)
    simple("one_cycle_linear", "OneCycleLR", base_lr=0.1, max_lr=0.2, pct_start=0.4, anneal_strategy="linear", **cycle)
    args = {"base_lr": 0.1, "warmup": 6, "start_factor": 0.1, "end_factor": 1.0, "milestones": [6], "cosine_T_max": 34,
            "eta_min": 0.002}
    schedule_case("warmup_cosine", "SequentialLR(LinearLR, CosineAnnealingLR)", args, lambda o: S.SequentialLR(
        o, [S.LinearLR(o, 0.1, 1.0, 6), S.CosineAnnealingLR(o, 34, 0.002)], [6]))


# ---------------------------------------------------------------------------------------------------- training
def make_training():
    args, steps, batch = {"in_channels": 3, "num_classes": 10, "groups": 4}, 5, 8
    recipe = {"name": "SGD", "lr": 0.01, "momentum": 0.9, "weight_decay": 0.001, "nesterov": True, "dampening": 0,
              "all_parameters_decayed": False}
    mean, std = [0.5, 0.45, 0.4], [0.25, 0.26, 0.27]
    shapes = {"in/images_u8": described("U8", steps, batch, 3, 16, 16), "in/target": described("I64", steps, batch, below=10)}
    inputs, found, losses = {k: torch.tensor(hashed_tensor(k, **s)) for k, s in shapes.items()}, {}, {}
    model = nets.MiniGroupNet(**args)
    for dtype in (torch.float64, torch.float32):
        shift, scale = (torch.tensor(v, dtype=dtype).view(1, 3, 1, 1) for v in (mean, std))
        picture = lambda i: (inputs["in/images_u8"][i].to(dtype) / 255 - shift) / scale
        results = {}
        model.to(dtype).load_state_dict(hashed_state_dict(model))
        model.train()
        untouched = [F.cross_entropy(model(picture(i)), inputs["in/target"][i]).item() for i in range(steps)]
        model.to(dtype).load_state_dict(hashed_state_dict(model))
        decayed = [p for p in model.parameters() if p.dim() > 1]
        others = [p for p in model.parameters() if p.dim() <= 1]
        optimizer = torch.optim.SGD([{"params": decayed}, {"params": others, "weight_decay": 0.0}], lr=recipe["lr"],
                                    momentum=recipe["momentum"], weight_decay=recipe["weight_decay"], nesterov=True)
        losses[dtype] = []
        for i in range(steps):
            optimizer.zero_grad()
            logits = model(picture(i))
            loss = F.cross_entropy(logits, inputs["in/target"][i])
            loss.backward()
            losses[dtype].append(loss.item())
            if i == 0:
                results["step0/logits"] = logits
                results |= {"step0/grad_norm/" + k: p.grad.norm() for k, p in model.named_parameters()}
            optimizer.step()
        results |= {"final/param_norm/" + k: p.norm() for k, p in model.named_parameters()}
        results |= {"final/buffer_norm/" + k: b.to(dtype).norm() for k, b in model.named_buffers()}
        found[dtype] = numpy_of(results) | {"out/loss_without_updates": np.array(untouched)}
    rtol, worst = [], 0.0
    for a, b in zip(losses[torch.float64], losses[torch.float32]):
        worst = max(worst, abs(a - b) / abs(a))
        rtol.append(max(1e-4, 5 * worst))
    exact = {"out/loss": np.array(losses[torch.float64]), "out/loss_rtol": np.array(rtol)}
    loose = {"rtol": 5e-3, "atol": 1e-6, "why": "steps in which a ReLU flips"}
    save("training/minigroupnet_sgd", "training", "MiniGroupNet", args, exact, found[torch.float64], found[torch.float32],
         prefixes=[{"prefix": "step0/grad_norm", **GRADIENTS}, {"prefix": "final/", **loose}], steps=steps, batch=batch,
         optimizer=recipe, normalisation={"mean": mean, "std": std}, hashed_state_dict=True, hashed=shapes)


# ---------------------------------------------------------------------------------------------------- pictures
def make_preprocess():
    side, size, described_images, results = 32, 24, [], {}
    (FOLDER / "pictures").mkdir(exist_ok=True)
    for name, mode, width, height in [("wide.png", "RGB", 59, 41), ("tall.png", "RGB", 21, 30), ("grey.png", "L", 43, 44)]:
        channels = len(mode)
        rows, columns, channel = np.mgrid[0:height, 0:width, 0:channels].astype(np.float64)
        waves = np.sin(rows / 5 + channel) * 60 + np.cos(columns / (3 + channel) + rows / 17) * 60
        pixels = (np.clip(128 + waves, 0, 255) // 16 * 16).astype(np.uint8)
        Image.fromarray(pixels if channels > 1 else pixels[:, :, 0], mode).save(FOLDER / "pictures" / name, optimize=True)
        picture = Image.open(FOLDER / "pictures" / name).convert("RGB")
        decoded = np.asarray(picture, np.float64).reshape(-1, 3)
        new = (side, int(side * height / width)) if width < height else (int(side * width / height), side)
        top, left = round((new[1] - size) / 2), round((new[0] - size) / 2)
        cropped = picture.resize(new, Image.BILINEAR).crop((left, top, left + size, top + size))
        results["out/" + name] = np.asarray(cropped).transpose(2, 0, 1).copy()
        described_images.append({"file": name, "mode": mode, "width": width, "height": height, "resized": list(new),
                                 "crop": [left, top], "decoded_mean": decoded.mean(0).round(4).tolist(),
                                 "decoded_std": decoded.std(0).round(4).tolist()})
    save("preprocess/resize32_crop24", "preprocess", f"Resize({side})+CenterCrop({size})", {}, {}, results,
         image_dir="pictures", images=described_images)


def main():
    for kind in ("ops", "modules", "models", "optim", "schedules", "training", "preprocess", "pictures"):
        shutil.rmtree(FOLDER / kind, ignore_errors=True)
    torch.set_num_threads(1)
    for make in (make_ops, make_modules, make_models, make_optimizers, make_schedules, make_training, make_preprocess):
        make()
    counts = {}
    for case in index:
        folder = case["name"].split("/")[0]
        counts[folder] = counts.get(folder, 0) + 1
    lines = ",\n".join(json.dumps(case, separators=(",", ":")) for case in index)
    (FOLDER / "index.json").write_text(f'{{"torch":"{torch.__version__}","counts":{json.dumps(counts)},"cases":[\n{lines}\n]}}\n')
    total = sum(f.stat().st_size for f in FOLDER.rglob("*") if f.is_file())
    print(f"{len(index)} cases, {total} bytes in all")


if __name__ == "__main__":
    main()
