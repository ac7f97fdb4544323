#!/usr/bin/env python3
"""Prints what TensorBoard's own package reads in a folder: {"tag": [[step, value], …]}. Exit status 77 without it."""
import json
import sys

try:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    from tensorboard.util import tensor_util
except ImportError as error:
    print(error)
    sys.exit(77)

events = EventAccumulator(sys.argv[1], size_guidance={"tensors": 0, "scalars": 0})
events.Reload()
curves = {tag: [[e.step, float(tensor_util.make_ndarray(e.tensor_proto))] for e in events.Tensors(tag)]
          for tag in events.Tags()["tensors"]}
curves |= {tag: [[e.step, e.value] for e in events.Scalars(tag)] for tag in events.Tags()["scalars"]}
print(json.dumps(curves))
