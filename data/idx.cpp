#include "data/idx.h"

#include <algorithm>
#include <cctype>
#include <fmt/ranges.h>
#include <map>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>
#include <zlib.h>

#include "data/file.h"
#include "data/memory_dataset.h"
#include "data/sizing.h"

namespace fs = std::filesystem;

namespace ghost {
namespace {

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

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return std::tolower(c); });
  return text;
}

bool contains(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

struct Files {
  fs::path train_images, train_labels, test_images, test_labels;
};

// The four files by their names, as MNIST's and its successors' are called: "train" or "t10k", "test", "val", with
// "images" or "labels". A plain file is taken before its .gz.
Files find_files(const std::string& called, const fs::path& root) {
  std::map<std::string, std::vector<fs::path>> found;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(root, error)) {
    const std::string name = lower(entry.path().filename().string());
    const bool train = contains(name, "train"), images = contains(name, "images");
    const bool test = contains(name, "t10k") || contains(name, "test") || contains(name, "val");
    if (name.starts_with(".") || train == test || images == contains(name, "labels") || !file_exists(entry.path()))
      continue;
    auto& list = found[std::string(train ? "train" : "test") + (images ? " images" : " labels")];
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
  const auto one = [&](const std::string& what, const char* usual) {
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
  return {.train_images = one("train images", "train-images-idx3-ubyte"),
          .train_labels = one("train labels", "train-labels-idx1-ubyte"),
          .test_images = one("test images", "t10k-images-idx3-ubyte"),
          .test_labels = one("test labels", "t10k-labels-idx1-ubyte")};
}

std::vector<std::string> numbered_classes(const std::vector<uint8_t>& labels) {
  std::vector<std::string> names;
  const int most = labels.empty() ? 0 : *std::max_element(labels.begin(), labels.end());
  for (int i = 0; i <= most; i++) names.push_back(std::to_string(i));
  return names;
}

DataSplits open_pairs(const std::string& called, const fs::path& root, const DataConfig& config, uint64_t seed,
                      std::vector<std::string> class_names, DataDefaults usual) {
  const Files files = find_files(called, root);
  const DatasetPtr train = read_idx_pair(files.train_images, files.train_labels, std::move(class_names));
  const DatasetPtr test = read_idx_pair(files.test_images, files.test_labels, train->class_names());
  const auto& stored = static_cast<const MemoryDataset&>(*train);
  const auto& tested = static_cast<const MemoryDataset&>(*test);
  if (stored.channels() != tested.channels() || stored.height() != tested.height() || stored.width() != tested.width())
    fail("{}: training images are {}x{}x{}, but test images {}x{}x{}", called, stored.height(), stored.width(),
         stored.channels(), tested.height(), tested.width(), tested.channels());
  if (usual.image_size == 0) usual.image_size = std::max(stored.height(), stored.width());
  usual.resize =
      resize_for_stored_size({stored.height(), stored.width()}, image_size_or(config, usual.image_size), true);
  return resolve_splits(train, test, config, usual, seed);
}

}  // namespace

IdxArray read_idx(const fs::path& file) {
  const std::string name = file.string();
  GzipFile in(file);
  std::array<uint8_t, 4> magic{};
  if (in.read(magic.data(), 4) < 4) fail("{}: the file is shorter than an IDX header", name);
  if (magic[0] != 0 || magic[1] != 0) fail("{}: not an IDX file (it begins with {:02x})", name, fmt::join(magic, " "));
  if (magic[2] != 8) fail("{}: IDX values of type 0x{:02x}; 0x08 (bytes) was expected", name, magic[2]);
  if (magic[3] < 1 || magic[3] > 4) fail("{}: IDX with {} dimensions; 1 to 4 were expected", name, magic[3]);

  // Deflate makes at most 1032 bytes of one: what the file cannot hold is refused before memory is taken for it.
  const int64_t most = static_cast<int64_t>(fs::file_size(file)) * (in.plain() ? 1 : 1032);
  IdxArray array;
  int64_t count = 1;
  for (int d = 0; d < magic[3]; d++) {
    std::array<uint8_t, 4> b{};
    if (in.read(b.data(), 4) < 4) fail("{}: the file ends inside its IDX header", name);
    const int64_t size = int64_t{b[0]} << 24 | int64_t{b[1]} << 16 | int64_t{b[2]} << 8 | b[3];
    array.shape.push_back(size);
    if (size == 0) fail("{}: IDX dimension {} is 0", name, d);
    if (size > most / count)
      fail("{}: truncated: its header declares dimensions of {} and more, the file has {} bytes", name,
           fmt::join(array.shape, "x"), fs::file_size(file));
    count *= size;
  }
  array.values.resize(static_cast<size_t>(count));
  const size_t got = in.read(array.values.data(), array.values.size());
  if (got < array.values.size())
    fail("{}: truncated: {} values of {} ({})", name, got, count, fmt::join(array.shape, "x"));
  uint8_t extra;
  if (in.read(&extra, 1) > 0)
    fail("{}: more than the {} values ({}) that its header declares", name, count, fmt::join(array.shape, "x"));
  return array;
}

DatasetPtr read_idx_pair(const fs::path& images, const fs::path& labels, std::vector<std::string> class_names) {
  IdxArray pictures = read_idx(images), classes = read_idx(labels);
  const auto& shape = pictures.shape;
  if (shape.size() < 3 || (shape.size() == 4 && shape[3] != 1 && shape[3] != 3))
    fail("{}: images of shape ({}); (N, H, W) or (N, H, W, 1 or 3) was expected", images.string(),
         fmt::join(shape, ", "));
  if (classes.shape.size() != 1)
    fail("{}: labels of shape ({}); (N) was expected", labels.string(), fmt::join(classes.shape, ", "));
  if (classes.shape[0] != shape[0])
    fail("{} has {} images, but {} has {} labels", images.string(), shape[0], labels.string(), classes.shape[0]);
  if (class_names.empty()) class_names = numbered_classes(classes.values);
  for (size_t i = 0; i < classes.values.size(); i++)
    if (classes.values[i] >= class_names.size())
      fail("{}: label {} of image {}; labels of the training images are 0 to {}", labels.string(), classes.values[i], i,
           class_names.size() - 1);
  return std::make_shared<MemoryDataset>(
      MemoryDataset::Contents{.height = shape[1],
                              .width = shape[2],
                              .channels = shape.size() == 4 ? shape[3] : 1,
                              .pixels = std::move(pictures.values),
                              .labels = std::move(classes.values),
                              .class_names = std::move(class_names),
                              .sources = {{images.filename().string(), "image", shape[0]}}});
}

DataSplits open_idx(const DataConfig& config, uint64_t seed) {
  if (config.root.empty())
    fail("idx: data.root is not set; give the folder that holds train-images-idx3-ubyte and its like (or .gz)");
  if (!folder_exists(config.root)) fail("idx: data.root {} is not a folder", config.root);
  return open_pairs("idx", config.root, config, seed, {}, idx_defaults(config));
}

DataSplits open_fashion_mnist(const DataConfig& config, uint64_t seed) {
  constexpr const char* kUsual = "/usr/share/datasets/fashion-mnist";  // of the Debian package
  const fs::path root = config.root.empty() ? kUsual : config.root;
  if (!folder_exists(root))
    fail(
        "fashion_mnist: there is no folder {}; install the Debian package dataset-fashion-mnist (apt-get install "
        "dataset-fashion-mnist), or set data.root to a folder with its four files",
        root.string());
  return open_pairs(
      "fashion_mnist", root, config, seed,
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
