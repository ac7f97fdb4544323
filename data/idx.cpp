#include "data/idx.h"

#include <algorithm>
#include <fmt/ranges.h>
#include <map>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>
#include <zlib.h>

#include "core/quoted.h"
#include "core/system_limits.h"
#include "data/file.h"
#include "data/format_check.h"
#include "data/memory_dataset.h"
#include "data/sizing.h"

namespace fs = std::filesystem;

namespace ghost {

// gzopen reads plain files too.
class GzipFile {
 public:
  explicit GzipFile(const fs::path& file) : name_(file.string()) {
    if (!file_exists(file)) fail("{}: there is no such file", name_);
    file_.reset(gzopen(file.c_str(), "rb"));
    if (!file_) fail("{}: cannot be opened", name_);
    gzbuffer(file_.get(), 1 << 17);
  }

  // Fewer than `count` at the end of the file.
  size_t read(uint8_t* to, size_t count) {
    size_t filled = 0;
    while (filled < count) {
      const auto part = static_cast<unsigned>(std::min<size_t>(count - filled, 1 << 30));
      const int got = gzread(file_.get(), to + filled, part);
      int code = Z_OK;
      const char* reason = gzerror(file_.get(), &code);
      if (got < 0 || code == Z_BUF_ERROR)  // Z_BUF_ERROR: the file ends inside the compressed data
        fail("{}: cannot be decompressed: {}", name_, reason);
      if (got == 0) break;
      filled += static_cast<size_t>(got);
    }
    return filled;
  }
  bool plain() const { return gzdirect(file_.get()) != 0; }

