#include "data/folder_layout.h"

#include <algorithm>
#include <array>
#include <fmt/ranges.h>
#include <map>
#include <string_view>

#include "core/quoted.h"
#include "data/folder_tree.h"

namespace fs = std::filesystem;

namespace ghost {
namespace {

enum class Part { train, validation, test };

std::optional<Part> part_called(const std::string& name) {
  using namespace std::string_view_literals;
  static const std::map<std::string_view, Part> parts{
      {"train", Part::train},      {"training", Part::train},        {"val", Part::validation},
      {"valid", Part::validation}, {"validation", Part::validation}, {"validate", Part::validation},
      {"dev", Part::validation},   {"eval", Part::validation},       {"test", Part::test},
      {"testing", Part::test}};
  const auto found = parts.find(lower(name));
  return found == parts.end() ? std::nullopt : std::optional(found->second);
}

// What lies directly in a folder.
struct Contents {
  int64_t pictures = 0;
  std::vector<std::string> classes;  // sub-folders with pictures somewhere below
};
Contents contents_of(const fs::path& folder) {
  Contents contents;
  for (const FolderEntry& entry : entries_of(folder)) {
    if (!entry.folder) contents.pictures += has_picture_suffix(entry.path);
    if (entry.folder && holds_pictures(entry.path)) contents.classes.push_back(entry.name);
  }
  return contents;
}

// A sub-folder of the root with the name of a part.
struct Candidate {
  fs::path path;
  std::string name;
  Part part;
  Contents contents;
  bool has_classes() const { return !contents.classes.empty(); }
  bool is_empty() const { return contents.classes.empty() && contents.pictures == 0; }
  bool is_flat() const { return contents.classes.empty() && contents.pictures > 0; }
};

constexpr size_t kNamed = 4;

class Finder {
 public:
  Finder(const fs::path& root, DataUse use) : root_(root), use_(use) {
    for (const FolderEntry& entry : entries_of(root)) {
      if (!entry.folder) continue;
      if (const auto part = part_called(entry.name))
        candidates_.push_back({entry.path, entry.name, *part, contents_of(entry.path)});
      else
        others_.push_back(entry);
    }
  }

  FolderLayout find() {
    if (candidates_.empty()) return one_folder_of_classes();
    std::erase_if(others_, [](const FolderEntry& entry) { return !holds_pictures(entry.path); });
    if (!others_.empty() && !parts_agree()) return classes_among_others();
    return parts();
  }

 private:
  const Candidate* only(Part part) const {
    const Candidate* found = nullptr;
    for (const Candidate& one : candidates_) {
      if (one.part != part || !one.has_classes()) continue;
      if (found)
        fail(
            "image_folder: {} holds {} and {}, which both could be the {} pictures; keep one of them, or rename the "
            "other",
            root_.string(), quoted(found->name), quoted(one.name), name_of(part));
      found = &one;
    }
    return found;
  }
  static std::string pictures_in(const Candidate& one) {
    return one.contents.pictures == 1 ? "one picture" : message_of("{} pictures", one.contents.pictures);
  }
  static const char* name_of(Part part) {
    return part == Part::train ? "training" : part == Part::validation ? "validation" : "test";
  }

  // A training part and another part have a class in common: nothing else has such a shape.
  bool parts_agree() const {
    for (const Candidate& train : candidates_)
      for (const Candidate& other : candidates_) {
        if (train.part != Part::train || other.part == Part::train) continue;
        const auto& known = train.contents.classes;
        for (const std::string& name : other.contents.classes)
          if (std::find(known.begin(), known.end(), name) != known.end()) return true;
      }
    return false;
  }

  std::vector<std::string> other_names() const {
    std::vector<std::string> names;
    for (const FolderEntry& entry : others_) names.push_back(entry.name);
    return names;
  }
  std::vector<std::string> candidate_names() const {
    std::vector<std::string> names;
    for (const Candidate& one : candidates_)
      if (!one.is_empty()) names.push_back(one.name);
    return names;
  }

  // Folders with the names of parts stand among others with pictures: a class may be called "train".
  FolderLayout classes_among_others() {
    std::vector<std::string> classes;
    bool clear = true;
    std::optional<Part> part;
    for (const Candidate& one : candidates_) {
      if (one.is_empty()) continue;
      clear = clear && one.is_flat() && (!part || part == one.part);
      part = one.part;
      classes.push_back(one.name);
    }
    if (!clear)
      fail(
          "image_folder: {} holds {} beside {}: which are classes, and which hold classes? Set data.root to the folder "
          "that holds a folder for each class, or rename what is no class and no part, or move it away",
          root_.string(), quoted_names(classes, kNamed), quoted_names(other_names(), kNamed));
    FolderLayout layout{.classes = root_};
    if (!classes.empty())
      layout.notes.push_back(
          message_of("{}: {} is taken for a class, since it stands among {} and holds pictures "
                     "itself",
                     root_.string(), quoted_names(classes, kNamed), quoted_names(other_names(), kNamed)));
    return checked(std::move(layout));
  }

