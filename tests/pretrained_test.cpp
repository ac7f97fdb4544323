// Weights of others into a model, and training on from them.
#include "train/network/pretrained.h"

#include <gmock/gmock.h>
#include <limits>

#include "nn/classifier.h"
#include "nn/layers/conv2d.h"
#include "nn/state_dict.h"
#include "support/modules.h"
#include "support/temp_dir.h"
#include "support/tiny_images.h"
#include "train/loop/trainer.h"

namespace ghost {
namespace {

using test::error_of;
using test::TempDir;
using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

using Entries = std::vector<NamedTensor>;

ModulePtr small_net(uint64_t seed, int64_t classes = 10, int64_t channels = 3) {
  return build_model({.name = "mini_group_net", .num_classes = classes, .in_channels = channels}, seed);
}
std::vector<std::vector<float>> values_of(Module& model) {
  std::vector<std::vector<float>> all;
  for (const NamedTensor& e : state_dict(model)) all.push_back(e.tensor.to_vector<float>());
  return all;
}
WeightsFile file_of(Entries entries) { return {"file.safetensors", std::move(entries), {}}; }
Entries below(const std::string& prefix, Entries entries) {
  for (NamedTensor& e : entries) e.name.insert(0, prefix);
  return entries;
}
Entries with(Entries entries, const std::string& name, Tensor value = Tensor::zeros({1})) {
  entries.push_back({name, std::move(value)});
  return entries;
}

TEST(Pretrained, NamesLoseWhatWrappersPutBeforeThem) {
  const ModulePtr trained = small_net(1);
  const Entries entries = state_dict(*trained);
  for (const std::string prefix :
       {"module.", "_orig_mod.", "_orig_mod.module.", "model.", "state_dict.", "state_dict.model.module."}) {
    const ModulePtr model = small_net(0);
    const WeightsReport report = load_weights(*model, file_of(below(prefix, entries)));
    EXPECT_EQ(values_of(*model), values_of(*trained)) << prefix;
    EXPECT_THAT(report.notes, Contains("file.safetensors: took '" + prefix + "' off the names of its entries"));
    EXPECT_THAT(report.warnings, IsEmpty());
  }
  // model. must be everywhere; half of a file under it is another thing.
  Entries half = below("model.", entries);
  half.front().name = "stem.0.weight";
  const ModulePtr model = small_net(0);
  EXPECT_THAT(error_of([&] { load_weights(*model, file_of(half)); }), HasSubstr("model.fc.bias"));
}

class Wrapped final : public Module {
 public:
  Wrapped() : model_(this, "model", Conv2d::Options{.in = 1, .out = 2}) {}
  const char* kind() const override { return "Wrapped"; }

 protected:
  Tensor forward(const Tensor& x) override { return model_(x); }

