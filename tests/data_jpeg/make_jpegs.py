#!/usr/bin/env python3
"""Small JPEG files of every kind that is read, each with the pixels that Pillow sees in it, as a PNG of the same name.
Needs Debian's python3-pil and python3-numpy. data_jpeg_test
reads them."""
import io
import pathlib

import numpy as np
from PIL import Image

FOLDER = pathlib.Path(__file__).parent
WIDTH, HEIGHT = 37, 21  # no multiple of a block: edges count


def picture(mode):
    channels = len(mode)
    rows, columns, channel = np.mgrid[0:HEIGHT, 0:WIDTH, 0:channels].astype(np.float64)
    waves = np.sin(rows / (2 + channel)) * 70 + np.cos(columns / (3 + channel) + rows / 7) * 70
    edges = np.where((rows + 2 * columns + 9 * channel) % 31 < 6, 90, 0)
    pixels = np.clip(120 + waves + edges, 0, 255).astype(np.uint8)
    return Image.fromarray(pixels if channels > 1 else pixels[:, :, 0], mode)


def jpeg(mode="RGB", **options):
    out = io.BytesIO()
    picture(mode).save(out, "JPEG", **options)
    return out.getvalue()


def without_jfif(data):
    at = data.index(b"\xff\xe0")
    return data[:at] + data[at + 2 + int.from_bytes(data[at + 2:at + 4], "big"):]


def with_component_names(data, names):
    """The frame header and the scan header call the components by these letters."""
    data = bytearray(data)
    for marker, first, step in ((b"\xff\xc0", 10, 3), (b"\xff\xda", 5, 2)):
        at = data.index(marker)
        for i, name in enumerate(names):
            data[at + first + step * i] = ord(name)
    return bytes(data)


def with_adobe_transform(data, transform):
    at = data.index(b"Adobe")
    return data[:at + 11] + bytes([transform]) + data[at + 12:]


FILES = {
    "grey": jpeg("L", quality=80),
    "chroma_444": jpeg(quality=90, subsampling=0),
    "chroma_422": jpeg(quality=75, subsampling=1),
    "chroma_420": jpeg(quality=75, subsampling=2),
    "progressive": jpeg(quality=60, subsampling=2, progressive=True),
    "coarse": jpeg(quality=8),
    "progressive_coarse": jpeg(quality=5, progressive=True),
    "cmyk": jpeg("CMYK", quality=85),
    "ycck": with_adobe_transform(jpeg("CMYK", quality=85), 2),
    "letters_and_jfif": with_component_names(jpeg(quality=90, subsampling=0), "RGB"),
    "letters_alone": without_jfif(with_component_names(jpeg(quality=90, subsampling=0), "RGB")),
}

for name, data in FILES.items():
    (FOLDER / f"{name}.jpg").write_bytes(data)
    seen = Image.open(io.BytesIO(data))
    seen.convert("L" if seen.mode == "L" else "RGB").save(FOLDER / f"{name}.png", optimize=True)
