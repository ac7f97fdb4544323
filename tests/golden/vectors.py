"""What the golden vectors are made of and written as: numbers from hashed names, safetensors files, tolerances."""
import json
import math
import pathlib
import struct

import numpy as np

FOLDER = pathlib.Path(__file__).resolve().parent
RTOL, ATOL = 1e-4, 1e-7
DTYPES = {"float32": "F32", "float64": "F64", "int64": "I64", "uint8": "U8"}
index = []


# ---------------------------------------------------------------------------------------------------- numbers
def fnv1a(text):
    value = 2166136261
    for byte in text.encode():
        value = (value ^ byte) * 16777619 % 2**32
    return value


def mixed(x):
    """The finaliser of MurmurHash3 on an array of uint32."""
    x = (x ^ (x >> 16)) * np.uint32(0x85EBCA6B)
    x = (x ^ (x >> 13)) * np.uint32(0xC2B2AE35)
    return x ^ (x >> 16)


def hashed_uniform(name, count):
    """Numbers in [0, 1) from a name and an index: tests/reference/hashed.cpp makes the same ones."""
    start = mixed(np.array([fnv1a(name)], np.uint32))[0]
    with np.errstate(over="ignore"):
        return mixed(start + np.arange(count, dtype=np.uint32)) / 2.0**32


def hashed_entry(name, shape):
    u = hashed_uniform(name, math.prod(shape)).reshape(shape)
    if name.endswith("num_batches_tracked"):
        return np.zeros(shape, np.int64)
    if name.endswith("running_var") or (len(shape) == 1 and name.endswith("weight")):
        return (0.5 + u).astype(np.float32)
    if len(shape) <= 1:
        return ((u - 0.5) / 5).astype(np.float32)
    return ((2 * u - 1) * math.sqrt(3 / (math.prod(shape) // shape[0]))).astype(np.float32)


def hashed_tensor(name, dtype, shape, below=None):
    """What a case's "hashed" lists: an entry of a state dict, or an input."""
    if name.startswith("state_dict/"):
        return hashed_entry(name[len("state_dict/"):], shape)
    u = hashed_uniform(name, math.prod(shape)).reshape(shape)
    if dtype == "F32":
        return (4 * u - 2).astype(np.float32)
    return np.floor((256 if dtype == "U8" else below) * u).astype({"U8": np.uint8, "I64": np.int64}[dtype])


def described(dtype, *shape, **more):
    return {"dtype": dtype, "shape": list(shape), **more}


class Random:
    """Normal and other numbers, exactly representable in float32, from the case's name."""

    def __init__(self, name):
        self.state = np.random.RandomState(fnv1a(name))

    def normal(self, *shape):
        return self.state.standard_normal(shape).astype(np.float32)

    def uniform(self, lo, hi, *shape):
        return self.state.uniform(lo, hi, shape).astype(np.float32)

    def integers(self, below, *shape):
        return self.state.randint(0, below, shape).astype(np.int64)


# ---------------------------------------------------------------------------------------------------- files
def write_safetensors(path, tensors, metadata):
    ordered = sorted(tensors.items(), key=lambda item: -item[1].dtype.itemsize)  # keeps 8-byte types aligned
    header, offset = {"__metadata__": metadata}, 0
    for name, array in ordered:
        header[name] = {"dtype": DTYPES[array.dtype.name], "shape": list(array.shape),
                        "data_offsets": [offset, offset + array.nbytes]}
        offset += array.nbytes
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + b"".join(np.ascontiguousarray(a).tobytes() for _, a in ordered))


def save(name, kind, op, args, exact, computed, computed32=None, prefixes=(), **info):
    """exact: inputs. computed: results in float64; computed32: the same in float32, to judge the tolerance by."""
    largest_gradient = max((np.abs(a).max() for k, a in computed.items() if "grad" in k or "gin" in k), default=0.0)
    overrides = {}
    for tensor, value in computed.items():
        if ("grad" in tensor or "gin" in tensor) and np.abs(value).max() < 1e-9 * largest_gradient:
            overrides[tensor] = {"rtol": 0.0, "atol": float(1e-5 * largest_gradient), "why": "zero in exact arithmetic"}
        if computed32 is None:
            continue
        rules = [overrides[tensor]] if tensor in overrides else []
        rules += [p for p in prefixes if tensor.startswith(p["prefix"])]
        rules = rules or [{"rtol": RTOL, "atol": ATOL}]
        allowed = max(r["rtol"] * np.abs(value).max() + r["atol"] for r in rules)
        off = np.abs(computed32[tensor].astype(np.float64) - value).max()
        if off > allowed / 5:
            raise SystemExit(f"{name}: {tensor}: float32 is {off:.3g} from float64, where {allowed:.3g} is allowed")
    tensors = dict(exact)
    for tensor, value in computed.items():
        tensors[tensor] = value.astype(np.float32) if value.dtype == np.float64 and kind != "schedule" else value
    tolerance = {"rtol": RTOL, "atol": ATOL, "overrides": overrides}
    if prefixes:
        tolerance["prefixes"] = list(prefixes)
    case = {"kind": kind, "op": op, "args": args, "tolerance": tolerance, **info}
    (FOLDER / name).parent.mkdir(exist_ok=True)
    text = json.dumps(case, separators=(",", ":"))
    write_safetensors(FOLDER / (name + ".safetensors"), tensors, {"format": "pt", "case": text})
    index.append({"name": name, "kind": kind, "op": op})


def numpy_of(tensors):
    return {name: t.detach().numpy().copy() for name, t in tensors.items()}
