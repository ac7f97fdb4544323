"""Compares the files of ghost-convert --to onnx in ONNX Runtime with the answers of ghost-predict.

runtime.py FOLDER SIZE NAME...   NAME.onnx, NAME_pixels.onnx and NAME.json (ghost-predict --json --logits) of SIZE×SIZE
                                 pictures, whose pixels are in 0.raw, 1.raw, ...
"""
import json
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime

folder, size, names = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]
TOLERANCE = 1e-4  # of the largest logit


def session(name):
    file = str(folder / name)
    onnx.checker.check_model(file, full_check=True)
    return onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])


def answers(name):
    """Logits of ghost-predict, one row a picture."""
    return np.array([row["logits"] for row in json.loads((folder / name).read_text())])


worst = 0.0
for name in names:
    expected = answers(f"{name}.json")
    pixels = np.stack([np.fromfile(folder / f"{i}.raw", np.uint8).reshape(size, size, 3) for i in range(len(expected))])
    plain = session(f"{name}.onnx")
    about = json.loads(plain.get_modelmeta().custom_metadata_map["preprocessing"])
    mean, std = np.array(about["mean"], np.float32), np.array(about["std"], np.float32)
    images = ((pixels.astype(np.float32) / 255 - mean) / std).transpose(0, 3, 1, 2)
    whole = session(f"{name}_pixels.onnx")
    for which, came in (("normalised images", plain.run(["logits"], {
  "images" : images})[0]),
                        ("pixels", whole.run(["logits"], {
  "images" : pixels})[0]),
                        ("one image", np.concatenate([plain.run(None, {"images": images[i:i + 1]})[0]
                                                      for i in range(len(images))]))):
        difference = float(np.abs(came - expected).max() / np.abs(expected).max())
        worst = max(worst, difference)
        print(f"{name}, {which}: {difference:.1e}")
        if not difference <= TOLERANCE:
            sys.exit(f"{name}: {which} give other logits in ONNX Runtime: {difference:.1e} of the largest")
print(f"{len(names)} networks, {worst:.1e} at most")
