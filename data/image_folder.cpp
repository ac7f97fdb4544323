#include "data/image_folder.h"

#include <utility>

#include "data/class_folders.h"
#include "data/file.h"
#include "data/folder_layout.h"
#include "data/same_name.h"
#include "data/sizing.h"
#include "data/split_by_name.h"

namespace fs = std::filesystem;

namespace ghost {
namespace {

// What a folder of classes is for.
struct Part {
  ClassFoldersPtr folders;
  std::vector<int64_t> indices = {};  // of its pictures; empty: all
  DatasetPtr dataset() const {
    if (!folders) return nullptr;
    const DatasetPtr all = dataset_of(folders);
    return indices.empty() ? all : subset(all, indices);
  }
};

void add(std::vector<std::string>& sentences, std::vector<std::string> more) {
  for (std::string& one : more)
    if (!one.empty()) sentences.push_back(std::move(one));
}

void require_classes_of(const ClassFolders& train, const ClassFolders& tested) {
  const std::string train_name = train.folder.filename().string(), name = tested.folder.filename().string();
  require_same_classes(train.classes, tested.classes, train_name, name);
}

class Opener {
 public:
  Opener(const DataConfig& config, uint64_t seed, DataUse use) : config_(config), seed_(seed), use_(use) {}

  DataSplits open() {
    const fs::path root = config_.root;
    FolderLayout layout = find_layout(root, use_);
    parts_.notes = std::move(layout.notes);
    parts_.warnings = std::move(layout.warnings);
    train_.folders = read(layout.train ? layout.train : layout.classes, false, parts_.train_from);
    validation_.folders = read(layout.validation, true, parts_.validation_from);
    test_.folders = read(layout.test, true, parts_.test_from);
    if (!test_.folders) {  // the only part to test with is the test part, whatever it is called
      test_ = std::exchange(validation_, {});
      parts_.test_from = std::exchange(parts_.validation_from, "");
      parts_.test_is_validation = test_.folders != nullptr;
    }
    if (!test_.folders) keep_some_for_testing(layout.classes.has_value());
    check();
    parts_.train = train_.dataset();
    parts_.validation = validation_.dataset();
    parts_.test = test_.dataset();
    DataDefaults defaults = image_folder_defaults(config_);
    SizeDecision sizes;
    if (config_.resize == 0) {
      // Of all that training has: before any choice by the seed, so that all seeds prepare pictures in the same way.
      const DatasetPtr looked_at = dataset_of(train_.folders ? train_.folders : test_.folders);
      sizes = resize_for_pictures(*looked_at, image_size_or(config_, defaults.image_size));
    }
    defaults.resize = sizes.resize;
    DataSplits splits = resolve_splits(std::move(parts_), config_, defaults, seed_, use_);
    splits.sizing_note = std::move(sizes.note);
    return splits;
  }

 private:
  ClassFoldersPtr read(const std::optional<fs::path>& folder, bool allow_empty, std::string& from) {
    if (!folder) return nullptr;
    ClassFoldersPtr folders = read_class_folders(*folder, allow_empty);
    add(parts_.warnings, oddities(*folders));
    from = folder->string();
    return folders;
  }

  void keep_some_for_testing(bool one_folder) {
    test_.folders = train_.folders;
    parts_.test_from = parts_.train_from;
    if (one_folder && use_ == DataUse::testing_all) {
      train_.folders = nullptr;
      parts_.train_from.clear();
      return;
    }
    NameSplit split = split_by_name(*dataset_of(train_.folders), config_.test_share, seed_, "test_share");
    if (split.chosen.empty() || split.rest.empty())
      fail(
          "image_folder: data.test_share {} of the {} pictures in {} leaves none to {}: a picture's side follows from "
          "its name and run.seed; set another share or seed, or keep some in a folder val/",
          config_.test_share, train_.folders->files.size(), config_.root,
          split.chosen.empty() ? "test with" : "train with");
    train_.indices = std::move(split.rest);
    test_.indices = std::move(split.chosen);
    parts_.by_name = true;
  }

  void check() {
    if (!train_.folders) {
      if (validation_.folders) require_classes_of(*validation_.folders, *test_.folders);
      return;
    }
    for (const auto& [part, called] : {std::pair{&validation_, "validation"}, {&test_, "test"}}) {
      if (!part->folders) continue;
      if (!parts_.by_name) require_classes_of(*train_.folders, *part->folders);
      add(parts_.warnings, {trained_on(*train_.folders, train_.indices, *part->folders, part->indices, called)});
    }
  }

  const DataConfig& config_;
  const uint64_t seed_;
  const DataUse use_;
  Part train_, validation_, test_;
  DataSplits parts_;
};

}  // namespace

DataDefaults image_folder_defaults(const DataConfig& config) {
  constexpr int64_t kUsual = 224;
  return {.image_size = kUsual,
          .mean = {0.485, 0.456, 0.406},
          .std = {0.229, 0.224, 0.225},
          .assumed_resize = usual_resize(image_size_or(config, kUsual))};
}

DataSplits open_image_folder(const DataConfig& config, uint64_t seed, DataUse use) {
  if (config.root.empty())
    fail(
        "image_folder: data.root is not set; give the folder that holds train/<class>/ and val/<class>/, or one folder "
        "per class");
  require_folder("image_folder", config.root);
  return Opener(config, seed, use).open();
}

}  // namespace ghost
