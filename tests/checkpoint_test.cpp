// A checkpoint holds all that a resumed run, a test or a reader in Python needs, and what may change on resuming.
#include "train/run/checkpoint.h"

#include <cmath>
#include <gmock/gmock.h>
#include <limits>
#include <nlohmann/json.hpp>

#include "nn/state_dict.h"
#include "support/modules.h"
#include "support/temp_dir.h"
#include "support/tiny_images.h"
#include "train/optim/optimizer.h"
#include "train/run/resume.h"

namespace ghost {
namespace {

using test::error_of;
using test::TempDir;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

Config tiny() { return load_config_text(test::tiny_config("somewhere"), "tiny.yaml", {}).config; }

Checkpoint example() {
  Checkpoint checkpoint;
  checkpoint.config = tiny();
  ModelConfig model = checkpoint.config.model;
  model.in_channels = 1;
  model.num_classes = 2;
  const ModulePtr network = build_model(model, 7);
  checkpoint.tensors[kModelSection] = state_dict(*network);
  std::vector<NamedTensor>& state = checkpoint.tensors[kOptimizerSection];
  state = build_optimizer(checkpoint.config.optimizer, network->parameters())->state();
  for (const Parameter& p : network->parameters())
    state.push_back({"momentum_buffer." + p.name, to_pytorch_axes(p.tensor).clone()});
  checkpoint.progress.epoch = 2;
  checkpoint.progress.step = 57;
  checkpoint.progress.batch = 3;
  checkpoint.progress.epoch_sums = {0.1 + 0.2, 11, 40, 48};
  checkpoint.progress.window = {1.0 / 3, 1, 2, 16};
  checkpoint.progress.lr = 0.05 / 7;
  checkpoint.progress.test = {12.5, 30, 39, 40};
  checkpoint.progress.best_top1 = 100.0 / 3;
  checkpoint.progress.best_epoch = 1;
  checkpoint.classes = {"a \"quoted\" cat", "Ördek"};
  checkpoint.preprocessing = {8, 9, 1, {0.4}, {0.1 + 0.2}};
  return checkpoint;
}

// The file again with other metadata.
void rewrite(const std::filesystem::path& file,
             const std::function<void(std::map<std::string, std::string>&)>& change) {
  SafetensorsFile content = read_safetensors(file);
  change(content.metadata);
  write_safetensors(file, content.tensors, content.metadata);
}

TEST(Checkpoint, GivesBackEveryBit) {
  const TempDir dir;
  const Checkpoint written = example();
  write_checkpoint(dir / "c.safetensors", written);
  const Checkpoint read = read_checkpoint(dir / "c.safetensors");
  EXPECT_EQ(read.progress, written.progress);
  EXPECT_EQ(read.preprocessing, written.preprocessing);
  EXPECT_EQ(read.classes, written.classes);
  EXPECT_EQ(config_to_yaml(read.config), config_to_yaml(written.config));
  const auto compare = [](const std::vector<NamedTensor>& a, const std::vector<NamedTensor>& b) {
    ASSERT_EQ(a.size(), b.size());
    std::map<std::string, Tensor> by_name;
    for (const NamedTensor& t : a) by_name[t.name] = t.tensor;
    for (const NamedTensor& t : b) {
      ASSERT_TRUE(by_name.count(t.name)) << t.name;
      EXPECT_EQ(by_name[t.name].dtype(), t.tensor.dtype()) << t.name;
      EXPECT_EQ(by_name[t.name].shape().str(), t.tensor.shape().str()) << t.name;
      EXPECT_EQ(by_name[t.name].to_vector<double>(), t.tensor.to_vector<double>()) << t.name;
    }
  };
  for (const auto& [section, tensors] : written.tensors) {
    SCOPED_TRACE(section);
    EXPECT_FALSE(tensors.empty());
    compare(read.tensors.at(section), tensors);
  }
}

TEST(Checkpoint, IsOneSafetensorsFileUnderPyTorchNamesAndAxes) {
  const TempDir dir;
  const Checkpoint written = example();
  write_checkpoint(dir / "c.safetensors", written);
  const SafetensorsFile file = read_safetensors(dir / "c.safetensors");
  // plain_cnn's second convolution: 6 → 6 channels, 3×3.
  int convolutions = 0;
  for (const NamedTensor& t : file.tensors)
    if (t.tensor.rank() == 4) {
      EXPECT_EQ(t.tensor.size(2), 3) << t.name << ": (O, I, KH, KW)";
      EXPECT_EQ(t.tensor.size(3), 3) << t.name << ": (O, I, KH, KW)";
      ++convolutions;
    }
  EXPECT_EQ(convolutions, 8) << "four of the model and their momentum";
  for (const NamedTensor& t : written.tensors.at(kModelSection)) EXPECT_TRUE(file.find(t.name)) << t.name;
  for (const NamedTensor& t : written.tensors.at(kOptimizerSection))
    EXPECT_TRUE(file.find("optimizer." + t.name)) << t.name;
  EXPECT_EQ(file.metadata.at("epoch"), "2");
  EXPECT_EQ(file.metadata.at("step"), "57");
  EXPECT_EQ(file.metadata.at("seed"), "3");
  EXPECT_EQ(file.metadata.at("schedule"), "cosine");
  EXPECT_EQ(nlohmann::json::parse(file.metadata.at("classes")).size(), 2U);
  EXPECT_EQ(nlohmann::json::parse(file.metadata.at("preprocessing")).at("image_size"), 8);
}

TEST(Checkpoint, DoesNotSayWhereTheRunLives) {
  const TempDir dir;
  Checkpoint here = example(), there = example();
  here.config.run.dir = "/here";
  there.config.run.dir = "/there";
  write_checkpoint(dir / "here.safetensors", here);
  write_checkpoint(dir / "there.safetensors", there);
  EXPECT_EQ(test::file_bytes(dir / "here.safetensors"), test::file_bytes(dir / "there.safetensors"));
}

TEST(Checkpoint, NeverOverwritesAGoodOneWithNumbersThatAreNotFinite) {
  const TempDir dir;
  const auto file = dir / "c.safetensors";
  write_checkpoint(file, example());
  const auto good = test::file_bytes(file);
  for (const float bad : {std::numeric_limits<float>::quiet_NaN(), -std::numeric_limits<float>::infinity()}) {
    Checkpoint checkpoint = example();
    NamedTensor& last = checkpoint.tensors.at(kOptimizerSection).back();
    last.tensor = last.tensor.clone();
    last.tensor.mutable_data<float>()[1] = bad;
    EXPECT_THAT(error_of([&] { write_checkpoint(file, checkpoint); }),
                AllOf(HasSubstr("optimizer." + last.name + " is not finite"), HasSubstr("c.safetensors")));
    EXPECT_EQ(test::file_bytes(file), good);
  }
}

TEST(Checkpoint, SaysWhatIsWrongWithAFile) {
  const TempDir dir;
  const auto file = dir / "c.safetensors";
  const auto error = [&] { return error_of([&] { read_checkpoint(file); }); };
  EXPECT_THAT(error(), HasSubstr("c.safetensors"));  // does not exist

  dir.write("c.safetensors", std::string_view("not a checkpoint at all"));
  EXPECT_THAT(error(), HasSubstr("c.safetensors"));

  write_safetensors(file, {{"w", Tensor::zeros({2})}});
  EXPECT_THAT(error(), AllOf(HasSubstr("not a checkpoint"), HasSubstr("\"format\"")));

  write_checkpoint(file, example());
  const auto good = test::file_bytes(file);
  dir.write("c.safetensors", std::span(good).first(good.size() - 5));
  EXPECT_THAT(error(), HasSubstr("c.safetensors"));

  const auto with = [&](const std::string& key, const std::string& value) {
    write_checkpoint(file, example());
    rewrite(file, [&](auto& metadata) { metadata[key] = value; });
    return error();
  };
  EXPECT_THAT(with("format", "ghost-checkpoint-9"), HasSubstr("ghost-checkpoint-9"));
  EXPECT_THAT(with("progress", "{\"epoch\": 1"), HasSubstr("\"progress\""));
  EXPECT_THAT(with("progress", "{\"epoch\": 1}"), AllOf(HasSubstr("\"progress\""), HasSubstr("step is missing")));
  EXPECT_THAT(with("classes", "[1, 2]"), HasSubstr("\"classes\""));
  EXPECT_THAT(with("preprocessing", "{\"image_size\":8,\"resize\":0,\"channels\":1,\"mean\":[],\"std\":[1]}"),
              HasSubstr("\"preprocessing\""));
  EXPECT_THAT(with("config", "model: {nam: ghostnet}"), AllOf(HasSubstr("c.safetensors"), HasSubstr("model.nam")));
}

TEST(Checkpoint, RefusesNumbersThatCannotBe) {
  const TempDir dir;
  const auto file = dir / "c.safetensors";
  write_checkpoint(file, example());
  const auto error = [&](const std::string& key, const std::string& pointer, const nlohmann::json& value) {
    write_checkpoint(file, example());
    rewrite(file, [&](auto& metadata) {
      nlohmann::json json = nlohmann::json::parse(metadata.at(key));
      json.at(nlohmann::json::json_pointer(pointer)) = value;
      metadata.at(key) = json.dump();
    });
    const std::string text = error_of([&] { read_checkpoint(file); });
    EXPECT_THAT(text, AllOf(HasSubstr("c.safetensors"), HasSubstr("\"" + key + "\""))) << pointer;
    return text;
  };
  EXPECT_THAT(error("progress", "/batch", -1), HasSubstr("batch is -1, but must be at least 0"));
  EXPECT_THAT(error("progress", "/step", 1.5), HasSubstr("step is 1.5, but must be an integer of 64 bits"));
  EXPECT_THAT(error("progress", "/step", 1e300), HasSubstr("but must be an integer of 64 bits"));
  EXPECT_THAT(error("progress", "/step", 18446744073709551615U), HasSubstr("but must be an integer of 64 bits"));
  EXPECT_THAT(error("progress", "/step", INT64_MAX),
              HasSubstr("step is 9223372036854775807, but must be at most 1000000000000000"));
  EXPECT_THAT(error("progress", "/best_top1", 101), HasSubstr("best_top1 is 101, but must be in [0, 100]"));
  EXPECT_THAT(error("progress", "/lr", nullptr), HasSubstr("lr is null, but must be a finite number"));
  EXPECT_THAT(error("progress", "/test/top1", -30), HasSubstr("test.top1 is -30, but must be at least 0"));
  EXPECT_THAT(error("progress", "/test/count", 35), HasSubstr("test: there are more hits than samples"));
  EXPECT_THAT(error("progress", "/window", 3), HasSubstr("window is 3, but must be an object"));
  EXPECT_THAT(error("preprocessing", "/image_size", 0), HasSubstr("image_size is 0, but must be at least 1"));
  EXPECT_THAT(error("preprocessing", "/mean", {"0.5"}), HasSubstr("mean[0] is string, but must be a finite number"));
  EXPECT_THAT(error("preprocessing", "/mean", {0.5, 0.5}),
              HasSubstr("there are 1 channels, but 2 means and 1 deviations"));
}

// The example, of another data set.
Checkpoint written(const std::filesystem::path& file, const std::string& data) {
  Checkpoint checkpoint = example();
  checkpoint.config.data.name = data;
  write_checkpoint(file, checkpoint);
  return checkpoint;
}

TEST(Checkpoint, SaysWhatItWasMadeWith) {
  const TempDir dir;
  const auto file = dir / "c.safetensors";
  const Checkpoint checkpoint = written(file, "cifar10");
  const MadeWith here = made_here(checkpoint.config.data);
  EXPECT_THAT(here, testing::UnorderedElementsAre(testing::Key("isa"), testing::Key("blas")));
  EXPECT_EQ(read_checkpoint(file).made_with, here);
  EXPECT_EQ(read_checkpoint_head(file).made_with, here);
  rewrite(file, [](auto& metadata) { metadata["made_with"] = R"({"isa": 3})"; });
  EXPECT_THAT(error_of([&] { read_checkpoint(file); }), HasSubstr("isa is 3, but must be text"));
  // Files of older programs do not say it.
  rewrite(file, [](auto& metadata) { metadata.erase("made_with"); });
  EXPECT_EQ(read_checkpoint(file).made_with, MadeWith());
}

TEST(Checkpoint, OfFilesOfPicturesSaysTheirDecoder) {
  const TempDir dir;
  const auto file = dir / "c.safetensors";
  const Checkpoint checkpoint = written(file, "image_folder");
  const MadeWith here = made_here(checkpoint.config.data), written = read_checkpoint(file).made_with;
  EXPECT_THAT(written.at("jpeg"), testing::StartsWith("libjpeg-turbo"));
  EXPECT_THAT(differences(written, here), testing::IsEmpty());
  // Programs that did not say it decoded with stb_image.
  rewrite(file, [](auto& metadata) { metadata.erase("made_with"); });
  EXPECT_THAT(differences(read_checkpoint(file).made_with, here),
              testing::ElementsAre(AllOf(HasSubstr("another JPEG decoder: stb_image then, libjpeg-turbo"),
                                         HasSubstr("pixels of JPEG files may differ"))));
}

TEST(MadeWith, NamesWhatDiffersAndIsKnown) {
  const MadeWith here{{"isa", "avx2"}, {"blas", "OpenBLAS Haswell"}};
  EXPECT_THAT(differences(here, here), testing::IsEmpty());
  EXPECT_THAT(differences({}, here), testing::IsEmpty());
  EXPECT_THAT(differences({{"isa", "avx512"}, {"later", "x"}}, here),
              testing::ElementsAre(AllOf(HasSubstr("avx512 then, avx2 now"), HasSubstr("bits may differ"))));
}

// Older programs must read what newer ones write, and the other way round.
TEST(Checkpoint, StoresStructsAsItAlwaysDid) {
  const TempDir dir;
  write_checkpoint(dir / "c.safetensors", example());
  const auto metadata = read_safetensors_metadata(dir / "c.safetensors");
  EXPECT_EQ(
      metadata.at("progress"),
      "{\"epoch\":2,\"step\":57,\"batch\":3,\"epoch_sums\":{\"loss_sum\":0.30000000000000004,\"top1\":11,\"top5\":40,"
      "\"count\":48},\"window\":{\"loss_sum\":0.3333333333333333,\"top1\":1,\"top5\":2,\"count\":16},"
      "\"lr\":0.0071428571428571435,\"test\":{\"loss_sum\":12.5,\"top1\":30,\"top5\":39,\"count\":40},"
      "\"best_top1\":33.333333333333336,\"best_epoch\":1}");
  EXPECT_EQ(
      metadata.at("preprocessing"),
      "{\"image_size\":8,\"resize\":9,\"fit\":\"crop\",\"channels\":1,\"mean\":[0.4],\"std\":[0.30000000000000004]}");
}

// A resize of 0 was: as stored, but larger pictures are shrunk, and smaller ones have zeros around them.
TEST(Checkpoint, ReadsThePreprocessingOfOlderFilesWithItsMeaning) {
  const TempDir dir;
  const auto read = [&](const std::string& stored) {
    write_checkpoint(dir / "c.safetensors", example());
    rewrite(dir / "c.safetensors", [&](auto& metadata) { metadata["preprocessing"] = stored; });
    return read_checkpoint(dir / "c.safetensors").preprocessing;
  };
  const auto stored = [](int64_t resize) {
    return fmt::format("{{\"image_size\":8,\"resize\":{},\"channels\":1,\"mean\":[0.4],\"std\":[0.5]}}", resize);
  };
  EXPECT_EQ(read(stored(9)), (Preprocessing{8, 9, 1, {0.4}, {0.5}, true}));
  const Preprocessing none = read(stored(0));
  EXPECT_EQ(none, (Preprocessing{8, 8, 1, {0.4}, {0.5}, false}));

  Checkpoint again = example();
  for (const Preprocessing& p : {none, Preprocessing{8, 6, 1, {0.4}, {0.5}}}) {
    again.preprocessing = p;
    write_checkpoint(dir / "c.safetensors", again);
    const auto metadata = nlohmann::json::parse(read_safetensors_metadata(dir / "c.safetensors").at("preprocessing"));
    EXPECT_EQ(metadata.at("fit"), p.enlarge ? "pad" : "shrink");
    EXPECT_GT(metadata.at("resize"), 0);
    EXPECT_EQ(read_checkpoint(dir / "c.safetensors").preprocessing, p);
  }
  EXPECT_THAT(
      error_of([&] { read(R"({"image_size":8,"resize":6,"fit":"crop","channels":1,"mean":[0.4],"std":[1]})"); }),
      HasSubstr("fit is 'crop', but with image_size 8 and resize 6 it must be 'pad'"));
}

TEST(Sections, ANameInAFileBelongsToOne) {
  const std::vector<TensorSection> sections = tensor_sections();
  EXPECT_EQ(section_of(sections, "conv_stem.weight").name, kModelSection);
  EXPECT_EQ(section_of(sections, "optimizer.step.conv_stem.weight").name, kOptimizerSection);
  EXPECT_EQ(section_of(sections, "optimizers.weight").name, kModelSection);
  EXPECT_EQ(section_of(sections, "schedule.lr").name, kScheduleSection);
}

TEST(Sections, AModelWhoseNamesWouldBeReadAsAnothersIsNotWritten) {
  const TempDir dir;
  Checkpoint checkpoint = example();
  checkpoint.tensors[kModelSection].push_back({"optimizer.weight", Tensor::zeros({1})});
  EXPECT_THAT(error_of([&] { write_checkpoint(dir / "c.safetensors", checkpoint); }),
              AllOf(HasSubstr("c.safetensors"), HasSubstr("optimizer.weight belongs to section 'model'")));
  checkpoint = example();
  checkpoint.tensors["lost"].push_back({"x", Tensor::zeros({1})});
  EXPECT_THAT(error_of([&] { write_checkpoint(dir / "c.safetensors", checkpoint); }), HasSubstr("table of sections"));
  EXPECT_FALSE(std::filesystem::exists(dir / "c.safetensors"));
}

TEST(ResumedConfig, ChangesOnlyWhatTheStepsSoFarDoNotDependOn) {
  const Checkpoint checkpoint = example();
  const Config config =
      resumed_config(checkpoint, "", {"train.epochs=9", "run.threads=2", "data.workers=3", "data.root=elsewhere"})
          .config;
  EXPECT_EQ(config.train.epochs, 9);
  EXPECT_EQ(config.run.threads, 2);
  EXPECT_EQ(config.data.workers, 3);
  EXPECT_EQ(config.data.root, "elsewhere");
  EXPECT_EQ(config.run.seed, 3U);
  EXPECT_THAT(error_of([&] {
                resumed_config(checkpoint, "", {"train.batch_size=32", "run.seed=1", "train.epochs=4"});
              }),
              AllOf(HasSubstr("train.batch_size (16 to 32)"), HasSubstr("run.seed (3 to 1)"),
                    Not(HasSubstr("train.epochs ("))));
  EXPECT_THROW(resumed_config(checkpoint, "", {"model.name=ghostnet"}), UsageError);
}

TEST(ChangeOfSchedule, TellsTheRatesAndTheOtherMeaning) {
  Config before = tiny();
  before.optimizer.lr = 0.1;
  before.train.epochs = 2;
  Config now = before;
  Progress progress;
  progress.step = 10;
  progress.lr = 0.1 / 2 * (1 + std::cos(M_PI * 9 / 10));
  EXPECT_EQ(change_of_schedule(before, now, progress, 5), "");
  now.train.epochs = 4;
  EXPECT_THAT(
      change_of_schedule(before, now, progress, 5),
      AllOf(HasSubstr("cosine curve was made for 2 epochs and is now for 4"), HasSubstr("0.00245 in the last step"),
            HasSubstr("0.05 in the next"), HasSubstr("--set schedule.epochs=2")));
  now.schedule.epochs = 2;
  EXPECT_THAT(change_of_schedule(before, now, progress, 5),
              AllOf(HasSubstr("keeps its 2 epochs"), HasSubstr("0.00245 in the last step and is 0.00245 in the next")));
  // From there on nothing changes.
  EXPECT_EQ(change_of_schedule(now, now, progress, 5), "");
  before.schedule.name = now.schedule.name = "one_cycle";
  now.schedule.epochs = 0;
  EXPECT_THAT(change_of_schedule(before, now, progress, 5), HasSubstr("the momentum 0.95 and "));
  before.schedule.name = now.schedule.name = "exponential";
  EXPECT_EQ(change_of_schedule(before, now, progress, 5), "") << "does not depend on the length";
}

TEST(ResumedConfig, AcceptsTheRunsOwnConfigurationFile) {
  const TempDir dir;
  const auto same = dir.write("same.yaml", std::string_view(test::tiny_config("somewhere")));
  EXPECT_EQ(resumed_config(example(), same.string(), {"train.epochs=5"}).config.train.epochs, 5);
  const auto other = dir.write("other.yaml", std::string_view("extends: same.yaml\noptimizer: {lr: 0.2}\n"));
  EXPECT_THAT(error_of([&] { resumed_config(example(), other.string(), {}); }),
              HasSubstr("optimizer.lr (0.05 to 0.2)"));
}

}  // namespace
}  // namespace ghost
