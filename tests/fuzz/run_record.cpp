// Any lines as the metrics of a run: those that are none are named and left out, and going on with the run cuts them
// off.
#include "train/report/run_record.h"

#include <filesystem>
#include <fstream>
#include <string>
#include <unistd.h>

#include "core/error.h"
#include "train/run/metrics_log.h"

namespace {

std::filesystem::path make_run() {
  const std::filesystem::path dir = std::filesystem::temp_directory_path() / ("ghost-fuzz-" + std::to_string(getpid()));
  std::filesystem::create_directories(dir);
  std::ofstream(dir / "config.yaml") << "train: {epochs: 3}\n";
  return dir;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const std::filesystem::path dir = make_run();
  const std::filesystem::path metrics = dir / "metrics.jsonl";
  std::ofstream(metrics, std::ios::binary)
      .write(reinterpret_cast<const char*>(data), static_cast<std::streamsize>(size));
  try {
    ghost::read_run(dir);
    ghost::trim_metrics(metrics, 1, 5, [](const std::string&) {});
    ghost::read_run(dir);
  } catch (const ghost::Error&) {
  }
  return 0;
}
