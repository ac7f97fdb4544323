#include "data/cifar.h"

#include <algorithm>
#include <fmt/ranges.h>
#include <sstream>
#include <string_view>
#include <utility>

#include "data/file.h"
#include "data/memory_dataset.h"
#include "data/sizing.h"

namespace fs = std::filesystem;

namespace ghost {
namespace {

constexpr int64_t kSide = 32, kPlane = kSide * kSide;

struct Variant {
  std::string_view called;
  CifarLayout layout;
  std::string_view folder, python_folder, names_file;
  std::vector<std::string> train_files, test_files;
  int64_t train_records, test_records;  // in each file
  std::string_view names;               // the official ones, in order
  std::vector<double> mean, std;
};

const Variant& cifar10() {
  static const Variant variant{
      .called = "cifar10",
      .layout = kCifar10,
      .folder = "cifar-10-batches-bin",
      .python_folder = "cifar-10-batches-py",
      .names_file = "batches.meta.txt",
      .train_files = {"data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin", "data_batch_4.bin",
                      "data_batch_5.bin"},
      .test_files = {"test_batch.bin"},
      .train_records = 10000,
      .test_records = 10000,
      .names = "airplane automobile bird cat deer dog frog horse ship truck",
      .mean = {0.4914, 0.4822, 0.4465},
      .std = {0.2470, 0.2435, 0.2616},
  };
  return variant;
}

const Variant& cifar100() {
  static const Variant variant{
      .called = "cifar100",
      .layout = kCifar100,
      .folder = "cifar-100-binary",
      .python_folder = "cifar-100-python",
      .names_file = "fine_label_names.txt",
      .train_files = {"train.bin"},
      .test_files = {"test.bin"},
      .train_records = 50000,
      .test_records = 10000,
      .names =
          "apple aquarium_fish baby bear beaver bed bee beetle bicycle bottle bowl boy bridge bus butterfly camel can "
          "castle caterpillar cattle chair chimpanzee clock cloud cockroach couch crab crocodile cup dinosaur dolphin "
          "elephant flatfish forest fox girl hamster house kangaroo keyboard lamp lawn_mower leopard lion lizard "
          "lobster man maple_tree motorcycle mountain mouse mushroom oak_tree orange orchid otter palm_tree pear "
          "pickup_truck pine_tree plain plate poppy porcupine possum rabbit raccoon ray road rocket rose sea seal "
          "shark shrew skunk skyscraper snail snake spider squirrel streetcar sunflower sweet_pepper table tank "
          "telephone television tiger tractor train trout tulip turtle wardrobe whale willow_tree wolf woman worm",
      .mean = {0.5071, 0.4865, 0.4409},
      .std = {0.2673, 0.2564, 0.2762},
  };
  return variant;
}

std::vector<std::string> words(const std::string& text) {
  std::istringstream in(text);
  std::vector<std::string> all;
  for (std::string word; in >> word;) all.push_back(word);
  return all;
}

std::vector<std::string> class_names(const Variant& variant, const fs::path& folder) {
  const fs::path file = folder / variant.names_file;
  if (!file_exists(file)) return words(std::string(variant.names));
  const std::vector<uint8_t> bytes = read_file(file, 1 << 20);
  std::vector<std::string> names = words(std::string(bytes.begin(), bytes.end()));
  if (static_cast<int64_t>(names.size()) != variant.layout.classes)
    fail("{}: {} class names; {} has {}", file.string(), names.size(), variant.called, variant.layout.classes);
  return names;
}

fs::path find_folder(const Variant& variant, const std::string& root) {
  if (root.empty())
    fail("{}: data.root is not set; give the folder that holds {}, or its parent", variant.called, variant.folder);
  require_folder(std::string(variant.called), root);
  const auto has_any = [&](const fs::path& folder) {
    return file_exists(folder / variant.train_files[0]) || file_exists(folder / variant.test_files[0]);
  };
  for (const fs::path& folder : {fs::path(root), fs::path(root) / variant.folder})
    if (has_any(folder)) return folder;
  const bool python = folder_exists(fs::path(root) / variant.python_folder) ||
                      file_exists(fs::path(root) / "batches.meta") || file_exists(fs::path(root) / "meta");
  fail("{}: neither {} nor {} in it holds {}{}", variant.called, root, variant.folder,
       fmt::join(variant.train_files, ", "),
       python ? "; there is the Python version (pickle), but the binary version is needed" : "");
}

DataDefaults defaults_of(const Variant& variant, const DataConfig& config) {
  return {.image_size = kSide,
          .resize = resize_for_stored_size({kSide, kSide}, image_size_or(config, kSide), false),
          .mean = variant.mean,
          .std = variant.std};
}

// A part of the files trains worse and tests less surely than the numbers that are known of the whole.
void warn_of_missing_records(const std::vector<fs::path>& files, const CifarLayout& layout, int64_t official,
                             std::vector<std::string>& warnings) {
  for (const fs::path& file : files) {
    std::error_code ignored;
    const int64_t records = static_cast<int64_t>(fs::file_size(file, ignored)) / (layout.label_bytes + 3 * kPlane);
    if (!ignored && records < official)
      warnings.push_back(
          message_of("{}: holds {} records; the official file holds {}", file.string(), records, official));
  }
}

DataSplits open_variant(const Variant& variant, const DataConfig& config, uint64_t seed, DataUse use) {
  const fs::path folder = find_folder(variant, config.root);
  const std::vector<std::string> names = class_names(variant, folder);
  DataSplits parts;
  const auto read = [&](const std::vector<std::string>& files, int64_t records) {
    std::vector<fs::path> paths;
    for (const std::string& file : files) {
      paths.push_back(folder / file);
      if (!file_exists(paths.back())) fail("{}: {} is missing", variant.called, paths.back().string());
    }
    warn_of_missing_records(paths, variant.layout, records, parts.warnings);
    return read_cifar(paths, variant.layout, names);
  };
  const bool any_to_train = std::any_of(variant.train_files.begin(), variant.train_files.end(),
                                        [&](const std::string& file) { return file_exists(folder / file); });
  if (use == DataUse::training || any_to_train) parts.train = read(variant.train_files, variant.train_records);
  parts.test = read(variant.test_files, variant.test_records);
  return resolve_splits(std::move(parts), config, defaults_of(variant, config), seed, use);
}

}  // namespace

DatasetPtr read_cifar(const std::vector<fs::path>& files, const CifarLayout& layout,
                      std::vector<std::string> class_names) {
  const int64_t record = layout.label_bytes + 3 * kPlane;
  MemoryDataset::Contents contents{
      .height = kSide, .width = kSide, .channels = 3, .class_names = std::move(class_names)};
  for (const fs::path& file : files) {
    const std::vector<uint8_t> bytes = read_file(file);
    const auto size = static_cast<int64_t>(bytes.size());
    if (size == 0) fail("{}: the file is empty; records of {} bytes were expected", file.string(), record);
    if (size % record != 0)
      fail("{}: {} bytes are {} records of {} bytes and {} stray bytes", file.string(), size, size / record, record,
           size % record);
    const int64_t count = size / record, before = static_cast<int64_t>(contents.labels.size());
    contents.pixels.resize(static_cast<size_t>((before + count) * 3 * kPlane));
    for (int64_t i = 0; i < count; i++) {
      const uint8_t* planes = bytes.data() + i * record + layout.label_bytes;
      const uint8_t label = planes[-1];
      if (label >= layout.classes)
        fail("{}: record {} has label {}; labels are 0 to {}", file.string(), i, label, layout.classes - 1);
      contents.labels.push_back(label);
      uint8_t* to = contents.pixels.data() + (before + i) * 3 * kPlane;
      for (int64_t p = 0; p < kPlane; p++)
        for (int64_t c = 0; c < 3; c++) to[3 * p + c] = planes[c * kPlane + p];
    }
    contents.sources.push_back({file.filename().string(), "record", count});
  }
  return std::make_shared<MemoryDataset>(std::move(contents));
}

DataSplits open_cifar10(const DataConfig& config, uint64_t seed, DataUse use) {
  return open_variant(cifar10(), config, seed, use);
}
DataSplits open_cifar100(const DataConfig& config, uint64_t seed, DataUse use) {
  return open_variant(cifar100(), config, seed, use);
}
DataDefaults cifar10_defaults(const DataConfig& config) { return defaults_of(cifar10(), config); }
DataDefaults cifar100_defaults(const DataConfig& config) { return defaults_of(cifar100(), config); }

}  // namespace ghost
