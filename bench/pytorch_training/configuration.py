"""A configuration of Ghost as its programs understand it, and which of its options are translated to PyTorch."""
import json
import os
import subprocess


class Failure(Exception):
    """A sentence for the user."""


# Options that say how and where a run works, not what it computes.
WITHOUT_EFFECT = {
    "data.prefetch", "data.max_unreadable", "data.workers", "data.test_share", "train.log_every", "train.fusion",
    "train.numerics", "train.checkpoint_every", "train.checkpoint_minutes", "train.keep",
    "run.dir", "run.tensorboard", "model.pretrained_strict", "model.pretrained_prefix",
}
# Options that are not translated, with the value at which they do nothing.
ONLY = {
    "model.pretrained": "", "model.drop_path": 0, "data.validation_share": 0, "data.augment.lighting": 0,
    "train.freeze": [], "train.patience": 0,
}
# Options that are translated. Those of a section or of a network are checked where they are read.
TRANSLATED = {
    "model.name", "model.num_classes", "model.in_channels", "model.width", "model.dropout", "model.variant",
    "model.cheap_op", "model.activation", "model.stem_stride", "model.depth", "model.layout", "model.shortcut",
    "model.init", "model.groups", "model.channels", "model.conv.name", "model.conv.ratio", "model.conv.cheap_op",
    "model.conv.cheap_kernel", "model.conv.keep_first", "model.conv.groups",
    "data.name", "data.root", "data.image_size", "data.resize", "data.channels", "data.mean", "data.std",
    "data.limit_train", "data.limit_test",
    "data.augment.crop_padding", "data.augment.crop_padding_mode", "data.augment.random_resized_crop",
    "data.augment.scale", "data.augment.flip", "data.augment.brightness", "data.augment.contrast",
    "data.augment.saturation", "data.augment.trivial_augment", "data.augment.cutout",
    "data.augment.rand_augment.number", "data.augment.rand_augment.magnitude", "data.augment.rand_augment.spread",
    "data.augment.random_erasing.probability", "data.augment.random_erasing.area",
    "data.augment.random_erasing.aspect", "data.augment.random_erasing.value",
    "data.augment.mixup.alpha", "data.augment.mixup.probability", "data.augment.cutmix.alpha",
    "data.augment.cutmix.probability", "data.augment.cutmix.switch_probability",
    "optimizer.name", "optimizer.lr", "optimizer.momentum", "optimizer.dampening", "optimizer.nesterov",
    "optimizer.betas", "optimizer.eps", "optimizer.amsgrad", "optimizer.alpha", "optimizer.centered",
    "optimizer.weight_decay", "optimizer.decay_norm_and_bias", "optimizer.groups",
    "schedule.name", "schedule.per", "schedule.epochs", "schedule.warmup", "schedule.warmup_factor",
    "schedule.step_size", "schedule.milestones", "schedule.gamma", "schedule.power", "schedule.start_factor",
    "schedule.end_factor", "schedule.min_lr", "schedule.period", "schedule.period_factor", "schedule.max_lr",
    "schedule.pct_start", "schedule.three_phase", "schedule.div_factor", "schedule.final_div_factor",
    "schedule.anneal", "schedule.cycle_momentum", "schedule.base_momentum", "schedule.max_momentum",
    "train.epochs", "train.batch_size", "train.accumulate", "train.label_smoothing", "train.clip_grad_norm",
    "train.eval_every", "train.eval_batch_size", "train.ema.decay", "train.ema.warmup", "train.ema.every",
    "train.lookahead.steps", "train.lookahead.alpha", "train.lookahead.ramp", "train.best", "run.seed", "run.threads",
}


def run(command):
    try:
        done = subprocess.run(command, capture_output=True, text=True)
    except OSError as error:
        raise Failure(f"{command[0]}: cannot be run: {error.strerror}; build it, or say with --program where it lies")
    if done.returncode != 0:
        lines = done.stderr.strip().splitlines()
        name = os.path.basename(command[0])
        raise Failure(lines[0].removeprefix(f"{name}: ") if lines else f"{name} failed and printed nothing")
    return done.stdout


def numbers(value):
    """YAML 1.1 takes 5e-4 for a text."""
    if isinstance(value, list):
        return [numbers(one) for one in value]
    if isinstance(value, dict):
        return {key: one if key == "match" else numbers(one) for key, one in value.items()}
    if isinstance(value, str):
        try:
            return float(value)
        except ValueError:
            return value
    return value


def flat(section, path=""):
    for key, value in section.items():
        if isinstance(value, dict):
            yield from flat(value, f"{path}{key}.")
        else:
            yield path + key, value if path + key == "data.root" else numbers(value)


class Options:
    """The complete configuration by key: options["data.augment.flip"]."""

    def __init__(self, values):
        self.values = values

    def __getitem__(self, key):
        return self.values[key]

    def get(self, key, default):
        """For options that not every network, optimizer or version of Ghost has."""
        return self.values.get(key, default)

    def require(self, key, allowed, reason="is not translated"):
        """Refuses other values than these, as one that is there in Ghost only."""
        value = self.values.get(key)
        if value is not None and value not in allowed:
            raise Failure(f"{key}: {value!r} {reason}; possible here: {', '.join(map(repr, allowed))}")

    def check(self):
        """Refuses what would be ignored."""
        for key, value in self.values.items():
            if key in WITHOUT_EFFECT or key in TRANSLATED:
                continue
            if key not in ONLY:
                raise Failure(f"{key}: is not translated to PyTorch")
            if value != ONLY[key]:
                raise Failure(f"{key}: {value!r} is not translated to PyTorch; possible here: {ONLY[key]!r}")
        if isinstance(self["data.image_size"], list):
            raise Failure("data.image_size: a list of sizes is not translated to PyTorch; possible here: one size")


def read(program, config, sets):
    """Options of a configuration file, completed and checked by ghost-train."""
    try:
        import yaml
    except ImportError:
        raise Failure("this Python has no PyYAML; install it: pip install pyyaml")
    given = [word for one in sets for word in ("--set", one)]
    text = run([program, "--config", config, *given, "--print-config"])
    return Options(dict(flat(yaml.safe_load(text))))


def parameters(program, config, sets):
    """How many parameters Ghost's network has."""
    given = [word for one in sets for word in ("--set", one)]
    return json.loads(run([os.path.join(os.path.dirname(program), "ghost-info"), "--config", config, *given,
                           "--json"]))["parameters"]