 private:
  struct Close {
    void operator()(gzFile_s* f) const { gzclose_r(f); }
  };
  std::string name_;
  std::unique_ptr<gzFile_s, Close> file_;
};

namespace {

bool contains(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

struct Pair {
  fs::path images, labels;
};
struct Files {
  std::optional<Pair> train = {}, validation = {}, test = {};
};

// Empty: the name is not that of one of the files.
std::string part_in(const std::string& name) {
  const bool train = contains(name, "train"), validation = contains(name, "val");
  const bool test = contains(name, "t10k") || contains(name, "test");
  if (train + validation + test != 1) return "";
  return train ? "train" : validation ? "validation" : "test";
}

// The files by their names, as MNIST's and its successors' are called: "train", "val", or "t10k" or "test", with
// "images" or "labels". A plain file is taken before its .gz.
Files find_files(const std::string& called, const fs::path& root, DataUse use) {
  std::map<std::string, std::vector<fs::path>> found;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(root, error)) {
    const std::string name = lower(entry.path().filename().string()), part = part_in(name);
    const bool images = contains(name, "images");
    if (name.starts_with(".") || part.empty() || images == contains(name, "labels") || !file_exists(entry.path()))
      continue;
    auto& list = found[part + (images ? " images" : " labels")];
    const auto without_gz = [](const fs::path& p) {
      return p.extension() == ".gz" ? fs::path(p).replace_extension() : p;
    };
    const auto twin = std::find_if(list.begin(), list.end(),
                                   [&](const fs::path& p) { return without_gz(p) == without_gz(entry.path()); });
    if (twin == list.end())
      list.push_back(entry.path());
    else if (entry.path().extension() != ".gz")
      *twin = entry.path();
  }
  if (error) fail("{}: {} cannot be read: {}", called, root.string(), error.message());
  const auto one = [&](const std::string& what, const std::string& usual) {
    std::vector<std::string> names;
    for (const fs::path& p : found[what]) names.push_back(p.filename().string());
    std::sort(names.begin(), names.end());
    if (names.empty())
      fail("{}: {} holds no {}: a file named like {} or {}.gz", called, root.string(), what, usual, usual);
    if (names.size() > 1)
      fail("{}: {} holds {} files of {} ({}); put each data set in a folder of its own", called, root.string(),
           names.size(), what, fmt::join(names, ", "));
    return found[what][0];
  };
  const auto pair = [&](const std::string& part, const std::string& usual, bool needed) -> std::optional<Pair> {
    if (!needed && !found.contains(part + " images") && !found.contains(part + " labels")) return std::nullopt;
    return Pair{one(part + " images", usual + "-images-idx3-ubyte"),
                one(part + " labels", usual + "-labels-idx1-ubyte")};
  };
  Files files{.train = pair("train", "train", use == DataUse::training),
              .validation = pair("validation", "val", false)};
  files.test = pair("test", "t10k", !files.validation);
  return files;
}

std::vector<std::string> numbered_classes(const std::vector<uint8_t>& labels) {
  std::vector<std::string> names;
  const int most = labels.empty() ? 0 : *std::max_element(labels.begin(), labels.end());
  for (int i = 0; i <= most; i++) names.push_back(std::to_string(i));
  return names;
}

DataSplits open_pairs(const std::string& called, const fs::path& root, const DataConfig& config, uint64_t seed,
                      DataUse use, std::vector<std::string> class_names, DataDefaults usual) {
  const Files files = find_files(called, root, use);
  DataSplits parts;
  const MemoryDataset* first = nullptr;
  const char* first_part = "";
  const auto read = [&](const std::optional<Pair>& pair, const char* part) -> DatasetPtr {
    if (!pair) return nullptr;
    DatasetPtr pictures = read_idx_pair(pair->images, pair->labels, class_names);
    const auto& stored = static_cast<const MemoryDataset&>(*pictures);
    if (!first) {
      first = &stored;
      first_part = part;
      class_names = pictures->class_names();
    } else if (stored.channels() != first->channels() || stored.height() != first->height() ||
               stored.width() != first->width()) {
      fail("{}: {} images are {}x{}x{}, but {} images {}x{}x{}", called, first_part, first->height(), first->width(),
           first->channels(), part, stored.height(), stored.width(), stored.channels());
    }
    return pictures;
  };
  parts.train = read(files.train, "training");
  parts.validation = read(files.validation, "validation");
  parts.test = read(files.test, "test");
  if (!parts.test) test_with_validation(parts);
  const PictureSize stored{.height = first->height(), .width = first->width()};
  if (usual.image_size == 0) usual.image_size = std::max(stored.height, stored.width);
  usual.resize = resize_for_stored_size(stored, image_size_or(config, usual.image_size), true);
  return resolve_splits(std::move(parts), config, usual, seed, use);
}

}  // namespace

IdxFile::IdxFile(const fs::path& file) : name_(file.string()), in_(std::make_unique<GzipFile>(file)) {
  std::array<uint8_t, 4> magic{};
  if (in_->read(magic.data(), 4) < 4) fail("{}: the file is shorter than an IDX header", name_);
  if (magic[0] != 0 || magic[1] != 0) fail("{}: not an IDX file (it begins with {:02x})", name_, fmt::join(magic, " "));
  if (magic[2] != 8) fail("{}: IDX values of type 0x{:02x}; 0x08 (bytes) was expected", name_, magic[2]);
  if (magic[3] < 1 || magic[3] > 4) fail("{}: IDX with {} dimensions; 1 to 4 were expected", name_, magic[3]);

  // Deflate makes at most 1032 bytes of one.
  const int64_t most = static_cast<int64_t>(fs::file_size(file)) * (in_->plain() ? 1 : 1032);
  for (int d = 0; d < magic[3]; d++) {
    std::array<uint8_t, 4> b{};
    if (in_->read(b.data(), 4) < 4) fail("{}: the file ends inside its IDX header", name_);
    const int64_t size = int64_t{b[0]} << 24 | int64_t{b[1]} << 16 | int64_t{b[2]} << 8 | b[3];
    shape_.push_back(size);
    if (size == 0) fail("{}: IDX dimension {} is 0", name_, d);
    if (size > most / count_)
      fail("{}: truncated: its header declares dimensions of {} and more, the file has {} bytes", name_,
           fmt::join(shape_, "x"), fs::file_size(file));
    count_ *= size;
  }
}
IdxFile::~IdxFile() = default;

std::vector<uint8_t> IdxFile::values() {
  if (const MemoryLimit limit = memory_limit(); count_ > limit.available)
    fail("{}: its header declares {} values ({}), but {} MiB of memory are available ({})", name_, count_,
         fmt::join(shape_, "x"), limit.available >> 20, limit.reason);
  std::vector<uint8_t> values, part(static_cast<size_t>(std::min<int64_t>(count_, 1 << 20)));
  // Addresses only: the system gives memory as values come, so a header that promises too much takes none.
  values.reserve(static_cast<size_t>(count_));
  while (std::ssize(values) < count_) {
    const size_t got = in_->read(part.data(), std::min(part.size(), static_cast<size_t>(count_) - values.size()));
    if (got == 0) fail("{}: truncated: {} values of {} ({})", name_, values.size(), count_, fmt::join(shape_, "x"));
    values.insert(values.end(), part.begin(), part.begin() + static_cast<std::ptrdiff_t>(got));
  }
  uint8_t extra;
  if (in_->read(&extra, 1) > 0)
    fail("{}: more than the {} values ({}) that its header declares", name_, count_, fmt::join(shape_, "x"));
  return values;
}

DatasetPtr read_idx_pair(const fs::path& images, const fs::path& labels, std::vector<std::string> class_names) {
  // What does not fit together is refused by the headers, before either is read.
  IdxFile pictures(images), numbers(labels);
  const std::vector<int64_t>& shape = pictures.shape();
  if (shape.size() < 3 || (shape.size() == 4 && shape[3] != 1 && shape[3] != 3))
    fail("{}: images of shape ({}); (N, H, W) or (N, H, W, 1 or 3) was expected", images.string(),
         fmt::join(shape, ", "));
  check_picture_size(shape[1], shape[2], images.string());
  if (numbers.shape().size() != 1)
    fail("{}: labels of shape ({}); (N) was expected", labels.string(), fmt::join(numbers.shape(), ", "));
  if (numbers.shape()[0] != shape[0])
    fail("{} has {} images, but {} has {} labels", images.string(), shape[0], labels.string(), numbers.shape()[0]);
  std::vector<uint8_t> classes = numbers.values();
  if (class_names.empty()) class_names = numbered_classes(classes);
  for (size_t i = 0; i < classes.size(); i++)
    if (classes[i] >= class_names.size())
      fail("{}: label {} of image {}; there are {} classes, so labels are 0 to {}", labels.string(), classes[i], i,
           class_names.size(), class_names.size() - 1);
  return std::make_shared<MemoryDataset>(
      MemoryDataset::Contents{.height = shape[1],
                              .width = shape[2],
                              .channels = shape.size() == 4 ? shape[3] : 1,
                              .pixels = pictures.values(),
                              .labels = std::move(classes),
                              .class_names = std::move(class_names),
                              .sources = {{images.filename().string(), "image", shape[0]}}});
}

DataSplits open_idx(const DataConfig& config, uint64_t seed, DataUse use) {
  if (config.root.empty())
    fail("idx: data.root is not set; give the folder that holds train-images-idx3-ubyte and its like (or .gz)");
  require_folder("idx", config.root);
  return open_pairs("idx", config.root, config, seed, use, {}, idx_defaults(config));
}

DataSplits open_fashion_mnist(const DataConfig& config, uint64_t seed, DataUse use) {
  constexpr const char* kUsual = "/usr/share/datasets/fashion-mnist";  // of the Debian package
  const fs::path root = config.root.empty() ? kUsual : config.root;
  if (!folder_exists(root))
    fail(
        "fashion_mnist: there is no folder {}; install the Debian package dataset-fashion-mnist (apt-get install "
        "dataset-fashion-mnist), or set data.root to a folder with its four files",
        root.string());
  return open_pairs(
      "fashion_mnist", root, config, seed, use,
      {"t-shirt/top", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot"},
      fashion_mnist_defaults(config));
}

// MNIST's own mean and deviation, which serve white on black in general.
DataDefaults idx_defaults(const DataConfig& /*config*/) { return {.mean = {0.1307}, .std = {0.3081}}; }

DataDefaults fashion_mnist_defaults(const DataConfig& config) {
  constexpr int64_t kUsual = 32, kStored = 28;
  return {.image_size = kUsual,
          .resize = resize_for_stored_size({kStored, kStored}, image_size_or(config, kUsual), true),
          .mean = {0.2860},
          .std = {0.3530}};
}

}  // namespace ghost
