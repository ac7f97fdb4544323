"""Files as torch.save writes them, made without PyTorch: a pickle that names PyTorch's functions, and its storages.

    make_files.py FOLDER
"""
import argparse
import collections
import io
import os
import pathlib
import pickle
import struct
import sys
import types
import zipfile


def named(module, name, value=None):
    """Something that pickles as module.name; by default a class."""
    parts = module.split(".")
    for i in range(len(parts)):
        sys.modules.setdefault(".".join(parts[:i + 1]), types.ModuleType(".".join(parts[:i + 1])))
    value = value or type(name, (), {})
    value.__module__, value.__qualname__, value.__name__ = module, name, name
    setattr(sys.modules[module], name, value)
    return value


TYPES = {"f": "FloatStorage", "q": "LongStorage", "i": "IntStorage", "e": "HalfStorage", "?": "BoolStorage"}
STORAGES = {code: named("torch", name) for code, name in TYPES.items()}
rebuild_v2 = named("torch._utils", "_rebuild_tensor_v2", lambda *a: None)
rebuild_v3 = named("torch._utils", "_rebuild_tensor_v3", lambda *a: None)
rebuild_parameter = named("torch._utils", "_rebuild_parameter", lambda *a: None)
device, size_of = named("torch", "device"), named("torch", "Size")
scalar = named("numpy.core.multiarray", "scalar", lambda *a: None)
dtype = named("numpy", "dtype")


class Object:
    """Pickles as a call of `make`, and a state if there is one."""

    def __init__(self, make, *arguments, state=None):
        self.reduced = (make, arguments) + ((state,) if state else ())

    def __reduce_ex__(self, protocol):
        return self.reduced


class Storage:
    def __init__(self, code, values):
        self.code, self.count = code, len(values)
        self.data = struct.pack(f"<{self.count}{code}", *values)


def tensor(code, values, size, stride=None, offset=0, storage=None):
    steps = [1]
    for n in reversed(size[1:]):
        steps.insert(0, steps[0] * n)
    stride = stride if stride is not None else tuple(steps[:len(size)])
    return Object(rebuild_v2, storage or Storage(code, values), offset, size, stride, False, collections.OrderedDict())


class Pickler(pickle.Pickler):
    def __init__(self, file, legacy):
        super().__init__(file, protocol=2)
        self.legacy, self.storages = legacy, []

    def persistent_id(self, thing):
        if not isinstance(thing, Storage):
            return None
        if thing not in self.storages:
            self.storages.append(thing)
        pid = ("storage", STORAGES[thing.code], str(self.storages.index(thing)), "cpu", thing.count)
        return pid + (None,) if self.legacy else pid


def save(file, content):
    pickled = io.BytesIO()
    pickler = Pickler(pickled, legacy=False)
    pickler.dump(content)
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("archive/data.pkl", pickled.getvalue())
        archive.writestr("archive/byteorder", "little")
        for i, storage in enumerate(pickler.storages):
            archive.writestr(f"archive/data/{i}", storage.data)


def save_legacy(file, content):
    with open(file, "wb") as out:
        for part in (0x1950A86A20F9469CFC6C, 1001, {"protocol_version": 1001, "little_endian": True}):
            pickle.dump(part, out, protocol=2)
        pickler = Pickler(out, legacy=True)
        pickler.dump(content)
        pickle.dump([str(i) for i in range(len(pickler.storages))], out, protocol=2)
        for storage in pickler.storages:
            out.write(struct.pack("<q", storage.count) + storage.data)


def state(shift):
    values = [shift + i for i in range(24)]
    shared = Storage("f", values)
    entries = collections.OrderedDict(
        whole=tensor("f", values, (2, 3, 4)),
        last=tensor("f", values, (1, 2, 3, 4), (24, 1, 8, 2)),  # channels last: (1, 3, 4, 2) in memory
        parameter=Object(rebuild_parameter, tensor("f", values[:2], (2,)), True, collections.OrderedDict()),
        counter=tensor("q", [1234], ()),
        index=tensor("i", [-1, 2], (2,)),
        half=tensor("e", [0.5, -2], (2,)),
        mask=tensor("?", [True, False], (2,)),
        row=tensor("f", (), (4,), (1,), 8, shared),
        repeated=tensor("f", (), (3, 2), (0, 1), 4, shared),
        empty=tensor("f", [], (0, 3)))
    return entries


def number(value):
    """A float of NumPy, as it pickles."""
    return Object(scalar, Object(dtype, "f8", False, True, state=(3, "<", None, None, None, -1, -1, 0)),
                  struct.pack("<d", value))


def checkpoint():
    options = argparse.Namespace(
        lr=0.1, output=pathlib.PosixPath("/tmp/out"), device=Object(device, "cpu"), size=Object(size_of, (3, 224)),
        best=number(91.5), betas={0.9}, more=argparse.Namespace(a=1))
    return {"epoch": 3, "arch": "resnet18", "best_acc1": tensor("f", [76.5], ()), "state_dict": state(0),
            "optimizer": {"state": {0: {"momentum": tensor("f", [1], (1,))}}, "named": {"x": tensor("f", [1], (1,))}},
            "args": options, "metric": number(76.5), "amp_scaler": {"scale": 65536.0},
            "milestones": collections.Counter([30, 60]), "state_dict_ema": state(100)}


def evil(folder):
    return {"state_dict": state(0), "x": Object(os.system, f"touch '{folder}/executed'")}


def with_pickle(file, pickled):
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("archive/data.pkl", pickled)


def main():
    folder = pathlib.Path(sys.argv[1])
    save(folder / "checkpoint.pth", checkpoint())
    save(folder / "plain.pth", state(0))
    save_legacy(folder / "legacy.pth", {"model": state(0)})
    save(folder / "two.pth", {"generator": state(0), "critic": state(1)})
    save(folder / "evil.pth", evil(folder))
    save_legacy(folder / "evil_legacy.pth", evil(folder))
    save(folder / "module.pth", {"state_dict": state(0), "model": Object(named("torchvision.models.resnet", "ResNet"))})
    save(folder / "beyond.pth", {"w": tensor("f", [1, 2], (3,))})
    save(folder / "huge.pth", {"w": tensor("f", [1, 2], (1 << 40,), (0,))})
    with_pickle(folder / "colour.pth", b"\x80\x02ca\x1b[31mb\nC\x1b[0m\rD\n)\x81.")
    with_pickle(folder / "getattr.pth", b"\x80\x02cbuiltins\ngetattr\ncbuiltins\nset\nX\x03\x00\x00\x00pop\x86R.")
    with zipfile.ZipFile(folder / "other.zip", "w") as archive:
        archive.writestr("a.txt", "b")
    (folder / "page.pth").write_text("\n <!DOCTYPE html><html><body>404</body></html>")
    (folder / "pointer.pth").write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 102\n")
    (folder / "weights.pth").write_bytes(struct.pack("<Q", 2) + b"{}")
    (folder / "nothing.pth").write_bytes(b"")
    (folder / "words.pth").write_text("no weights")


if __name__ == "__main__":
    main()
