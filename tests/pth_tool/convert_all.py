"""Runs the tool on the files that make_files.py made, in one process, and prints as JSON what it answered to each.

    convert_all.py TOOL FOLDER

The key is the arguments: {"checkpoint.pth --key state_dict_ema": {"status": 0, "output": "…"}, …}. The result of
x.pth is x.safetensors, with a key x.KEY.safetensors. Files that are cut off are made here, as "cut 50 plain.pth".
"""
import contextlib
import importlib.machinery
import importlib.util
import io
import json
import os
import sys


def load(path):
    loader = importlib.machinery.SourceFileLoader("pth_to_safetensors", path)
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(loader.name, loader))
    loader.exec_module(module)
    return module


def answer(tool, arguments):
    said, status = io.StringIO(), 0
    sys.argv = ["pth-to-safetensors"] + arguments
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        try:
            tool.main()
        except SystemExit as e:  # with a sentence, as Python itself ends: the sentence to stderr, and status 1
            status = e.code if isinstance(e.code, int) else 1
            print("" if isinstance(e.code, int) else e.code)
    return {"status": status, "output": said.getvalue()}


def main():
    tool = load(sys.argv[1])
    os.chdir(sys.argv[2])
    rows = [[name] for name in sorted(os.listdir())] + [["nowhere.pth"], ["checkpoint.pth", "none", "--key", "ema"]]
    rows += [["checkpoint.pth", "checkpoint.state_dict_ema.safetensors", "--key", "state_dict_ema"]]
    answers = {" ".join(row): answer(tool, row) for row in rows}
    for name in ("plain.pth", "legacy.pth"):
        with open(name, "rb") as file:
            whole = file.read()
        for part in range(0, 100, 3):
            cut = f"cut {part} {name}"
            with open(cut, "wb") as file:
                file.write(whole[:len(whole) * part // 100])
            answers[cut] = answer(tool, [cut])
    print(json.dumps(answers))


if __name__ == "__main__":
    main()
