#include "data/class_folders.h"

#include <algorithm>
#include <map>
#include <optional>
#include <string_view>
#include <utility>

#include "core/error.h"
#include "core/quoted.h"
#include "data/picture_size.h"
#include "data/same_name.h"

namespace fs = std::filesystem;

namespace ghost {
namespace {

class FolderDataset : public Dataset {
 public:
  explicit FolderDataset(ClassFoldersPtr folders) : folders_(std::move(folders)) {}
  int64_t size() const override { return std::ssize(folders_->files); }
  int64_t channels() const override { return 3; }
  const std::vector<std::string>& class_names() const override { return folders_->classes; }
  int64_t label(int64_t index) const override { return folders_->labels[static_cast<size_t>(index)]; }
  std::string id(int64_t index) const override { return folders_->files[static_cast<size_t>(index)]; }
  std::string name(int64_t index) const override { return path(index).string(); }
  Image read(int64_t index) const override { return read_image(path(index)); }
  std::optional<PictureSize> stored_size(int64_t index) const override { return declared_size(path(index)); }

 private:
  fs::path path(int64_t index) const { return folders_->folder / folders_->files[static_cast<size_t>(index)]; }
  ClassFoldersPtr folders_;
};

// Classes that are the same folder under two names.
void add_linked_classes(const ClassFolders& all, std::vector<std::string>& sentences) {
  std::map<FileId, size_t> first;
  for (size_t c = 0; c < all.classes.size(); c++) {
    const auto [found, is_new] = first.emplace(all.class_ids[c], c);
    if (!is_new && all.class_ids[c].known())
      sentences.push_back(fmt::format("{}: the classes {} and {} are one folder, so each of its pictures is in both",
                                      all.folder.string(), quoted(all.classes[found->second]), quoted(all.classes[c])));
  }
}

// Files of two classes that are not one folder. Labels that contradict each other can be learnt by heart at best.
void add_files_of_two_classes(const ClassFolders& all, std::vector<std::string>& sentences) {
  std::vector<std::pair<FileId, size_t>> files;
  for (size_t i = 0; i < all.ids.size(); i++)
    if (all.ids[i].known()) files.emplace_back(all.ids[i], i);
  std::sort(files.begin(), files.end());
  int64_t count = 0;
  std::pair<size_t, size_t> example;
  for (size_t i = 1; i < files.size(); i++) {
    if (files[i].first != files[i - 1].first) continue;
    const size_t a = files[i - 1].second, b = files[i].second;
    const auto class_of = [&](size_t file) { return static_cast<size_t>(all.labels[file]); };
    if (class_of(a) == class_of(b) || all.class_ids[class_of(a)] == all.class_ids[class_of(b)]) continue;
    if (count++ == 0) example = {a, b};
  }
  if (count > 0)
    sentences.push_back(fmt::format("{}: {} in two classes under two names, such as {} and {}", all.folder.string(),
                                    count == 1 ? "one file is" : fmt::format("{} files are", count),
                                    quoted(all.files[example.first]), quoted(all.files[example.second])));
}

}  // namespace

ClassFoldersPtr read_class_folders(const fs::path& folder, bool allow_empty) {
  auto all = std::make_shared<ClassFolders>();
  all->folder = folder;
  for (const FolderEntry& entry : entries_of(folder)) {
    if (!entry.folder) {
      all->outside += has_picture_suffix(entry.path);
      continue;
    }
    // Class names go into checkpoints as JSON.
    if (!is_utf8(entry.name)) fail("{}: the name of this class folder is not valid UTF-8", entry.path.string());
    const PictureTree tree = pictures_below(entry.path);
    if (tree.files.empty() && !allow_empty)
      fail("{}: no pictures of this class (files named {}); add some or remove the folder", entry.path.string(),
           picture_suffixes());
    for (const std::string& file : tree.files) all->files.push_back(entry.name + "/" + file);
    for (const std::string& link : tree.loops) all->loops.push_back(entry.name + "/" + link);
    all->ids.insert(all->ids.end(), tree.ids.begin(), tree.ids.end());
    all->labels.resize(all->files.size(), static_cast<int32_t>(all->classes.size()));
    all->classes.push_back(entry.name);
    all->class_ids.push_back(entry.id);
  }
  if (all->classes.empty())
    fail("{}: no class folders with pictures{}", folder.string(),
         all->outside > 0
             ? fmt::format("; {} pictures lie in it, but which class each is of, only a folder for each class tells",
                           all->outside)
             : "");
  return all;
}

DatasetPtr dataset_of(ClassFoldersPtr folders) { return std::make_shared<FolderDataset>(std::move(folders)); }

std::vector<std::string> oddities(const ClassFolders& folders) {
  std::vector<std::string> sentences;
  if (!folders.loops.empty())
    sentences.push_back(fmt::format(
        "{}: {} not followed, for it leads to a folder around it, whose pictures are of other classes: {}{}",
        folders.folder.string(),
        folders.loops.size() == 1 ? "a link is" : fmt::format("each of {} links is", folders.loops.size()),
        quoted(folders.loops.front()), folders.loops.size() == 1 ? "" : ", …"));
  add_linked_classes(folders, sentences);
  add_files_of_two_classes(folders, sentences);
  for (const std::string& pair : names_that_look_the_same(folders.classes))
    sentences.push_back(fmt::format("{}: the classes {}; they are taken for two", folders.folder.string(), pair));
  if (folders.outside > 0)
    sentences.push_back(
        fmt::format("{}: {} in none of its class folders and not used", folders.folder.string(),
                    folders.outside == 1 ? "one picture is" : fmt::format("{} pictures are", folders.outside)));
  return sentences;
}

std::string trained_on(const ClassFolders& trained, const std::vector<int64_t>& trained_indices,
                       const ClassFolders& tested, const std::vector<int64_t>& tested_indices,
                       const std::string& part) {
  const auto files_of = [](const ClassFolders& all, const std::vector<int64_t>& indices) {
    std::vector<std::pair<FileId, size_t>> files;
    const auto add = [&](size_t i) {
      if (all.ids[i].known()) files.emplace_back(all.ids[i], i);
    };
    for (const int64_t i : indices) add(static_cast<size_t>(i));
    if (indices.empty())
      for (size_t i = 0; i < all.ids.size(); i++) add(i);
    std::sort(files.begin(), files.end());
    return files;
  };
  const auto seen = files_of(trained, trained_indices), asked = files_of(tested, tested_indices);
  int64_t count = 0;
  std::optional<std::pair<size_t, size_t>> example;
  auto at = seen.begin();
  for (const auto& [id, file] : asked) {
    while (at != seen.end() && at->first < id) ++at;
    if (at == seen.end()) break;
    if (at->first != id) continue;
    count++;
    if (!example) example = {at->second, file};
  }
  if (!example) return "";
  return message_of(
      "{} of the {} {} pictures {} among the training pictures as well, and {} nothing about new ones: {} is {}", count,
      asked.size(), part, count == 1 ? "is" : "are", count == 1 ? "says" : "say",
      (tested.folder / tested.files[example->second]).string(),
      (trained.folder / trained.files[example->first]).string());
}

}  // namespace ghost
