"""Ghost's augmentations: on whole batches with tensors, on single pictures with torchvision."""
import math

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image


def padded(pixels, size, padding, mode):
    """Images (N, C, H, W) in the middle of `size`, and `padding` more on every side."""
    missing = [max(size - side, 0) for side in pixels.shape[2:]]
    around = [(padding + m // 2, padding + m - m // 2) for m in missing]
    return np.pad(pixels, ((0, 0), (0, 0), *around), mode=mode)


def random_windows(pixels, chosen, size):
    """One window of each chosen image, every place of it as likely as another."""
    places = [pixels.shape[d] - size + 1 for d in (2, 3)]
    if places == [1, 1]:
        return pixels[chosen]
    top, left = (torch.randint(count, (len(chosen),)) for count in places)
    return pixels.unfold(2, size, 1).unfold(3, size, 1)[chosen, :, top, left]


def rectangles(height, width, top, left, bottom, right):
    """Where images have a rectangle: (N, 1, height, width)."""
    y, x = torch.arange(height).view(1, -1, 1), torch.arange(width).view(1, 1, -1)
    top, left, bottom, right = (side.view(-1, 1, 1) for side in (top, left, bottom, right))
    return ((y >= top) & (y < bottom) & (x >= left) & (x < right)).unsqueeze(1)


class Recipe:
    """What training does to images, of the options under data.augment."""

    def __init__(self, options):
        def option(key, default=0):
            return options.get("data.augment." + key, default)

        self.crop_padding, self.crop_mode = option("crop_padding"), option("crop_padding_mode", "zeros")
        self.resized_crop, self.scale = option("random_resized_crop", False), option("scale", [0.08, 1])
        self.flip = option("flip", "none")
        self.jitter = [option(kind) for kind in ("brightness", "contrast", "saturation")]
        self.rand_augment = [option("rand_augment." + key) for key in ("number", "magnitude", "spread")]
        self.trivial_augment = option("trivial_augment", False)
        self.cutout = option("cutout")
        self.erasing = [option("random_erasing." + key) for key in ("probability", "area", "aspect", "value")]
        self.mixup = option("mixup.alpha"), option("mixup.probability", 1)
        self.cutmix = option("cutmix.alpha"), option("cutmix.probability", 1)
        self.switching = option("cutmix.switch_probability", 0.5)

    @property
    def needs_pictures(self):
        """Whether there is a part that torchvision does picture by picture."""
        return self.resized_crop or any(self.jitter) or self.rand_augment[0] > 0 or self.trivial_augment

    def flips(self, count, starts, epoch):
        """Which images are flipped. `starts` are theirs for flip: alternate; `epoch` counts from 0."""
        if self.flip == "random":
            return torch.rand(count) < 0.5
        return starts == bool(epoch % 2) if self.flip == "alternate" else torch.zeros(count, dtype=torch.bool)

    def on_batch(self, images):
        """Changes normalised images."""
        count, _, height, width = images.shape
        if self.cutout > 0:
            top = torch.randint(height, (count,)) - self.cutout // 2
            left = torch.randint(width, (count,)) - self.cutout // 2
            hole = rectangles(height, width, top, left, top + self.cutout, left + self.cutout)
            images = images.masked_fill(hole, 0)
        return self.erase(images) if self.erasing[0] > 0 else images

    def erase(self, images):
        probability, area, aspect, value = self.erasing
        count, _, height, width = images.shape
        tries = (count, 10)
        erased = height * width * torch.empty(tries).uniform_(*area)
        ratio = torch.empty(tries).uniform_(math.log(aspect[0]), math.log(aspect[1])).exp()
        h, w = (erased * ratio).sqrt().round(), (erased / ratio).sqrt().round()
        fits = (h >= 1) & (w >= 1) & (h < height) & (w < width)
        first = fits.int().argmax(1, keepdim=True)
        h, w = (side.gather(1, first).squeeze(1) for side in (h, w))
        top, left = ((torch.rand(count) * (side - own + 1)).floor() for side, own in ((height, h), (width, w)))
        wanted = (torch.rand(count) < probability) & fits.any(1)
        hole = rectangles(height, width, top, left, top + h, left + w) & wanted.view(-1, 1, 1, 1)
        if value == "noise":
            return torch.where(hole, torch.randn_like(images), images)
        return torch.where(hole, images.mean((2, 3), keepdim=True), images) if value == "mean" else images.masked_fill(hole, 0)

    def mix(self, images, labels, classes):
        """Images and their targets: labels, or probabilities if mixup or cutmix is on."""
        on = [mixed for mixed in (self.mixup, self.cutmix) if mixed[0] > 0]
        if not on:
            return images, labels
        chosen = on[-1] if len(on) == 1 or torch.rand(()) < self.switching else on[0]
        own = 1.0
        if torch.rand(()) < chosen[1]:
            own = float(torch.distributions.Beta(chosen[0], chosen[0]).sample())
            images, own = self.cut(images, own) if chosen is self.cutmix else (torch.lerp(images.roll(-1, 0), images, own), own)
        target = F.one_hot(labels, classes).float()
        return images, own * target + (1 - own) * target.roll(-1, 0)

    @staticmethod
    def cut(images, own):
        height, width = images.shape[2:]
        spans = []
        for side in (height, width):
            middle, half = int(torch.randint(side, ())), int(math.sqrt(1 - own) / 2 * side)
            spans.append((max(middle - half, 0), min(middle + half, side)))
        (top, bottom), (left, right) = spans
        images = images.clone()
        images[:, :, top:bottom, left:right] = images.roll(-1, 0)[:, :, top:bottom, left:right]
        return images, 1 - (bottom - top) * (right - left) / (height * width)


class PerPicture:
    """From a PIL picture to bytes (H, W, C)."""

    def __init__(self, prepared, recipe):
        from torchvision import transforms
        self.size, self.recipe = prepared.size, recipe
        self.resize = transforms.Resize(prepared.resize)
        self.steps = []
        if recipe is None:
            return
        if recipe.resized_crop:
            self.resized_crop = transforms.RandomResizedCrop(prepared.size, tuple(recipe.scale))
        if any(recipe.jitter):
            self.steps.append(transforms.ColorJitter(*recipe.jitter))
        if recipe.rand_augment[0] > 0:
            # A magnitude of torchvision's is one of 31 steps.
            self.strengths = [transforms.RandAugment(1, step) for step in range(31)]
            self.steps.append(self.rand_augment)
        if recipe.trivial_augment:
            self.steps.append(transforms.TrivialAugmentWide())

    def rand_augment(self, picture):
        number, magnitude, spread = self.recipe.rand_augment
        for _ in range(number):
            drawn = magnitude + spread * float(torch.randn(()))
            picture = self.strengths[round(min(max(drawn, 0), 30))](picture)
        return picture

    def window(self, picture):
        """The resized picture's centre, or any part of it with what is around it."""
        picture = self.resize(picture)
        values = np.asarray(picture)
        values = values[:, :, None] if values.ndim == 2 else values
        padding = self.recipe.crop_padding if self.recipe else 0
        mode = "reflect" if padding and self.recipe.crop_mode == "reflect" else "constant"
        values = padded(values.transpose(2, 0, 1)[None], self.size, padding, mode)[0].transpose(1, 2, 0)
        places = [side - self.size for side in values.shape[:2]]
        top, left = (int(torch.randint(p + 1, ())) if padding else round(p / 2) for p in places)
        return values[top : top + self.size, left : left + self.size]

    def __call__(self, picture, flip):
        if self.recipe and self.recipe.resized_crop:
            picture = self.resized_crop(picture)
            if not flip and not self.steps:
                return self.values(picture)
        else:
            values = self.window(picture)
            if not flip and not self.steps:
                return np.ascontiguousarray(values)
            picture = Image.fromarray(np.ascontiguousarray(values[:, :, 0] if values.shape[2] == 1 else values))
        if flip:
            picture = picture.transpose(Image.FLIP_LEFT_RIGHT)
        for step in self.steps:
            picture = step(picture)
        return self.values(picture)

    @staticmethod
    def values(picture):
        values = np.array(picture)
        return values[:, :, None] if values.ndim == 2 else values


def per_picture(prepared, recipe):
    return PerPicture(prepared, recipe)
