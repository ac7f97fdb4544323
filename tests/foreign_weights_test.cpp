// What is in files of weights besides the weights, whose classes their classifier has, and what others call our models.
#include <gmock/gmock.h>

#include "core/ops/shape_ops.h"
#include "nn/classifier.h"
#include "nn/freeze.h"
#include "nn/state_dict.h"
#include "support/modules.h"
#include "support/temp_dir.h"
#include "train/network/pretrained.h"
#include "train/network/published.h"
#include "train/run/checkpoint.h"

namespace ghost {
namespace {

using test::error_of;
using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using Entries = std::vector<NamedTensor>;
using Names = std::vector<std::string>;

ModulePtr small_net(uint64_t seed, int64_t classes = 3) {
  return build_model({.name = "mini_group_net", .num_classes = classes}, seed);
}
WeightsFile file_of(Entries entries, const Names& classes = {}) {
  return {"file.safetensors", std::move(entries), to_metadata({.config = "", .classes = classes, .preprocessing = {}})};
}
Entries without(Entries entries, const std::string& name) {
  std::erase_if(entries, [&](const NamedTensor& e) { return e.name == name; });
  return entries;
}
Tensor& named(Entries& entries, const std::string& name) {
  return std::find_if(entries.begin(), entries.end(), [&](const NamedTensor& e) { return e.name == name; })->tensor;
}
std::vector<std::vector<float>> values_of(Module& model) {
  std::vector<std::vector<float>> all;
  for (const NamedTensor& e : state_dict(model)) all.push_back(e.tensor.to_vector<float>());
  return all;
}

TEST(ForeignWeights, TheCounterOfAveragedWeightsIsPassedOver) {
  const ModulePtr trained = small_net(1), model = small_net(0);
  Entries entries = state_dict(*trained);
  for (NamedTensor& e : entries) e.name.insert(0, "module.");
  entries.insert(entries.begin(), {"n_averaged", Tensor::scalar(7, DType::i64)});
  const WeightsReport report = load_weights(*model, file_of(entries));
  EXPECT_EQ(values_of(*model), values_of(*trained));
  EXPECT_THAT(report.notes, ElementsAre("file.safetensors: passed over 1 entry of averaged weights:\n    n_averaged",
                                        "file.safetensors: took 'module.' off the names of its entries",
                                        "file.safetensors: loaded 56 entries into MiniGroupNet"));
}

TEST(ForeignWeights, WhatIsNoWeightIsPassedOverUnlessTheModelWantsIt) {
  const ModulePtr trained = small_net(1), model = small_net(0);
  Entries entries = state_dict(*trained);
  entries.push_back({"model.mask", Tensor::from<uint8_t>({1, 0}, {2})});
  entries.push_back({"index", Tensor::from<int64_t>({-1, 5}, {2})});
  WeightsFile file = file_of(entries);
  file.unread.push_back({"scale", "F8_E4M3", {3}});
  const WeightsReport report = load_weights(*model, file);
  EXPECT_EQ(values_of(*model), values_of(*trained));
  EXPECT_THAT(report.notes, Contains("file.safetensors: passed over 2 entries of integers, which the model does not "
                                     "have:\n    model.mask\n    index"));
  EXPECT_THAT(report.notes, Contains(HasSubstr("of a type that cannot be read, which the model does not have:\n    "
                                               "scale")));
  EXPECT_THAT(report.warnings, IsEmpty());

  WeightsFile wanted = file_of(without(state_dict(*trained), "fc.weight"));
  wanted.unread.push_back({"fc.weight", "F8_E4M3", {3, 256}});
  EXPECT_EQ(error_of([&] { load_weights(*model, wanted); }),
            "file.safetensors: entry fc.weight is of type F8_E4M3, which cannot be read: save it as F32, F16 or BF16");
  Entries integers = state_dict(*trained);
  named(integers, "fc.bias") = Tensor::zeros({3}, DType::i64);
  EXPECT_THAT(error_of([&] { load_weights(*model, file_of(integers)); }),
              HasSubstr("fc.bias: i64 (3), but the model has f32 (3)"));
}

TEST(ForeignWeights, CountersComeInAnyType) {
  const ModulePtr trained = small_net(1), model = small_net(0);
  Entries entries = state_dict(*trained);
  const std::string counter = "stem.1.num_batches_tracked";
  for (const Tensor& value : {Tensor::full({}, 12, DType::u8), Tensor::full({}, 12, DType::f32)}) {
    named(entries, counter) = value;
    load_weights(*model, file_of(entries));
    Entries loaded = state_dict(*model);
    EXPECT_EQ(named(loaded, counter).dtype(), DType::i64);
    EXPECT_EQ(named(loaded, counter).item<int64_t>(), 12);
  }
  named(entries, counter) = Tensor::full({}, 1.5);
  EXPECT_THAT(error_of([&] { load_weights(*model, file_of(entries)); }), HasSubstr(counter + ": f32 ()"));
}

Entries permuted(Entries entries, const std::vector<int>& axes, bool matrices) {
  const NoGrad constant;
  for (NamedTensor& e : entries) {
    if (e.tensor.rank() == 4) e.tensor = permute(e.tensor, axes).clone();
    if (e.tensor.rank() == 2 && matrices) e.tensor = permute(e.tensor, {1, 0}).clone();
  }
  return entries;
}

TEST(ForeignWeights, OtherAxesAreNamedAndNeverLoadedInPart) {
  // Square matrices and 1×1 kernels with as many inputs as outputs fit in any order.
  const ModulePtr trained = build_model({.name = "plain_cnn", .num_classes = 3, .channels = {3, 3, 8}}, 1);
  const Entries entries = state_dict(*trained);
  for (const bool strict : {true, false}) {
    const ModulePtr model = build_model({.name = "plain_cnn", .num_classes = 3, .channels = {3, 3, 8}}, 0);
    const auto before = values_of(*model);
    const auto message = [&](const std::vector<int>& axes, bool matrices) {
      return error_of([&] { load_weights(*model, file_of(permuted(entries, axes, matrices)), {.strict = strict}); });
    };
    EXPECT_THAT(message({0, 2, 3, 1}, false),
                AllOf(HasSubstr("file.safetensors: the file is channels-last"), HasSubstr("(O, H, W, I)"),
                      HasSubstr("w.permute(0, 3, 1, 2).contiguous()"), Not(HasSubstr("loads what fits"))))
        << strict;
    EXPECT_THAT(message({2, 3, 1, 0}, true), AllOf(HasSubstr("channels-last"), HasSubstr("(H, W, I, O)"),
                                                   HasSubstr("permute(3, 2, 0, 1)"), HasSubstr("w.t().contiguous()")));
    EXPECT_EQ(values_of(*model), before);
    load_weights(*model, file_of(entries), {.strict = strict});
  }
}

TEST(ForeignWeights, TensorFlowsDepthwiseKernelsHaveAnOrderOfTheirOwn) {
  const ModelConfig config{.name = "mobilenet_v1", .num_classes = 3, .width = 0.25};
  const ModulePtr trained = build_model(config, 1), model = build_model(config, 0);
  Entries entries = state_dict(*trained);
  const NoGrad constant;
  for (NamedTensor& e : entries)
    if (e.tensor.rank() == 4)
      e.tensor = permute(e.tensor, e.name.ends_with("conv_dw.weight") ? std::vector<int>{2, 3, 0, 1}
                                                                      : std::vector<int>{2, 3, 1, 0})
                     .clone();
  EXPECT_THAT(error_of([&] { load_weights(*model, file_of(entries), {.strict = false}); }), HasSubstr("channels-last"));
}

TEST(ForeignWeights, OneKernelOfAnotherShapeIsNoOtherOrder) {
  const ModulePtr trained = small_net(1), model = small_net(0);
  Entries entries = state_dict(*trained);
  Tensor& stem = named(entries, "stem.0.weight");
  stem = Tensor::zeros({stem.size(0), stem.size(2), stem.size(3), stem.size(1) + 1});
  EXPECT_THAT(error_of([&] { load_weights(*model, file_of(entries)); }),
              AllOf(HasSubstr("1 mismatched"), Not(HasSubstr("channels-last"))));
}

// ---- the classifier's rows

struct Rows {
  std::vector<std::vector<float>> weight;
  std::vector<float> bias;
};
Rows rows_of(Module& model) {
  Entries entries = state_dict(model);
  const Tensor &weight = named(entries, "fc.weight"), &bias = named(entries, "fc.bias");
  const std::vector<float> values = weight.to_vector<float>();
  Rows rows{{}, bias.to_vector<float>()};
  for (int64_t i = 0; i < weight.size(0); ++i)
    rows.weight.emplace_back(values.begin() + i * weight.size(1), values.begin() + (i + 1) * weight.size(1));
  return rows;
}

struct FineTuned {
  WeightsReport report;
  Rows theirs, initial, now;
};
// Weights for the classes `file` into a model for the classes `data`.
FineTuned fine_tuned(const Names& file, const Names& data, int64_t outputs_of_file = 0) {
  const ModulePtr trained = small_net(1, outputs_of_file ? outputs_of_file : std::ssize(file)),
                  model = small_net(0, std::ssize(data));
  FineTuned result{{}, rows_of(*trained), rows_of(*model), {}};
  result.report = load_weights(*model, file_of(state_dict(*trained), file), {.new_classifier = true, .classes = data});
  result.now = rows_of(*model);
  return result;
}

TEST(ClassifierRows, AreTheFilesWhereTheClassesAreTheSame) {
  const FineTuned same = fine_tuned({"bus", "car", "truck"}, {"bus", "car", "truck"});
  EXPECT_EQ(same.now.weight, same.theirs.weight);
  EXPECT_EQ(same.now.bias, same.theirs.bias);
  EXPECT_THAT(same.report.notes, ElementsAre("file.safetensors: loaded 56 entries into MiniGroupNet"));
  EXPECT_THAT(same.report.warnings, IsEmpty());
}

TEST(ClassifierRows, FollowTheNamesIntoAnotherOrder) {
  const FineTuned f = fine_tuned({"bus", "car", "truck"}, {"truck", "bus", "car"});
  EXPECT_EQ(f.now.weight, (std::vector{f.theirs.weight[2], f.theirs.weight[0], f.theirs.weight[1]}));
  EXPECT_EQ(f.now.bias, (std::vector{f.theirs.bias[2], f.theirs.bias[0], f.theirs.bias[1]}));
  EXPECT_THAT(f.report.notes, Contains(HasSubstr("the rows of fc are taken over by name")));
  EXPECT_THAT(f.report.warnings, IsEmpty());
  EXPECT_EQ(f.report.new_in_classifier, "");
  const FineTuned some = fine_tuned({"bus", "car", "truck", "van"}, {"car", "van"});
  EXPECT_EQ(some.now.weight, (std::vector{some.theirs.weight[1], some.theirs.weight[3]}));
  EXPECT_THAT(some.report.notes, Contains(HasSubstr("its 4 classes are more than the 2 of the data")));
}

TEST(ClassifierRows, StartAnewWhereTheFileDoesNotKnowTheName) {
  const FineTuned f = fine_tuned({"bus", "car", "truck"}, {"car", "truck", "zbus"});
  EXPECT_EQ(f.now.weight, (std::vector{f.theirs.weight[1], f.theirs.weight[2], f.initial.weight[2]}));
  EXPECT_EQ(f.now.bias, (std::vector{f.theirs.bias[1], f.theirs.bias[2], f.initial.bias[2]}));
  EXPECT_THAT(f.report.warnings,
              ElementsAre("file.safetensors: the rows of fc are taken over by name for 2 of the 3 classes of the data; "
                          "'zbus' starts anew, because the file does not know it"));
  EXPECT_EQ(f.report.new_in_classifier, "the row of 'zbus' in fc starts");

  const FineTuned none = fine_tuned({"a", "b", "c"}, {"x", "y", "z"});
  EXPECT_EQ(none.now.weight, none.initial.weight);
  EXPECT_THAT(none.report.warnings, ElementsAre(AllOf(HasSubstr("knows none of the 3 classes of the data ('x', 'y', "
                                                                "'z')"),
                                                      HasSubstr("so fc starts anew"))));
  // Two rows of one name are the rows of neither.
  const FineTuned twice = fine_tuned({"car", "car", "truck"}, {"bus", "car", "truck"});
  EXPECT_EQ(twice.now.weight, (std::vector{twice.initial.weight[0], twice.initial.weight[1], twice.theirs.weight[2]}));
}

TEST(ClassifierRows, ByPositionAreSaidIfTheFileHasNoNames) {
  const FineTuned f = fine_tuned({}, {"1", "10", "2"}, 3);
  EXPECT_EQ(f.now.weight, f.theirs.weight);
  EXPECT_THAT(f.report.notes, Contains("file.safetensors: does not name its classes, so fc is taken over by position: "
                                       "0 = '1', 1 = '10', 2 = '2'"));
  EXPECT_THAT(f.report.warnings, ElementsAre(HasSubstr("sorted as text, so that output 1 is '10'")));
  const FineTuned other = fine_tuned({}, {"1", "2"}, 3);
  EXPECT_EQ(other.now.weight, other.initial.weight);
  EXPECT_THAT(other.report.warnings, ElementsAre(HasSubstr("has 3 classes and this model 2, so fc starts anew")));
}

TEST(ClassifierRows, ThatStartAnewMustNotBeFrozen) {
  const ModulePtr trained = small_net(1), model = small_net(0);
  freeze(*model, {"fc.weight"});
  const auto load = [&](const Names& classes) {
    return load_weights(*model, file_of(state_dict(*trained), {"bus", "car", "truck"}),
                        {.new_classifier = true, .classes = classes});
  };
  EXPECT_EQ(frozen_at_random(*model, load({"bus", "car", "truck"})), "");
  EXPECT_EQ(frozen_at_random(*model, load({"truck", "car", "bus"})), "");
  EXPECT_THROW(frozen_at_random(*model, load({"bus", "car", "zug"})), UsageError);
  EXPECT_EQ(error_of([&] {
              frozen_at_random(*model, load({"x", "y", "z"}));
            }),
            "train.freeze: fc is frozen, but fc starts at random values and has to learn: take fc out of train.freeze");
  // Elsewhere random features may be meant, but are said.
  const ModulePtr other = small_net(0);
  freeze(*other, {"stem"});
  const WeightsReport report = load_weights(*other, file_of(without(state_dict(*trained), "stem.0.weight")),
                                            {.strict = false, .new_classifier = true});
  EXPECT_EQ(frozen_at_random(*other, report),
            "train.freeze keeps 1 entry at their initial values, because they are not the file's:\n    stem.0.weight");
}

// ---- what others call our models

TEST(Published, ModelsHaveTheirPublishedNumbersOfParameters) {
  const std::map<std::string, int64_t> counts{{"resnet18", 11'689'512},
                                              {"resnet34", 21'797'672},
                                              {"resnet50", 25'557'032},
                                              {"resnet101", 44'549'160},
                                              {"resnext50_32x4d", 25'028'904},
                                              {"resnext101_32x8d", 88'791'336},
                                              {"resnext101_64x4d", 83'455'272},
                                              {"resnext101_32x4d", 44'177'704},
                                              {"wide_resnet50_2", 68'883'240},
                                              {"wide_resnet101_2", 126'886'696},
                                              {"vgg11_bn", 132'868'840},
                                              {"vgg13_bn", 133'053'736},
                                              {"vgg16_bn", 138'365'992},
                                              {"vgg19_bn", 143'678'248},
                                              {"ghostnet_050", 2'587'292},
                                              {"ghostnet_100", 5'182'508},
                                              {"ghostnet_130", 7'358'820},
                                              {"mobilenet_v2", 3'504'872},
                                              {"mobilenet_v3_large", 5'483'032},
                                              {"mobilenet_v3_small", 2'542'856},
                                              {"shufflenet_v2_x0_5", 1'366'792},
                                              {"shufflenet_v2_x1_0", 2'278'604},
                                              {"shufflenet_v2_x1_5", 3'503'624},
                                              {"shufflenet_v2_x2_0", 7'393'996},
                                              {"mobilenetv1_100", 4'231'976},
                                              {"mobilenetv1_125", 6'270'840},
                                              {"mobilenetv4_conv_small_035", 1'905'384},
                                              {"mobilenetv4_conv_small_050", 2'238'952},
                                              {"mobilenetv4_conv_small", 3'774'024},
                                              {"mobilenetv4_conv_medium", 9'715'512},
                                              {"repghostnet_050", 2'313'968},
                                              {"repghostnet_058", 2'546'388},
                                              {"repghostnet_080", 3'278'968},
                                              {"repghostnet_100", 4'073'604},
                                              {"repghostnet_111", 4'539'984},
                                              {"repghostnet_130", 5'478'612},
                                              {"repghostnet_150", 6'575'336},
                                              {"repghostnet_200", 9'796'124},
                                              {"ghostnetv2_100", 6'156'908},
                                              {"ghostnetv2_130", 8'960'404},
                                              {"ghostnetv2_160", 12'392'698},
                                              {"ghostnetv3_050", 3'395'384},
                                              {"ghostnetv3_100", 8'129'028},
                                              {"ghostnetv3_130", 12'217'720},
                                              {"ghostnetv3_160", 17'275'700}};
  const std::string page = test::file_text(std::filesystem::path(GHOST_SOURCE_DIR) / "docs/from-pytorch.md");
  std::map<std::string, int64_t> seen;  // both have most of them
  for (const PublishedModel& m : published_models()) {
    EXPECT_THAT(page, HasSubstr("`" + m.name + "`"));
    EXPECT_THAT(page, HasSubstr("`model: " + m.model + "`"));
    const std::string name = m.name.substr(m.name.find('/') + 1);
    const Config config = published_config_alone(m.name, {}).config;
    if (!seen.contains(m.model)) seen[m.model] = test::parameter_count(*construct_model(config.model));
    EXPECT_EQ(seen[m.model], counts.at(name)) << m.name;
  }
}

TEST(Published, NamesThatAreNotKnownGetTheNearestAndTheList) {
  const auto message = [](const std::string& name) { return error_of([&] { published_config(name, {}); }); };
  EXPECT_THAT(message("torchvision/resnet19"),
              AllOf(HasSubstr("did you mean 'torchvision/resnet18'?"), HasSubstr("timm/ghostnet_100")));
  EXPECT_THAT(message("resnet50"), HasSubstr("did you mean 'torchvision/resnet50'?"));
  EXPECT_THAT(message("timm/vgg16_bn"), HasSubstr("did you mean 'torchvision/vgg16_bn'?"));
  EXPECT_THAT(message("timm/vit_base_patch16_224"), Not(HasSubstr("did you mean")));
}

TEST(Published, TagsOfTimmAreSaidToBePassedOver) {
  const LoadedConfig tagged = published_config("timm/resnet50.a1_in1k", {}),
                     plain = published_config("timm/resnet50", {});
  EXPECT_THAT(tagged.notes, ElementsAre(AllOf(HasSubstr("timm/resnet50.a1_in1k"), HasSubstr("data.resize"))));
  EXPECT_THAT(plain.notes, IsEmpty());
  EXPECT_EQ(config_to_yaml(tagged.config), config_to_yaml(plain.config));
  EXPECT_EQ(plain.config.data.resize, 256);
  EXPECT_FALSE(plain.config.model_classes_set) << "the file tells";
}

}  // namespace
}  // namespace ghost
