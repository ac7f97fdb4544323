"""Ghost's data sets: the same files, the same parts, the same preparation.

A part gives batches (images f32 normalised, labels) from `batches(epoch)`. Sets whose images all have the size that the
network sees, or are padded to it, stay in memory and are prepared a batch at a time; all others are prepared image by
image with torchvision in workers of a DataLoader.
"""
import dataclasses
import gzip
import os

import numpy as np
import torch
from PIL import Image

from . import augment
from .configuration import Failure

USUAL = {  # mean, deviation
    "fashion_mnist": ([0.2860], [0.3530]),
    "idx": ([0.1307], [0.3081]),
    "cifar10": ([0.4914, 0.4822, 0.4465], [0.2470, 0.2435, 0.2616]),
    "cifar100": ([0.5071, 0.4865, 0.4409], [0.2673, 0.2564, 0.2762]),
    "image_folder": ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]),
}
PARTS = {"train": "train", "training": "train", "val": "val", "valid": "val", "validation": "val", "validate": "val",
         "dev": "val", "eval": "val", "test": "test", "testing": "test"}
SUFFIXES = (".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".bmp", ".dib")


class Pictures:
    """Of one part: bytes (N, C, H, W) in memory, or files."""

    def __init__(self, labels, pixels=None, files=None):
        self.labels, self.pixels, self.files = torch.as_tensor(labels, dtype=torch.int64), pixels, files

    def __len__(self):
        return len(self.labels)

    def picture(self, index):
        if self.files is not None:
            return Image.open(self.files[index])
        pixels = self.pixels[index]
        return Image.fromarray(pixels[0] if len(pixels) == 1 else np.ascontiguousarray(pixels.transpose(1, 2, 0)))

    def limited(self, limit, seed):
        """Of every class as many, like Ghost, but not the same pictures."""
        if limit == 0 or limit >= len(self):
            return self
        order = np.random.default_rng(seed).permutation(len(self))
        labels = self.labels.numpy()[order]
        within = np.zeros(len(self), np.int64)
        for c in np.unique(labels):
            within[labels == c] = np.arange((labels == c).sum())
        chosen = np.sort(order[np.argsort(within, kind="stable")[:limit]])
        return Pictures(self.labels[chosen], None if self.pixels is None else self.pixels[chosen],
                        None if self.files is None else [self.files[i] for i in chosen])


def idx_values(file):
    with (gzip.open if file.endswith(".gz") else open)(file, "rb") as stream:
        data = stream.read()
    if data[:3] != b"\0\0\x08":
        raise Failure(f"{file}: not an IDX file of bytes")
    shape = [int.from_bytes(data[4 + 4 * d : 8 + 4 * d], "big") for d in range(data[3])]
    return np.frombuffer(data, np.uint8, offset=4 + 4 * len(shape)).reshape(shape)


def read_idx(root):
    parts = {}
    names = sorted(name for name in os.listdir(root) if not name.startswith("."))
    for part, marks in (("train", ["train"]), ("val", ["val"]), ("test", ["t10k", "test"])):
        pair = [[n for n in names if kind in n and any(m in n for m in marks)] for kind in ("images", "labels")]
        if pair[0] and pair[1]:
            pixels, labels = (idx_values(os.path.join(root, found[0])) for found in pair)
            pixels = pixels[:, None] if pixels.ndim == 3 else pixels.transpose(0, 3, 1, 2)
            parts[part] = Pictures(labels.astype(np.int64), pixels)
    return parts


def read_cifar(root, fine):
    train, test, below = ((["train.bin"], "test.bin", "cifar-100-binary") if fine else
                          ([f"data_batch_{i}.bin" for i in range(1, 6)], "test_batch.bin", "cifar-10-batches-bin"))
    folder = next((f for f in (root, os.path.join(root, below)) if os.path.isfile(os.path.join(f, test))), None)
    if folder is None:
        raise Failure(f"data.root: neither {root} nor {below} in it holds {test}")
    bytes_of_label = 2 if fine else 1

    def part(names):
        rows = np.concatenate([np.fromfile(os.path.join(folder, n), np.uint8).reshape(-1, bytes_of_label + 3072)
                               for n in names])
        return Pictures(rows[:, bytes_of_label - 1].astype(np.int64), rows[:, bytes_of_label:].reshape(-1, 3, 32, 32))

    return {"train": part(train), "test": part([test])}


def is_junk(name):
    """What file managers leave behind."""
    return name.startswith((".", "@")) or name.lower() == "__macosx"


def pictures_below(folder):
    found = []
    for path, folders, names in os.walk(folder, followlinks=True):
        folders[:] = [name for name in folders if not is_junk(name)]
        found += [os.path.join(path, name) for name in names
                  if name.lower().endswith(SUFFIXES) and not is_junk(name)]
    return sorted(found)


def read_folder(root):
    parts, classes = {}, None
    for name in sorted(os.listdir(root)):
        part = PARTS.get(name.lower())
        folder = os.path.join(root, name)
        if part is None or not os.path.isdir(folder):
            continue
        if part in parts:
            raise Failure(f"data.root: {root} holds two folders that could be the {part} pictures")
        pictures = {c: pictures_below(os.path.join(folder, c)) for c in os.listdir(folder)
                    if os.path.isdir(os.path.join(folder, c)) and not is_junk(c)}
        found = sorted((c for c, files in pictures.items() if files), key=os.fsencode)
        if classes is not None and found != classes:
            raise Failure(f"data.root: the parts of {root} have different classes")
        classes = found
        parts[part] = Pictures([label for label, c in enumerate(classes) for _ in pictures[c]],
                               files=[file for c in classes for file in pictures[c]])
    if "train" not in parts:
        raise Failure(f"data.root: {root} holds no train/; a folder of classes alone, which Ghost would split, is not "
                      "translated to PyTorch")
    return parts


def read(options):
    name, root = options["data.name"], os.path.expanduser(options["data.root"])
    if name not in USUAL:
        raise Failure(f"data.name: {name!r} is not translated to PyTorch; possible here: {', '.join(USUAL)}")
    if name == "fashion_mnist":
        root = root or "/usr/share/datasets/fashion-mnist"
    if not os.path.isdir(root):
        raise Failure(f"data.root: there is no folder {root or '(it is empty)'}")
    parts = (read_folder(root) if name == "image_folder" else
             read_cifar(root, name == "cifar100") if name.startswith("cifar") else read_idx(root))
    if "train" not in parts or not {"val", "test"} & set(parts):
        raise Failure(f"data.root: {root} holds {', '.join(parts) or 'nothing'}, but not both of a training part and a "
                      "validation or test part")
    return parts


@dataclasses.dataclass
class Preparation:
    """How pictures become the network's input, as Ghost's Preprocessing."""
    size: int
    resize: int
    channels: int
    mean: list
    std: list

    def normalise(self, images):
        """Bytes (N, C, H, W) to values."""
        shape = (1, -1, 1, 1)
        mean, std = torch.tensor(self.mean).view(shape), torch.tensor(self.std).view(shape)
        return (images.float() / 255 - mean) / std


def preparation(options, pictures):
    name = options["data.name"]
    own = 3 if pictures.pixels is None else pictures.pixels.shape[1]
    channels = options["data.channels"] or own
    if channels != own and pictures.pixels is not None:
        raise Failure(f"data.channels: {channels} is not translated for images in memory; they have {own}")
    if pictures.pixels is None:
        size = options["data.image_size"] or 224
        resize = options["data.resize"] or (size if all_stored_at(pictures, size) else int(size * 256 / 224 + 0.5))
    else:
        stored = pictures.pixels.shape[2:]
        size = options["data.image_size"] or (32 if name == "fashion_mnist" else max(stored))
        pads = not name.startswith("cifar") and max(stored) <= size < 2 * min(stored)
        resize = options["data.resize"] or (min(stored) if pads else size)
    mean, std = (options["data." + key] or usual for key, usual in zip(("mean", "std"), USUAL[name]))
    if len(mean) != channels:
        raise Failure(f"data.mean: has {len(mean)} values, but images have {channels} channels; give them")
    return Preparation(size, resize, channels, mean, std)


def all_stored_at(pictures, size):
    for i in range(len(pictures)):
        with pictures.picture(i) as one:
            if one.size != (size, size):
                return False
    return True


def batch_indices(count, batch_size, generator=None):
    order = torch.randperm(count, generator=generator) if generator is not None else torch.arange(count)
    return order.split(batch_size)


class InMemory:
    """Prepared a batch at a time, in the thread that trains."""

    def __init__(self, pictures, prepared, batch_size, recipe=None, seed=0):
        self.labels, self.prepared, self.recipe, self.batch_size = pictures.labels, prepared, recipe, batch_size
        self.generator = torch.Generator().manual_seed(seed)
        padding = recipe.crop_padding if recipe else 0
        mode = "reflect" if recipe and recipe.crop_mode == "reflect" else "constant"
        self.pixels = torch.from_numpy(augment.padded(pictures.pixels, prepared.size, padding, mode))
        self.starts = torch.rand(len(self.labels), generator=self.generator) < 0.5  # of flip: alternate

    def __len__(self):
        return -(-len(self.labels) // self.batch_size)

    def batches(self, epoch):
        for chosen in batch_indices(len(self.labels), self.batch_size, self.generator if self.recipe else None):
            if self.recipe is None:
                yield self.prepared.normalise(self.pixels[chosen]), self.labels[chosen]
                continue
            images = augment.random_windows(self.pixels, chosen, self.prepared.size)
            flips = self.recipe.flips(len(chosen), self.starts[chosen], epoch)
            images = torch.where(flips.view(-1, 1, 1, 1), images.flip(3), images)
            yield self.recipe.on_batch(self.prepared.normalise(images)), self.labels[chosen]


class FromWorkers:
    """Prepared image by image with torchvision in other processes; what works on whole batches is done there too."""

    def __init__(self, pictures, prepared, batch_size, workers, recipe=None, seed=0):
        self.pictures, self.prepared, self.recipe, self.batch_size = pictures, prepared, recipe, batch_size
        self.generator = torch.Generator().manual_seed(seed)
        self.starts = torch.rand(len(pictures), generator=self.generator) < 0.5
        self.change = augment.per_picture(prepared, recipe)
        self.order = []
        self.loader = torch.utils.data.DataLoader(
            self, batch_sampler=self.order, num_workers=workers, collate_fn=self.collate,
            persistent_workers=workers > 0, generator=self.generator)

    def __len__(self):
        return -(-len(self.pictures) // self.batch_size)

    def __getitem__(self, key):
        index, epoch = key
        with self.pictures.picture(index) as stored:
            picture = stored.convert("L" if self.prepared.channels == 1 else "RGB")
        flip = self.recipe is not None and bool(self.recipe.flips(1, self.starts[index : index + 1], epoch))
        return self.change(picture, flip), self.pictures.labels[index]

    def collate(self, samples):
        images, labels = zip(*samples)
        images = self.prepared.normalise(torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2))
        return self.recipe.on_batch(images) if self.recipe else images, torch.stack(labels)

    def batches(self, epoch):
        indices = batch_indices(len(self.pictures), self.batch_size, self.generator if self.recipe else None)
        self.order[:] = [[(int(i), epoch) for i in chosen] for chosen in indices]
        yield from self.loader


def part(options, pictures, prepared, batch_size, workers, recipe=None, seed=0):
    stored = None if pictures.pixels is None else pictures.pixels.shape[2:]
    fits = stored is not None and prepared.resize == min(stored) == max(stored) and prepared.resize <= prepared.size
    if fits and (recipe is None or not recipe.needs_pictures):
        return InMemory(pictures, prepared, batch_size, recipe, seed)
    return FromWorkers(pictures, prepared, batch_size, workers, recipe, seed)