  FolderLayout parts() {
    FolderLayout layout;
    const Candidate *const train = only(Part::train), *const validation = only(Part::validation),
                           *const test = only(Part::test);
    if (use_ == DataUse::training) require_training(train);
    if (!train && !validation && !test) fail_unlabelled();
    for (const Candidate& one : candidates_) {
      if (one.has_classes()) continue;
      const bool known = one.part == Part::train ? train != nullptr : validation || test;
      if (!known && (use_ == DataUse::training || one.part != Part::train)) fail_without_classes(one);
      if (one.is_flat())
        layout.warnings.push_back(message_of("{}: {} not used, since no class folders tell what they show",
                                             one.path.string(), pictures_in(one)));
      else
        layout.warnings.push_back(message_of("{}: holds no pictures, and is not used", one.path.string()));
    }
    if (!others_.empty())
      layout.warnings.push_back(message_of("{}: the pictures in {} are not used, since {} are the parts of the data",
                                           root_.string(), quoted_names(other_names(), kNamed),
                                           quoted_names(candidate_names(), kNamed)));
    if (train) layout.train = train->path;
    if (validation) layout.validation = validation->path;
    if (test) layout.test = test->path;
    return checked(std::move(layout));
  }

  void require_training(const Candidate* train) const {
    if (train) return;
    for (const Candidate& one : candidates_)
      if (one.part == Part::train) fail_without_classes(one);
    if (std::any_of(candidates_.begin(), candidates_.end(), [](const Candidate& one) { return one.has_classes(); }))
      fail("image_folder: {} holds {}, but no train", root_.string(), fmt::join(candidate_names(), ", "));
    fail_unlabelled();
  }

  [[noreturn]] void fail_without_classes(const Candidate& one) const {
    if (one.is_empty())
      fail("image_folder: {} holds no pictures; put a folder for each class into it, or remove it{}", one.path.string(),
           one.part == Part::train ? ""
                                   : ", and a share of the training pictures is kept for testing (data.test_share)");
    fail(
        "image_folder: {} holds {}, but no class folders, so that nobody knows what they show: sort them into a folder "
        "for each class{}",
        one.path.string(), pictures_in(one),
        one.part == Part::train ? ""
                                : ", or move the folder away, and a share of the training pictures is kept for "
                                  "testing (data.test_share)");
  }
  [[noreturn]] void fail_unlabelled() const {
    const std::vector<std::string> names = candidate_names();
    if (names.empty()) fail("image_folder: {}: no class folders with pictures", root_.string());
    fail(
        "image_folder: {} of {} hold{} pictures, but no class folders, so that nobody knows what they show: sort them "
        "into a folder for each class",
        quoted_names(names, kNamed), root_.string(), names.size() == 1 ? "s" : "");
  }

  FolderLayout one_folder_of_classes() const { return checked({.classes = root_}); }

  // A class that itself holds a training and another part is no class.
  static bool holds_parts(const fs::path& folder) {
    bool train = false, other = false;
    for (const FolderEntry& entry : entries_of(folder))
      if (const auto part = entry.folder ? part_called(entry.name) : std::nullopt)
        (*part == Part::train ? train : other) = true;
    return train && other;
  }

  FolderLayout checked(FolderLayout layout) const {
    const fs::path folder = layout.classes ? *layout.classes : layout.train ? *layout.train : root_;
    if (layout.classes) refuse_high_root(folder);
    if (use_ == DataUse::training) refuse_single_class(folder);
    return layout;
  }

  static void refuse_high_root(const fs::path& folder) {
    for (const FolderEntry& entry : entries_of(folder))
      if (entry.folder && holds_parts(entry.path))
        fail(
            "image_folder: {} is no folder of classes: {} in it holds parts such as train and val, so data.root may "
            "be a level too high: --set {}",
            folder.string(), quoted(entry.name), shell_word("data.root=" + entry.path.string()));
  }

  static void refuse_single_class(const fs::path& folder) {
    std::vector<FolderEntry> classes = entries_of(folder);
    std::erase_if(classes, [](const FolderEntry& entry) { return !entry.folder; });
    if (classes.size() != 1) return;
    const Contents below = contents_of(classes.front().path);
    const std::string nearest =
        below.classes.size() < 2
            ? ""
            : message_of("; data.root may be a level too high: --set {}, whose folders are {}",
                         shell_word("data.root=" + classes.front().path.string()), quoted_names(below.classes, kNamed));
    fail("image_folder: {} holds one class only, {}, and there is nothing to tell it from{}", folder.string(),
         ghost::quoted(classes.front().name), nearest);
  }

  const fs::path root_;
  const DataUse use_;
  std::vector<Candidate> candidates_;
  std::vector<FolderEntry> others_;
};

}  // namespace

FolderLayout find_layout(const fs::path& root, DataUse use) { return Finder(root, use).find(); }

}  // namespace ghost
