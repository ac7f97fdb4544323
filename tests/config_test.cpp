// Reading configurations: what is taken, what is refused and how it is said.
#include "train/config/config.h"

#include <filesystem>
#include <gmock/gmock.h>

#include "core/nearest.h"
#include "support/config_text.h"
#include "support/modules.h"
#include "support/temp_dir.h"
#include "train/config/describe.h"
#include "train/config/values.h"
#include "train/optim/optimizer.h"

namespace ghost {
namespace {

using test::kMinimal;
using test::notes;
using test::read;
using test::refusal;
using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::StartsWith;

// The models of the table that have an option, and all names: other models may join.
std::string models_with(const std::string& option) {
  std::vector<std::string> names;
  for (const ModelEntry& entry : model_table())
    if (std::find(entry.options.begin(), entry.options.end(), option) != entry.options.end())
      names.push_back(entry.name);
  return any_of(names);
}
std::string all_models() {
  std::vector<std::string> names;
  for (const ModelEntry& entry : model_table()) names.push_back(entry.name);
  return any_of(names);
}

TEST(Config, ReadsEveryKindOfValue) {
  const Config c = read(
      "model:\n"
      "  name: plain_cnn\n"
      "  channels: [8, 16]\n"
      "  conv: {name: ghost, ratio: 3}\n"
      "data:\n"
      "  root: '/data/it''s here'  # a comment\n"
      "  mean: [0.5]\n"
      "  std: [.25]\n"
      "optimizer:\n"
      "  lr: 1e-4\n"
      "  nesterov: true\n"
      "run:\n"
      "  seed: 18446744073709551615\n");
  EXPECT_EQ(c.model.name, "plain_cnn");
  EXPECT_THAT(c.model.channels, ElementsAre(8, 16));
  EXPECT_EQ(c.model.conv.name, "ghost");
  EXPECT_EQ(c.model.conv.ratio, 3);
  EXPECT_EQ(c.data.root, "/data/it's here");
  EXPECT_THAT(c.data.std, ElementsAre(0.25));
  EXPECT_EQ(c.optimizer.lr, 1e-4);
  EXPECT_TRUE(c.optimizer.nesterov);
  EXPECT_EQ(c.run.seed, UINT64_MAX);
  EXPECT_EQ(c.train.epochs, 10) << "what is not there keeps its default";
}

TEST(Config, AnchorsAndEmptySectionsAreRead) {
  const Config c = read("train:\ndata:\n  mean: &three [0.5, 0.4, 0.3]\n  std: *three\nrun:\n  dir:\n");
  EXPECT_EQ(c.data.std, c.data.mean);
  EXPECT_EQ(c.run.dir, "");
}

TEST(Config, EveryProblemIsReportedInOnePassWithItsPlace) {
  const std::string message = refusal(
      "model:\n"
      "  name: ghostnt\n"
      "  widht: 0.5\n"
      "optimizer:\n"
      "  lr: 0.1abc\n"
      "  lr: 0.2\n"
      "  nesterov: yes\n"
      "train:\n"
      "  epochs: 0\n"
      "  batch_size: 12.5\n"
      "modle: {}\n",
      {"model.dropout=1", "optimizer.learning_rate=3"});
  EXPECT_EQ(
      message,
      "a.yaml:2:9: model.name is 'ghostnt', but must be " + all_models() +
          "; did you mean 'ghostnet'?\n"
          "a.yaml:3:3: unknown key 'model.widht'; did you mean model.width?\n"
          "a.yaml:5:7: optimizer.lr is '0.1abc', but must be a number\n"
          "a.yaml:6:3: the key 'lr' is already at line 5, column 3\n"
          "a.yaml:7:13: optimizer.nesterov is 'yes', but must be true or false; did you mean true?\n"
          "a.yaml:9:11: train.epochs is 0, but must be at least 1\n"
          "a.yaml:10:15: train.batch_size is '12.5', but must be an integer; did you mean 13?\n"
          "a.yaml:11:1: unknown key 'modle'; did you mean model?\n"
          "--set model.dropout=1: model.dropout is 1, but must be in [0, 1)\n"
          "--set optimizer.learning_rate=3: unknown key 'optimizer.learning_rate'; optimizer has name, lr, momentum, "
          "dampening, nesterov, betas, eps, amsgrad, alpha, centered, ns_steps, adjust_lr_fn, other, other_lr_scale, "
          "weight_decay, decay_norm_and_bias or groups");
}

TEST(Config, AKeyInTheWrongSectionIsSentToItsOwn) {
  EXPECT_THAT(refusal("train:\n  lr: 0.1\n"), HasSubstr("unknown key 'train.lr'; did you mean optimizer.lr?"));
  EXPECT_THAT(refusal("batch_size: 3\n"), HasSubstr("did you mean train.batch_size?"));
  EXPECT_THAT(refusal("model:\n  augment: {flip: true}\n"), HasSubstr("did you mean data.augment?"));
}

struct Refused {
  std::string set, because;
};
class ConfigValue : public testing::TestWithParam<Refused> {};

TEST_P(ConfigValue, IsRefusedWithWhatIsValid) {
  EXPECT_EQ(refusal(kMinimal, {GetParam().set}), "--set " + GetParam().set + ": " + GetParam().because);
}

const std::string kLr = "optimizer.lr is ", kThreads = "run.threads is ", kNumber = ", but must be a number";

INSTANTIATE_TEST_SUITE_P(
    Of, ConfigValue,
    testing::Values(
        Refused{"optimizer.lr=0", kLr + "0, but must be above 0"}, Refused{"optimizer.lr=nan", kLr + "'nan'" + kNumber},
        Refused{"optimizer.lr=.inf", kLr + "'.inf'" + kNumber},
        Refused{"optimizer.lr=1e999", kLr + "'1e999', which is outside of what a number can hold"},
        Refused{"optimizer.lr=", kLr + "nothing" + kNumber},
        Refused{"optimizer.lr='1'", kLr + "the string '1'" + kNumber},
        Refused{"optimizer.lr=[1]", kLr + "a list" + kNumber},
        Refused{"optimizer.lr={a: 1}", kLr + "a mapping" + kNumber},
        Refused{"optimizer.lr=1_000", kLr + "'1_000'" + kNumber},
        Refused{"optimizer.lr=0x10", kLr + "'0x10'" + kNumber}, Refused{"optimizer.lr=+-1", kLr + "'+-1'" + kNumber},
        Refused{"optimizer.momentum=1", "optimizer.momentum is 1, but must be in [0, 1)"},
        Refused{"train.label_smoothing=-0.1", "train.label_smoothing is -0.1, but must be in [0, 1)"},
        Refused{"run.threads=1e3", kThreads + "'1e3', but must be an integer; did you mean 1000?"},
        Refused{"run.threads=99999999999999999999",
                kThreads + "'99999999999999999999', which is outside of what an integer can hold"},
        Refused{"run.threads=5000", kThreads + "5000, but must be at most 1024"},
        Refused{"run.seed=-1", "run.seed is '-1', but must be an integer"},
        Refused{"data.channels=2", "data.channels is 2, but must be 0, 1 or 3"},
        Refused{"data.augment.trivial_augment=True",
                "data.augment.trivial_augment is 'True', but must be true or false; did you mean true?"},
        Refused{"data.augment.flip=alternating",
                "data.augment.flip is 'alternating', but must be none, random or alternate; did you mean 'alternate'?"},
        Refused{"data.augment.scale=[0.1]",
                "data.augment.scale has 1 values, but must be a list of 2 numbers, e.g. [0.08, 1]"},
        Refused{"data.augment.scale=0.5",
                "data.augment.scale is '0.5', but must be a list of 2 numbers, e.g. [0.08, 1]"},
        Refused{"data.mean=[0.5, x, 0.5]", "data.mean (value 2 of 3) is 'x', but must be a number"},
        Refused{"optimizer.groups=x", "optimizer.groups is 'x', but must be a list of mappings such as [{match: …}]"},
        Refused{"optimizer.groups=[x]", "optimizer.groups (value 1 of 1) is 'x', but must be a mapping of options"},
        Refused{"optimizer.groups=[{match: a}, {match: b, lr_scale: -1}]",
                "optimizer.groups (value 2 of 2) lr_scale is -1, but must be at least 0"},
        Refused{"optimizer.groups=[{match: a, lrscale: 2}]",
                "optimizer.groups (value 1 of 1) has the unknown key 'lrscale'; did you mean 'lr_scale'?"},
        Refused{"optimizer.groups=[{match: a, x: 2}]",
                "optimizer.groups (value 1 of 1) has the unknown key 'x'; there "
                "are match, lr_scale, weight_decay"},
        Refused{"optimizer.groups=[{lr_scale: 2}]",
                "optimizer.groups (value 1 of 1) lacks match, which names its parameters"},
        Refused{"data.std=[0]", "data.std (value 1 of 1) is 0, but must be in (0, 1]"},
        Refused{"model.variant=oficial",
                "model.variant is 'oficial', but must be official, tensorflow or d_li14; did you mean 'official'?"},
        Refused{"model.width", "must be key=value, e.g. --set model.width=0.5"},
        Refused{"=1", "must be key=value, e.g. --set model.width=0.5"},
        Refused{"extends=b.yaml", "extends stands in a file only"},
        Refused{"model.widht=0.5", "unknown key 'model.widht'; did you mean model.width?"},
        Refused{"model.width.x=0.5", "unknown key 'model.width.x'; did you mean model.width?"},
        Refused{"model=ghostnet", "model is 'ghostnet', but must be a mapping of options"}));

TEST(Config, SetTakesScalarsListsAndMappings) {
  const Config c = read(kMinimal, {"data.mean=[0.5,0.5,0.5]", "data.std=[1, 1, 1]", "model.width=0.5",
                                   "run.dir=a b: #c", "data.root=\"a\\tb\"",
                                   "data.augment={flip: true, crop_padding: 2}", "train.epochs=3", "train.epochs=4"});
  EXPECT_THAT(c.data.mean, ElementsAre(0.5, 0.5, 0.5));
  EXPECT_EQ(c.model.width, 0.5);
  EXPECT_EQ(c.run.dir, "a b: #c") << "paths are taken as they are";
  EXPECT_EQ(c.data.root, "a\tb");
  EXPECT_EQ(c.data.augment.get<std::string>("flip"), "random");
  EXPECT_EQ(c.data.augment.get<int64_t>("crop_padding"), 2);
  EXPECT_EQ(c.train.epochs, 4) << "the last one counts";
  EXPECT_EQ(read("run: {dir: x}\n", {"run.dir="}).run.dir, "");
}

TEST(Config, AListOfMappingsIsReadAndPrintedAndReadAgain) {
  const std::string text =
      "optimizer:\n  groups:\n    - {match: '*.bias', lr_scale: 64, weight_decay: 0}\n"
      "    - match: fc\n      weight_decay: auto\n";
  const Config c = read(text);
  ASSERT_EQ(c.optimizer.groups.size(), 2U);
  const std::vector<ParameterGroup>& groups = c.optimizer.groups.items;
  EXPECT_EQ(groups[0].match, "*.bias");
  EXPECT_EQ(groups[0].lr_scale, 64);
  EXPECT_TRUE(groups[0].sets_weight_decay);
  EXPECT_EQ(groups[1].match, "fc");
  EXPECT_EQ(groups[1].lr_scale, 1);
  EXPECT_FALSE(groups[1].sets_weight_decay);
  const std::string printed = config_to_yaml(c);
  EXPECT_THAT(printed, HasSubstr("groups: [{match: \"*.bias\", lr_scale: 64, weight_decay: 0}, {match: fc}]"));
  EXPECT_EQ(config_to_yaml(read(printed)), printed);
  EXPECT_EQ(read(text, {"optimizer.groups=[]"}).optimizer.groups.size(), 0U);
  EXPECT_EQ(read(text, {"optimizer.groups=[{match: a}]"}).optimizer.groups.items[0].match, "a");
  EXPECT_EQ(refusal("optimizer:\n  groups:\n    - match: a\n      lr_scale: x\n      weigth_decay: 0\n"),
            "a.yaml:4:17: optimizer.groups (value 1 of 1) lr_scale is 'x', but must be a number\n"
            "a.yaml:5:7: optimizer.groups (value 1 of 1) has the unknown key 'weigth_decay'; did you mean "
            "'weight_decay'?");
}

// ---- what belongs together

TEST(Config, ImpossibleCombinationsAreRefusedWhereTheyStand) {
  EXPECT_EQ(refusal("optimizer:\n  nesterov: true\n  momentum: 0\n"),
            "a.yaml:2:13: optimizer.nesterov needs optimizer.momentum above 0");
  EXPECT_THAT(refusal("data:\n  mean: [0.1, 0.2]\n  std: [1]\n"), StartsWith("a.yaml:2:9: data.mean has 2 values and"));
  EXPECT_THAT(refusal("data:\n  mean: [0.1]\n"), HasSubstr("data.std has 0"));
  EXPECT_THAT(refusal("data:\n  mean: [0.1]\n  std: [1]\n  channels: 3\n"), HasSubstr("but data.channels is 3"));
  EXPECT_THAT(refusal("data:\n  image_size: 224\n  resize: 200\n"), HasSubstr("at least data.image_size, 224"));
  EXPECT_THAT(refusal("data:\n  augment: {scale: [1, 0.5]}\n"), HasSubstr("the smallest share comes first"));
  EXPECT_THAT(refusal("data:\n  augment: {random_resized_crop: true, crop_padding: 4}\n"), HasSubstr("choose one"));
  EXPECT_THAT(refusal("schedule: {name: multistep, milestones: [3, 2]}\n"), HasSubstr("must ascend"));
  EXPECT_THAT(refusal("schedule: {min_lr: 1}\n"), HasSubstr("at most optimizer.lr, 0.1"));
  EXPECT_THAT(refusal("schedule: {name: one_cycle, base_momentum: 0.9, max_momentum: 0.8}\n"), HasSubstr("0.8"));
  EXPECT_EQ(refusal(kMinimal, {"train.accumulate=3", "train.batch_size=8"}),
            "--set train.accumulate=3: train.accumulate is 3, which does not divide train.batch_size 8: the nearest "
            "values that do are 2 and 4");
  EXPECT_EQ(
      refusal(kMinimal, {"train.accumulate=9", "train.batch_size=8"}),
      "--set train.accumulate=9: train.accumulate is 9, but a batch of 8 cannot be cut into more parts than it has "
      "images");
}

TEST(Config, ChecksOfSeveralOptionsLeaveOutWhatIsWrongAlready) {
  EXPECT_EQ(refusal("optimizer: {nesterov: true, momentum: x}\n"),
            "a.yaml:1:39: optimizer.momentum is 'x', but must be a number");
}

TEST(Config, LengthsThatCannotBeReachedAreNoted) {
  EXPECT_THAT(notes("schedule: {warmup: 5}\ntrain: {epochs: 2}\n"),
              ElementsAre("schedule.warmup is 5 epochs of train.epochs 2: the rate never reaches optimizer.lr "
                          "(a.yaml:1:20)"));
  EXPECT_THAT(notes("schedule: {name: multistep, milestones: [1, 9]}\ntrain: {epochs: 2}\n"),
              ElementsAre(HasSubstr("go on to epoch 9")));
  EXPECT_THAT(notes("schedule: {warmup: 1}\ntrain: {epochs: 2}\n"), IsEmpty());
}

// ---- what is selected

TEST(Config, OptionsOfWhatIsNotSelectedAreIgnoredAndNamed) {
  const std::string text =
      "model: {name: mini_group_net, groups: 8, width: 0.5}\n"
      "data: {name: cifar10, test_share: 0.5}\n"
      "optimizer: {name: adam, momentum: 0.5}\n"
      "schedule: {name: cosine, gamma: 0.5}\n";
  EXPECT_THAT(
      notes(text),
      ElementsAre("model.width is an option of " + models_with("width") + "; ignored by mini_group_net (a.yaml:1:42)",
                  "data.test_share is an option of image_folder; ignored by cifar10 (a.yaml:2:23)",
                  "optimizer.momentum is an option of sgd, rmsprop, rmsprop_tf or muon; ignored by adam "
                  "(a.yaml:3:25)",
                  "schedule.gamma is an option of step, multistep or exponential; ignored by "
                  "cosine (a.yaml:4:26)"));
  const Config c = read(text);
  EXPECT_EQ(c.model.groups, 8);
  EXPECT_EQ(c.model.width, 1.0);
  EXPECT_EQ(c.schedule.gamma, 0.1);
}

TEST(Config, IgnoredOptionsMustBeValidAllTheSame) {
  EXPECT_EQ(refusal("model: {name: mini_group_net, width: x}\n"),
            "a.yaml:1:38: model.width is 'x', but must be a number");
}

TEST(Config, OptionsOfTheChosenConvolutionAreItsOwn) {
  const std::string text = "model: {name: plain_cnn, conv: {name: ghost, ratio: 4, keep_first: true}}\n";
  EXPECT_THAT(notes(text), IsEmpty());
  EXPECT_THAT(notes(text, {"model.conv.name=standard"}),
              ElementsAre("model.conv.ratio is an option of ghost_conv or ghost; ignored by standard (a.yaml:1:46)"));
  EXPECT_TRUE(read(text, {"model.conv.name=standard"}).model.conv.keep_first);
  EXPECT_THAT(
      notes(text, {"model.name=ghostnet"}),
      ElementsAre(StartsWith("model.conv.name is an option of " + models_with("conv") + "; ignored by ghostnet"),
                  StartsWith("model.conv.ratio is an option of"), StartsWith("model.conv.keep_first is an option of")));
}

TEST(Config, CheapOperationsAreChosenByName) {
  const std::string text = "model: {name: vgg, conv: {name: ghost, cheap_op: haar}}\n";
  EXPECT_EQ(read(text).model.conv.cheap_op, "haar");
  EXPECT_THAT(notes(text), IsEmpty());
  EXPECT_THAT(notes(text, {"model.conv.cheap_kernel=5"}),
              ElementsAre("model.conv.cheap_kernel is 5, but cheap_op haar has no kernel; ignored (--set "
                          "model.conv.cheap_kernel=5)"));
  EXPECT_THAT(notes(text, {"model.conv.cheap_kernel=5", "model.conv.cheap_op=blur"}), IsEmpty());
  EXPECT_THAT(
      notes(text, {"model.conv.name=standard"}),
      ElementsAre("model.conv.cheap_op is an option of ghost_conv or ghost; ignored by standard (a.yaml:1:40)"));
  EXPECT_EQ(read("model: {name: ghostnet, cheap_op: shift}\n").model.cheap_op, "shift");
  EXPECT_EQ(refusal("model: {name: vgg, conv: {name: ghost, cheap_op: blr}}\n"),
            "a.yaml:1:50: model.conv.cheap_op is 'blr', but must be depthwise, shift, pointwise_depthwise1x1, blur, "
            "affine or haar; did you mean 'blur'?");
}

TEST(Config, SetOfAnOptionThatIsNotSelectedIsRefused) {
  EXPECT_EQ(refusal("model: {name: mini_group_net}\n", {"model.width=0.5"}),
            "--set model.width=0.5: model.width is an option of " + models_with("width") +
                ", but model.name is mini_group_net");
  EXPECT_EQ(read("model: {name: mini_group_net}\n", {"model.width=0.5", "model.name=ghostnet"}).model.width, 0.5)
      << "in any order";
}

TEST(Config, DataOptionsOfAnotherDataSetAreNeverRefused) {
  EXPECT_THAT(
      notes("data: {name: cifar10}\n", {"data.test_share=0.5"}),
      ElementsAre("data.test_share is an option of image_folder; ignored by cifar10 (--set data.test_share=0.5)"));
}

TEST(Config, WhatDescribesAReplacedDataSetIsIgnored) {
  const std::string preset =
      "model: {name: ghostnet, num_classes: 1000, width: 0.5}\n"
      "data:\n"
      "  name: image_folder\n"
      "  root: /imagenet\n"
      "  image_size: 224\n"
      "  mean: [0.5, 0.5, 0.5]\n"
      "  std: [0.2, 0.2, 0.2]\n"
      "  workers: 3\n"
      "  augment: {flip: true}\n";
  const LoadedConfig loaded = load_config_text(preset, "a.yaml", {"data.name=cifar10", "data.image_size=64"});
  const Config& c = loaded.config;
  EXPECT_EQ(c.data.name, "cifar10");
  EXPECT_EQ(c.data.root, "");
  EXPECT_EQ(c.data.image_size, 64) << "set by itself";
  EXPECT_THAT(c.data.mean, IsEmpty());
  EXPECT_FALSE(c.model_classes_set);
  EXPECT_EQ(c.model.width, 0.5);
  EXPECT_EQ(c.data.workers, 3) << "says nothing about the data set";
  EXPECT_EQ(c.data.augment.get<std::string>("flip"), "none");
  EXPECT_THAT(loaded.notes, ElementsAre("model.num_classes describes image_folder; ignored by cifar10 (a.yaml:1:25)",
                                        "data.root describes image_folder; ignored by cifar10 (a.yaml:4:3)",
                                        "data.mean describes image_folder; ignored by cifar10 (a.yaml:6:3)",
                                        "data.std describes image_folder; ignored by cifar10 (a.yaml:7:3)",
                                        "data.augment.flip describes image_folder; ignored by cifar10 (a.yaml:9:13)"));
  EXPECT_THAT(notes(preset, {"data.name=image_folder"}), IsEmpty()) << "the same name replaces nothing";
  EXPECT_THAT(notes(preset, {"data.name=cifar10", "data.name=image_folder"}), IsEmpty());
  EXPECT_EQ(read("data: {name: idx, root: /a}\n", {"data.root=/b", "data.name=cifar10"}).data.root, "/b");
}

TEST(Config, ClassesAndChannelsFollowTheDataUnlessSet) {
  EXPECT_FALSE(read(kMinimal).model_classes_set);
  EXPECT_FALSE(read("model: {num_classes: auto}\n").model_classes_set);
  const Config c = read(kMinimal, {"model.num_classes=7", "model.in_channels=1"});
  EXPECT_TRUE(c.model_classes_set && c.model_channels_set);
  EXPECT_EQ(c.model.num_classes, 7);
  EXPECT_FALSE(read("model: {num_classes: 7}\n", {"model.num_classes=auto"}).model_classes_set);
}

TEST(Config, AnOptimizerStartsFromItsOwnDefaults) {
  EXPECT_EQ(read("optimizer: {name: adamw}\n").optimizer.lr, 1e-3);
  EXPECT_EQ(read("optimizer: {name: rmsprop}\n").optimizer.momentum, 0);
  EXPECT_EQ(read("optimizer: {name: adamw, lr: 0.5}\n").optimizer.lr, 0.5);
  EXPECT_EQ(read(kMinimal).optimizer.momentum, 0.9);
}

TEST(Config, ASizeMayGrowOverTheEpochs) {
  const Config config = read(kMinimal + "data: {image_size: [[0, 128], [20, 160]]}\n", {"train.epochs=30"});
  EXPECT_EQ(config.data.image_size, 160) << "evaluation sees the last";
  EXPECT_EQ(config.data.image_sizes, (OverEpochs{{0, 128}, {20, 160}}));
  for (const auto& [epoch, size] : OverEpochs{{0, 128}, {19, 128}, {20, 160}, {500, 160}})
    EXPECT_EQ(value_in(config.data.image_sizes, epoch), size);
  const std::string printed = config_to_yaml(config);
  EXPECT_THAT(printed, HasSubstr("image_size: [[0, 128], [20, 160]]"));
  EXPECT_EQ(read(printed).data.image_sizes, config.data.image_sizes);
  EXPECT_THAT(read(printed, {"data.image_size=96"}).data.image_sizes, IsEmpty()) << "a single size replaces the list";
  EXPECT_EQ(read(kMinimal, {"data.image_size=[[0, 24], [2, 32]]"}).data.image_size, 32);
  EXPECT_THAT(notes(kMinimal, {"data.image_size=[[0, 24], [9, 32]]", "train.epochs=9"}),
              Contains(HasSubstr("never trains at 32")));
  const std::vector<std::pair<std::string, std::string>> refused{
      {"[]", "an empty list"},
      {"[[1, 24]]", "the first must be for epoch 0"},
      {"[[0, 24], [0, 32]]", "must be for a later one than the epoch 0"},
      {"[[0, 24], [5, 32], [4, 40]]", "(value 3 of 3) is for epoch 4"},
      {"[[0, 24, 3]]", "a pair of epoch and value"},
      {"[24, 32]", "a pair of epoch and value"},
      {"[[0, 0]]", "is 0"},
      {"[[0, 5000]]", "must be at most 4096"},
      {"[[0.5, 24]]", "has an epoch that is"}};
  for (const auto& [value, sentence] : refused)
    EXPECT_THAT(refusal(kMinimal, {"data.image_size=" + value}), HasSubstr(sentence)) << value;
}

}  // namespace
}  // namespace ghost
