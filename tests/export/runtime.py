"""Compares the files of ghost-convert --to onnx in ONNX Runtime with the answers of ghost-predict.

runtime.py FOLDER SIZE [--pixels-only=TOLERANCE] NAME...
                                 NAME.onnx, NAME_pixels.onnx and NAME.json (ghost-predict --json --logits) of SIZE×SIZE
                                 pictures, whose pixels are in 0.raw, 1.raw, ...
                                 --pixels-only: NAME_pixels.onnx and NAME.json alone
"""
import json
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime

folder, size, names = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]
TOLERANCE = 1e-4  # of the largest logit
PIXELS_ONLY = names[0].startswith("--pixels-only=")
if PIXELS_ONLY:
    TOLERANCE = float(names.pop(0).split("=")[1])


def session(name):
    file = str(folder / name)
    onnx.checker.check_model(file, full_check=True)
    return onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])


def answers(name):
    """Logits of ghost-predict, one row a picture."""
    return np.array([row["logits"] for row in json.loads((folder / name).read_text())])


def rows_of(network, images):
    """What the network answers to all at once, and to one after the other."""
    one_by_one = [network.run(None, {"images": images[i:i + 1]})[0] for i in range(len(images))]
    return {"": network.run(["logits"], {"images": images})[0], " one by one": np.concatenate(one_by_one)}


worst = 0.0
for name in names:
    expected = answers(f"{name}.json")
    raw = [np.fromfile(folder / f"{i}.raw", np.uint8).reshape(size, size, -1) for i in range(len(expected))]
    pixels = np.stack(raw)
    came = {"pixels" + how: rows for how, rows in rows_of(session(f"{name}_pixels.onnx"), pixels).items()}
    if not PIXELS_ONLY:
        plain = session(f"{name}.onnx")
        about = json.loads(plain.get_modelmeta().custom_metadata_map["preprocessing"])
        mean, std = np.array(about["mean"], np.float32), np.array(about["std"], np.float32)
        images = ((pixels.astype(np.float32) / 255 - mean) / std).transpose(0, 3, 1, 2)
        came.update({"images" + how: rows for how, rows in rows_of(plain, images).items()})
    for what, rows in came.items():
        difference = float(np.abs(rows - expected).max() / np.abs(expected).max())
        worst = max(worst, difference)
        print(f"{name}, {what}: {difference:.1e}")
        if not difference <= TOLERANCE:
            sys.exit(f"{name}: {what} have other logits in ONNX Runtime: {difference:.1e} of the largest")
print(f"{len(names)} networks, {worst:.1e} at most")
