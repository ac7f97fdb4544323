// Programs in a folder of their own, with a data set that is learnt in seconds.
#pragma once
#include <fstream>
#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include "core/safetensors.h"
#include "support/metrics.h"
#include "support/process.h"
#include "support/temp_dir.h"
#include "support/tiny_images.h"

namespace ghost {

using test::file_bytes;
using test::file_text;
using test::Finished;
using test::Process;
using test::TempDir;
using testing::AllOf;
using testing::Contains;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;
using Words = std::vector<std::string>;
namespace fs = std::filesystem;

// Tiny pictures and a configuration, tiny.yaml, in a folder in which the programs run.
class Programs : public testing::Test {
 protected:
  explicit Programs(const test::TinyImages& images = {}) { test::write_tiny_task(dir_, images); }

  Finished train(Words arguments, test::ProcessOptions options = {}) const {
    options.directory = dir_.str();
    return test::run_program("ghost-train", arguments, options);
  }
  Finished train_tiny(const std::string& run, const Words& more = {}, const test::ProcessOptions& options = {}) const {
    return train(tiny(run, more), options);
  }
  Finished eval(const Words& arguments) const {
    return test::run_program("ghost-eval", arguments, {.directory = dir_.str()});
  }
  static Words tiny(const std::string& run, const Words& more = {}) {
    Words arguments{"--config", "tiny.yaml", "--run", run};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return arguments;
  }
  static Words command(Words arguments) {
    arguments.insert(arguments.begin(), test::program_path("ghost-train"));
    return arguments;
  }

  fs::path last(const std::string& run) const { return dir_ / run / "checkpoints/last.safetensors"; }
  fs::path best(const std::string& run) const { return dir_ / run / "checkpoints/best.safetensors"; }

  // Bit for bit, by name; what the metadata say (threads, workers) may differ.
  static std::map<std::string, std::vector<double>> tensors(const fs::path& checkpoint) {
    std::map<std::string, std::vector<double>> values;
    for (const NamedTensor& t : read_safetensors(checkpoint).tensors) values[t.name] = t.tensor.to_vector<double>();
    return values;
  }
  std::vector<nlohmann::json> metrics(const std::string& run) const { return test::metrics_of(dir_ / run); }
  // Lines so far of a run that is under way.
  int64_t lines(const std::string& run) const { return test::metric_lines(dir_ / run); }

  TempDir dir_;
};

// An error is a sentence on stderr: one line, from the program, and nothing of the machine that made it.
inline testing::Matcher<std::string> sentence(const std::string& program, const testing::Matcher<std::string>& about) {
  return AllOf(StartsWith(program + ": "), EndsWith("\n"), Not(HasSubstr("terminate")), Not(HasSubstr("std::")), about);
}

}  // namespace ghost