 private:
  Child<Conv2d> model_;
};

TEST(Pretrained, AModelsOwnModuleOfSuchANameIsNoWrapper) {
  Wrapped from, to;
  from.initialise(0), to.initialise(1);
  load_weights(to, file_of(state_dict(from)));
  EXPECT_EQ(values_of(to), values_of(from));
  EXPECT_EQ(classifier_of(to), "model");
}

TEST(Pretrained, APrefixTakesAPartOfAFile) {
  const ModulePtr trained = small_net(1);
  Entries entries = below("backbone.", state_dict(*trained));
  entries = with(with(std::move(entries), "head.weight"), "head.bias");
  for (const std::string prefix : {"backbone", "backbone."}) {
    const ModulePtr model = small_net(0);
    const WeightsReport report = load_weights(*model, file_of(entries), {.prefix = prefix});
    EXPECT_EQ(values_of(*model), values_of(*trained));
    EXPECT_THAT(report.notes,
                Contains("file.safetensors: passed over 2 entries outside of the prefix:\n    head.weight\n"
                         "    head.bias"));
  }
  const ModulePtr model = small_net(0);
  EXPECT_EQ(error_of([&] { load_weights(*model, file_of(entries), {.prefix = "backbon"}); }),
            "file.safetensors: no entry begins with 'backbon.'; its entries begin with backbone or head; did you mean "
            "'backbone'?");
}

TEST(Pretrained, LeftoversAreNamedAndPassedOver) {
  const ModulePtr trained = small_net(1), model = small_net(0);
  Entries entries = with(with(state_dict(*trained), "total_ops"), "stage1.reduce.0.total_params");
  entries = with(with(std::move(entries), "optimizer.momentum_buffer.fc.bias"), "optimizer.step.fc.bias");
  const WeightsReport report = load_weights(*model, file_of(entries));
  EXPECT_EQ(values_of(*model), values_of(*trained));
  EXPECT_THAT(report.notes, ElementsAre("file.safetensors: passed over 2 entries of optimizer state (optimizer.*)",
                                        "file.safetensors: passed over 2 entries of a profiler:\n    total_ops\n"
                                        "    stage1.reduce.0.total_params",
                                        "file.safetensors: loaded 56 entries into MiniGroupNet"));
}

TEST(Pretrained, StrictListsEverythingAndChangesNothing) {
  const ModulePtr trained = small_net(1), model = small_net(0);
  Entries entries = with(state_dict(*trained), "stage3.weight");
  for (NamedTensor& e : entries) {
    if (e.name == "stage1.reduce.1.bias") e.tensor = Tensor::zeros({63});
    if (e.name == "fc.bias") e.name = "fc.bais";
  }
  const auto before = values_of(*model);
  EXPECT_EQ(error_of([&] { load_weights(*model, file_of(entries), {.how_to_be_lenient = "--no-strict"}); }),
            "file.safetensors: load_state_dict: the entries do not fit MiniGroupNet:\n"
            "  1 missing:\n    fc.bias; did you mean 'fc.bais'?\n"
            "  2 unexpected:\n    fc.bais; did you mean 'fc.bias'?\n    stage3.weight\n"
            "  1 mismatched:\n    stage1.reduce.1.bias: f32 (63), but the model has f32 (64)\n"
            "  --no-strict loads what fits");
  EXPECT_EQ(values_of(*model), before);

  const WeightsReport report = load_weights(*model, file_of(entries), {.strict = false});
  EXPECT_THAT(
      report.warnings,
      ElementsAre("file.safetensors: 1 entry of the model not in it, which keep their initial values:\n    fc.bias",
                  "file.safetensors: 2 entries that the model does not have:\n    fc.bais\n    stage3.weight",
                  "file.safetensors: 1 entry of another shape, which keep their initial values:\n"
                  "    stage1.reduce.1.bias"));
  EXPECT_THAT(report.notes, ElementsAre("file.safetensors: loaded 54 entries into MiniGroupNet"));
  EXPECT_EQ(model->parameters()[0].tensor.to_vector<float>(), trained->parameters()[0].tensor.to_vector<float>());
}

TEST(Pretrained, WhatFitsNowhereIsNotLoadedAtAll) {
  const ModulePtr model = small_net(0), other = build_model({.name = "ghostnet"}, 0);
  EXPECT_THAT(
      error_of([&] { load_weights(*model, file_of(state_dict(*other)), {.strict = false}); }),
      HasSubstr("none of its 512 entries fits MiniGroupNet: it has conv_stem.weight, …, and the model stem.0.weight"));
  Entries broken = state_dict(*small_net(1));
  broken[7].tensor = Tensor::full(broken[7].tensor.shape(), std::numeric_limits<double>::infinity());
  EXPECT_THAT(error_of([&] { load_weights(*model, file_of(broken)); }),
              AllOf(HasSubstr(broken[7].name), HasSubstr("NaN or infinite")));
}

TEST(Pretrained, AClassifierForOtherClassesStartsAnew) {
  const ModulePtr trained = small_net(1, 1000), model = small_net(0, 10), fresh = small_net(0, 10);
  const WeightsReport report = load_weights(*model, file_of(state_dict(*trained)), {.new_classifier = true});
  EXPECT_THAT(
      report.warnings,
      ElementsAre("file.safetensors: has 1000 classes and this model 10, so fc starts anew and only the rest is "
                  "the file's"));
  EXPECT_THAT(report.notes, ElementsAre("file.safetensors: loaded 54 entries into MiniGroupNet"));
  const Entries mine = state_dict(*model), theirs = state_dict(*trained), initial = state_dict(*fresh);
  for (size_t i = 0; i < mine.size(); ++i)
    EXPECT_EQ(mine[i].tensor.to_vector<float>(),
              (mine[i].name.starts_with("fc.") ? initial : theirs)[i].tensor.to_vector<float>());
  // Nowhere else, and not where nobody asked for it.
  EXPECT_THAT(error_of([&] { load_weights(*model, file_of(state_dict(*trained))); }),
              HasSubstr("fc.weight: f32 (1000, 256)"));
  Entries wider = state_dict(*trained);
  for (NamedTensor& e : wider)
    if (e.name == "stem.1.bias") e.tensor = Tensor::zeros({65});
  EXPECT_THAT(error_of([&] { load_weights(*model, file_of(wider), {.new_classifier = true}); }),
              AllOf(HasSubstr("1 mismatched"), HasSubstr("stem.1.bias")));
}

TEST(Pretrained, OtherChannelsAreRefusedWithTheWayOut) {
  const ModulePtr colour = small_net(1), grey = small_net(0, 10, 1);
  EXPECT_THAT(error_of([&] { load_weights(*grey, file_of(state_dict(*colour))); }),
              HasSubstr("The file's first convolution takes 3 channels: set data.channels to 3"));
}

TEST(Pretrained, TheClassifierOfEveryModelIsItsLastLayer) {
  const std::vector<std::pair<ModelConfig, std::string>> rows{
      {{.name = "ghostnet", .width = 0.1}, "classifier"},
      {{.name = "ghostnet", .width = 0.1, .variant = "d_li14"}, "classifier.4"},
      {{.name = "vgg", .depth = 11}, "classifier.2"},
      {{.name = "resnet", .depth = 20}, "fc"},
      {{.name = "mobilenet_v1", .width = 0.1}, "classifier"},
      {{.name = "mini_group_net"}, "fc"},
      {{.name = "plain_cnn"}, "fc"}};
  for (const auto& [config, path] : rows) {
    const ModulePtr model = build_model(config, 0);
    EXPECT_EQ(classifier_of(*model), path) << config.name;
    const Entries entries = state_dict(*model);
    const auto weight = std::find_if(entries.begin(), entries.end(),
                                     [&, p = path](const NamedTensor& e) { return e.name == p + ".weight"; });
    ASSERT_NE(weight, entries.end());
    EXPECT_EQ(weight->tensor.size(0), config.num_classes);
  }
}

TEST(Pretrained, SizesAreReadOffTheFile) {
  const NetworkSizes sizes =
      sizes_in(file_of(below("module.", state_dict(*small_net(0, 37, 1)))), {.name = "mini_group_net"});
  EXPECT_EQ(sizes.num_classes, 37);
  EXPECT_EQ(sizes.in_channels, 1);
}

TEST(Pretrained, FilesThatCannotBeReadSayWhy) {
  const TempDir dir;
  EXPECT_THAT(error_of([&] { read_weights(dir / "a.safetensors"); }), HasSubstr("there is no such file"));
  EXPECT_THAT(error_of([&] { read_weights(dir.write("b.pth", std::string_view("PK\3\4 and so on"))); }),
              HasSubstr("was written by torch.save; `tools/pth-to-safetensors "));
  EXPECT_THAT(error_of([&] { read_weights(dir.write("c.safetensors", std::string_view("model: x, nothing else"))); }),
              HasSubstr("not a safetensors file"));
  EXPECT_THAT(error_of([&] { read_weights(dir.path()); }),
              HasSubstr("is a folder, but must be a safetensors file or a run"));
}

// Tiny pictures, and a GhostNet for 9 classes that others have trained.
struct Room {
  Room() {
    test::write_tiny_idx(dir / "data", {.train = 40, .test = 8, .size = 16});
    const ModulePtr model = build_model({.name = "ghostnet", .num_classes = 9, .in_channels = 1, .width = 0.1}, 77);
    for (Buffer& b : model->buffers())
      if (b.name.ends_with("running_mean")) b.tensor.copy_from(Tensor::full(b.tensor.shape(), 0.125));
    theirs = state_dict(*model);
    write_safetensors(dir / "ghostnet.safetensors", theirs);
  }
  Config config(std::vector<std::string> overrides = {}) const {
    std::vector<std::string> all{
        "model.name=ghostnet",     "model.width=0.1",
        "train.epochs=2",          "train.batch_size=8",
        "train.eval_batch_size=8", "model.pretrained=" + (dir / "ghostnet.safetensors").string()};
    all.insert(all.end(), overrides.begin(), overrides.end());
    return load_config_text(test::tiny_config(dir / "data"), "tiny.yaml", all).config;
  }
  RunDir run_dir(const std::string& name) const { return RunDir::create((dir / name).string(), "tiny"); }
  TempDir dir;
  Entries theirs;
};

struct Ears final : Sink {
  std::vector<std::string> notes, warnings;
  RunStart start;
  void on_start(const RunStart& s) override { start = s; }
  void on_note(const std::string& text) override { notes.push_back(text); }
  void on_warning(const std::string& text) override { warnings.push_back(text); }
};

std::map<std::string, std::vector<double>> by_name(const Entries& entries) {
  std::map<std::string, std::vector<double>> values;
  for (const NamedTensor& e : entries) values[e.name] = e.tensor.to_vector<double>();
  return values;
}

TEST(FineTuning, StartsFromTheFileWithAClassifierOfItsOwn) {
  const Room room;
  Ears ears;
  Trainer trainer(room.config(), {&ears});
  trainer.check();
  EXPECT_THAT(ears.notes, ElementsAre(HasSubstr("ghostnet.safetensors: loaded 510 entries into GhostNet")));
  EXPECT_THAT(ears.warnings, Contains(HasSubstr("has 9 classes and this model 4, so classifier starts anew")));
  const RunDir dir = room.run_dir("run");
  std::map<std::string, std::vector<double>> start;
  trainer.run(dir, [&] {
    if (start.empty())
      start = by_name(read_checkpoint(dir.last()).tensors.at(kModelSection));  // still that of the start
    return false;
  });
  const auto file = by_name(room.theirs), end = by_name(read_checkpoint(dir.last()).tensors.at(kModelSection));
  ASSERT_EQ(start.size(), file.size());
  for (const auto& [name, values] : start) {
    EXPECT_EQ(values == file.at(name), !name.starts_with("classifier.")) << name;
    EXPECT_NE(values, end.at(name)) << name << " does not train";
  }
  EXPECT_EQ(start.at("classifier.bias").size(), 4U);
  EXPECT_EQ(ears.notes.size(), 1U) << "loaded once";
}

TEST(FineTuning, WhatIsFrozenStaysAsItWas) {
  const Room room;
  Ears ears;
  Trainer trainer(room.config({"train.freeze=[conv_stem, bn1, \"blocks.[0-8]\"]"}), {&ears});
  const RunDir dir = room.run_dir("run");
  trainer.run(dir);
  const Checkpoint end = read_checkpoint(dir.last());
  const auto file = by_name(room.theirs), values = by_name(end.tensors.at(kModelSection));
  for (const auto& [name, v] : values) {
    const bool frozen =
        !name.starts_with("blocks.9") && !name.starts_with("conv_head") && !name.starts_with("classifier");
    EXPECT_EQ(v == file.at(name), frozen) << name;
  }
  for (const NamedTensor& t : end.tensors.at(kOptimizerSection))
    EXPECT_TRUE(t.name.find("blocks.9") != std::string::npos || t.name.find("conv_head") != std::string::npos ||
                t.name.find("classifier") != std::string::npos)
        << t.name;
  int64_t trained = 0;
  for (const Parameter& p : trainer.model().parameters()) trained += p.tensor.requires_grad() ? p.tensor.numel() : 0;
  EXPECT_EQ(ears.start.parameters - ears.start.frozen_parameters, trained);
  EXPECT_GT(ears.start.frozen_parameters, 0);
}

TEST(FineTuning, ResumesWithTheSameBitsAndWithoutTheFile) {
  const Room room;
  for (const std::string freeze : {"train.freeze=[]", "train.freeze=[conv_stem, \"blocks.[0-5]\"]"}) {
    const Config config = room.config({freeze, "optimizer.name=adamw", "optimizer.lr=0.01"});
    const RunDir whole = room.run_dir("whole" + freeze), pieces = room.run_dir("pieces" + freeze);
    Trainer(config, {}).run(whole);
    int questions = 0;
    ASSERT_TRUE(Trainer(config, {}).run(pieces, [&] { return ++questions == 3; }).interrupted);
    std::filesystem::rename(room.dir / "ghostnet.safetensors", room.dir / "away");
    Trainer again(config, {});
    again.restore(read_checkpoint(pieces.last()));
    again.check();
    again.run(pieces);
    std::filesystem::rename(room.dir / "away", room.dir / "ghostnet.safetensors");
    EXPECT_EQ(test::file_bytes(pieces.last()), test::file_bytes(whole.last())) << freeze;
  }
}

TEST(FineTuning, WrongFilesAndPatternsStopBeforeTheFirstStep) {
  const Room room;
  const auto message = [&](const std::vector<std::string>& overrides) {
    return error_of([&] { Trainer(room.config(overrides), {}).check(); });
  };
  EXPECT_THAT(message({"model.pretrained=nowhere.safetensors"}),
              HasSubstr("nowhere.safetensors: there is no such file"));
  EXPECT_THAT(message({"model.width=0.2"}),
              AllOf(HasSubstr("mismatched"), HasSubstr("model.pretrained_strict: false loads what fits")));
  EXPECT_THAT(message({"train.freeze=[block.*]"}), HasSubstr("did you mean 'blocks.*'?"));
  EXPECT_THAT(message({"train.freeze=[\"*\"]"}), HasSubstr("every parameter of GhostNet is frozen"));
  EXPECT_THAT(message({"model.pretrained_prefix=backbone"}), HasSubstr("no entry begins with 'backbone.'"));
}

TEST(FineTuning, OptionsSurviveTheCopyInACheckpoint) {
  const Room room;
  const Config config = room.config(
      {"train.freeze=[\"*.bias\", conv_stem]", "model.pretrained_strict=false", "model.pretrained_prefix=a"});
  const Config copy = load_config_text(config_to_yaml(config), "copy", {}).config;
  EXPECT_THAT(copy.train.freeze, ElementsAre("*.bias", "conv_stem"));
  EXPECT_EQ(copy.pretrained.file, config.pretrained.file);
  EXPECT_FALSE(copy.pretrained.strict);
  EXPECT_EQ(copy.pretrained.prefix, "a");
  EXPECT_THAT(error_of([&] { room.config({"train.freeze=conv_stem"}); }),
              HasSubstr("train.freeze is 'conv_stem', but must be a list such as [a, b]"));
}

}  // namespace
}  // namespace ghost
