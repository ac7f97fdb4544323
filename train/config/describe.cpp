#include "train/config/describe.h"

#include <algorithm>

#include "core/error.h"
#include "core/nearest.h"
#include "nn/layers/cheap_op.h"
#include "train/optim/optimizer.h"
#include "train/optim/schedule.h"

namespace ghost {
namespace {

constexpr double kMany = 1e9;  // no count of anything here comes near

FieldRule at_least(double least, double most = kMany) { return {.limits = {.least = least, .most = most}}; }
FieldRule above(double least) { return {.limits = {.least = least, .above = true}}; }
FieldRule share() { return {.limits = {.least = 0, .most = 1}}; }
FieldRule below_one() { return {.limits = {.least = 0, .most = 1, .below = true}}; }
FieldRule any_number() { return {}; }
FieldRule one_of(std::vector<std::string> choices) { return {.choices = std::move(choices)}; }

FieldRule of_data(FieldRule rule) {
  rule.of_data = true;
  return rule;
}
// Lines of a table of models, data sets, … as alternatives.
template <class Table>
std::vector<Alternative> alternatives(const Table& table) {
  std::vector<Alternative> all;
  all.reserve(table.size());
  for (const auto& entry : table) all.push_back({entry.name, entry.options});
  return all;
}

FieldRule name_in(const std::vector<Alternative>& all) {
  std::vector<std::string> names;
  names.reserve(all.size());
  for (const Alternative& one : all) names.push_back(one.name);
  return one_of(std::move(names));
}

bool covers(const std::string& option, const std::string& path) {
  return path == option || path.starts_with(option + ".");
}

// A registered model may name only options that there are.
void check_model_options(const Description& description) {
  std::vector<std::string> known;
  for (const Field& field : description.fields())
    if (field.path.starts_with("model.")) known.push_back(field.path.substr(6));
  for (const ModelEntry& entry : model_table())
    for (const std::string& option : entry.options)
      if (std::none_of(known.begin(), known.end(), [&](const std::string& path) { return covers(option, path); }))
        fail_usage("the model '{}' names the option '{}', but there is no model.{}{}", entry.name, option, option,
                   did_you_mean(option, known));
}

}  // namespace

void describe(ConvChoice& c, Description& d) {
  d.field("name", &c.name, "which convolution every layer uses", name_in(alternatives(conv_choice_table())));
  d.field("ratio", &c.ratio, "output channels per channel of the primary convolution", at_least(1, 1e4));
  d.field("cheap_op", &c.cheap_op, "", one_of(cheap_op_names()));
  d.field("cheap_kernel", &c.cheap_kernel, "side of the cheap operation's kernel, odd", at_least(1, 99));
  d.field("groups", &c.groups, "groups of every convolution", at_least(1));
  d.field("keep_first", &c.keep_first, "the first convolution stays standard");
}

void describe(ModelConfig& c, Description& d) {
  d.field("name", &c.name, "", name_in(alternatives(model_table())));
  d.field("num_classes", &c.num_classes, "auto: as many as the data set has", at_least(1, 1e6));
  d.field("in_channels", &c.in_channels, "auto: those of the images", at_least(1, 1e3));
  d.field("width", &c.width, "multiplies all channel counts", {.limits = {.least = 0, .most = 100, .above = true}});
  d.field("dropout", &c.dropout, "share of features dropped before the classifier", below_one());
  d.field("variant", &c.variant, "official | tensorflow | d_li14", one_of({"official", "tensorflow", "d_li14"}));
  d.field("cheap_op", &c.cheap_op, "", one_of(cheap_op_names()));
  d.field("stem_stride", &c.stem_stride, "2 for ImageNet, 1 for images of 32 pixels", at_least(1, 2));
  d.field("groups", &c.groups, "groups of the 3x3 convolutions", at_least(1));
  d.field("depth", &c.depth, "layers as the name counts them; 0: vgg 16, resnet 56, resnext 29", at_least(0, 1e3));
  d.field("layout", &c.layout, "cifar | imagenet: head and bias", one_of({"cifar", "imagenet"}));
  d.field("shortcut", &c.shortcut, "auto | A (zeros) | B (1x1 convolution)", one_of({"auto", "A", "B"}));
  d.field("cardinality", &c.cardinality, "groups of the 3x3 convolutions", at_least(1));
  d.field("base_width", &c.base_width, "channels of each group in the first stage", at_least(1, 1e4));
  d.section("conv", "", c.conv, alternatives(conv_choice_table()));
  FieldRule channels = at_least(1, 1e6);
  channels.empty_list = false;
  d.field("channels", &c.channels, "of each stage", channels);
  d.field("init", &c.init, "pytorch | kaiming_normal_fan_out", one_of({"pytorch", "kaiming_normal_fan_out"}));
}

void describe(DataConfig& c, Description& d) {
  d.field("name", &c.name, "", name_in(alternatives(dataset_table())));
  d.field("root", &c.root, "folder; empty: the data set's usual place", of_data({}));
  d.field("image_size", &c.image_size, "side of the network's input; 0: the data set's own",
          of_data(at_least(0, 4096)));
  d.field("resize", &c.resize, "evaluation: shorter side before the centre crop; 0: the usual one",
          of_data(at_least(0, 8192)));
  d.field("channels", &c.channels, "1: grey, 3: RGB, 0: the data set's own", of_data(one_of({"0", "1", "3"})));
  d.field("mean", &c.mean, "of values in 0..1, per channel; []: the data set's usual", of_data(any_number()));
  d.field("std", &c.std, "", of_data(above(0)));
  d.field("workers", &c.workers, "threads that load and transform", at_least(1, 1024));
  d.field("prefetch", &c.prefetch, "batches ready ahead of the step", at_least(1, 1024));
  d.field("max_unreadable", &c.max_unreadable, "share of images that may fail to decode", share());
  d.field("test_share", &c.test_share, "split off for testing where there is no val/ or test/",
          {.limits = {.least = 0, .most = 1, .above = true, .below = true}});
  d.field("limit_train", &c.limit_train, "images, a seeded choice; 0: all", at_least(0, 1e12));
  d.field("limit_test", &c.limit_test, "", at_least(0, 1e12));
  d.section("augment", "training images only", c.augment);
}

void describe(OptimizerConfig& c, Description& d) {
  d.field("name", &c.name, "", name_in(alternatives(optimizer_table())));
  d.field("lr", &c.lr, "learning rate; the schedule multiplies it", above(0));
  d.field("momentum", &c.momentum, "", below_one());
  d.field("dampening", &c.dampening, "", share());
  d.field("nesterov", &c.nesterov, "");
  d.field("betas", &c.betas, "decay of the gradient's mean and of its square's", below_one());
  d.field("eps", &c.eps, "", at_least(0, 1e3));
  d.field("amsgrad", &c.amsgrad, "");
  d.field("alpha", &c.alpha, "decay of the mean of squared gradients", below_one());
  d.field("centered", &c.centered, "divide by the deviation instead of the root mean square");
  d.field("weight_decay", &c.weight_decay, "", at_least(0, 1e3));
  d.field("decay_norm_and_bias", &c.decay_norm_and_bias, "false: no weight decay on batch norm and biases");
}

void describe(ScheduleConfig& c, Description& d) {
  d.field("name", &c.name, "", name_in(alternatives(schedule_table())));
  d.field("per", &c.per, "the rate moves with every step | epoch", one_of({"step", "epoch"}));
  d.field("warmup", &c.warmup, "epochs of linear warm-up", at_least(0));
  d.field("warmup_factor", &c.warmup_factor, "it starts at warmup_factor * lr", share());
  d.field("step_size", &c.step_size, "epochs", above(0));
  d.field("milestones", &c.milestones, "epochs, ascending", above(0));
  d.field("gamma", &c.gamma, "", above(0));
  d.field("power", &c.power, "", above(0));
  d.field("start_factor", &c.start_factor, "from start_factor * lr", at_least(0));
  d.field("end_factor", &c.end_factor, "to end_factor * lr", at_least(0));
  d.field("min_lr", &c.min_lr, "the lowest rate", at_least(0));
  d.field("period", &c.period, "epochs to the first restart", above(0));
  d.field("period_factor", &c.period_factor, "each period is this much longer than the one before", at_least(1));
  d.field("max_lr", &c.max_lr, "the highest rate; 0: optimizer.lr", at_least(0));
  d.field("pct_start", &c.pct_start, "share of the steps in which the rate rises", share());
  d.field("three_phase", &c.three_phase, "back to the start first, then far down");
  d.field("div_factor", &c.div_factor, "it starts at max_lr / div_factor", above(0));
  d.field("final_div_factor", &c.final_div_factor, "and ends at that / final_div_factor", above(0));
  d.field("anneal", &c.anneal, "cos | linear", one_of({"cos", "linear"}));
  d.field("cycle_momentum", &c.cycle_momentum, "momentum moves against the rate");
  d.field("base_momentum", &c.base_momentum, "momentum at the highest rate", below_one());
  d.field("max_momentum", &c.max_momentum, "momentum at start and end", below_one());
}

void describe(TrainConfig& c, Description& d) {
  d.field("epochs", &c.epochs, "", at_least(1, 1e6));
  d.field("batch_size", &c.batch_size, "images per step", at_least(1, 1e6));
  d.field("accumulate", &c.accumulate, "parts that a step's batch is cut into, to save memory", at_least(1, 1e6));
  d.field("label_smoothing", &c.label_smoothing, "", below_one());
  d.field("clip_grad_norm", &c.clip_grad_norm, "largest norm of all gradients; 0: no limit", at_least(0));
  d.field("eval_every", &c.eval_every, "epochs", at_least(1));
  d.field("eval_batch_size", &c.eval_batch_size, "", at_least(1, 1e6));
  d.field("log_every", &c.log_every, "steps between lines in metrics.jsonl", at_least(1));
  d.field("checkpoint_every", &c.checkpoint_every, "epochs", at_least(1));
  d.field("freeze", &c.freeze, "parameters that stay as they are, e.g. [conv_stem, blocks.*]");
  d.field("fusion", &c.fusion, "false: finish every operator by itself (slow, for checking)");
  d.field("numerics", &c.numerics, "fast | exact: without Winograd's convolution", one_of({"fast", "exact"}));
}

void describe(RunConfig& c, Description& d) {
  d.field("seed", &c.seed, "of initial values, order and augmentation", any_number());
  d.field("threads", &c.threads, "0: all cores", at_least(0, 1024));
  d.field("dir", &c.dir, "empty: runs/<configuration>-<n>");
}

void describe(PretrainedConfig& c, Description& d) {
  d.field("model.pretrained", &c.file, "weights to start from: safetensors, a checkpoint or a run; empty: none");
  d.field("model.pretrained_strict", &c.strict, "false: take what fits and list the rest");
  d.field("model.pretrained_prefix", &c.prefix, "take only the entries below it, e.g. backbone");
}

Description describe(Config& config) {
  Description d;
  d.section("model", "", config.model, alternatives(model_table()));
  describe(config.pretrained, d);
  d.section("data", "", config.data, alternatives(dataset_table()));
  d.section("optimizer", "", config.optimizer, alternatives(optimizer_table()));
  d.section("schedule", "", config.schedule, alternatives(schedule_table()));
  d.section("train", "", config.train);
  d.section("run", "", config.run);
  d.follow_data("model.num_classes", config.model_classes_set);
  d.follow_data("model.in_channels", config.model_channels_set);
  check_model_options(d);
  return d;
}

}  // namespace ghost
