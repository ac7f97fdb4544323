// The shape of the project itself: what lies at the top, who may include whom, what no file may name.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <map>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "support/command.h"
#include "support/temp_dir.h"

namespace ghost::test {
namespace {

namespace fs = std::filesystem;

const fs::path kSource = GHOST_SOURCE_DIR;

// Folder → folders whose headers it may include, itself among them.
const std::map<std::string, std::set<std::string>> kMayInclude{
    {"core", {"core"}},
    {"nn", {"nn", "core"}},
    {"data", {"data", "core"}},
    {"train", {"train", "nn", "data", "core"}},
};
// One header of each folder, to try whether it can be reached.
const std::map<std::string, std::string> kProbe{
    {"core", "core/error.h"}, {"nn", "nn/module.h"}, {"data", "data/image.h"}, {"train", "train/config/config.h"}};

// Files under version control, relative to the top. Empty where this is not a checkout (an unpacked archive).
std::vector<fs::path> tracked_files() {
  const auto [output, status] = run_command("git -c safe.directory='*' -C '" + kSource.string() + "' ls-files");
  if (status != 0) return {};
  std::vector<fs::path> files;
  std::stringstream lines(output);
  for (std::string line; std::getline(lines, line);) {
    if (fs::is_regular_file(kSource / line)) files.emplace_back(line);
  }
  return files;
}

bool is_source(const fs::path& file) { return file.extension() == ".cpp" || file.extension() == ".h"; }

std::vector<fs::path> source_files(const std::string& folder) {
  std::vector<fs::path> files;
  for (const auto& entry : fs::recursive_directory_iterator(kSource / folder)) {
    if (entry.is_regular_file() && is_source(entry.path())) files.push_back(entry.path());
  }
  return files;
}

// The text between quotes of every #include "…" of a file.
std::vector<std::string> quoted_includes(const std::string& text) {
  static const std::regex include("(?:^|\n)[ \t]*#[ \t]*include[ \t]*\"([^\"]*)\"");
  std::vector<std::string> found;
  for (std::sregex_iterator it(text.begin(), text.end(), include), end; it != end; ++it) found.push_back((*it)[1]);
  return found;
}

TEST(Layout, TopLevelHoldsOnlyWhatTheReadmeNames) {
  const std::vector<fs::path> files = tracked_files();
  if (files.empty()) GTEST_SKIP() << "not a git checkout: cannot tell the project's files from others";
  const std::string readme = file_text(kSource / "README.md");
  std::set<std::string> top;
  for (const fs::path& file : files) top.insert(file.begin()->string());
  for (const char* needed : {"core", "nn", "data", "train", "configs", "tests", "CMakeLists.txt", "README.md"}) {
    EXPECT_TRUE(top.count(needed)) << needed << " is missing";
  }
  EXPECT_TRUE(fs::is_regular_file(kSource / ".ci/run"));
  const std::set<std::string> plain{".gitignore", ".clang-format", ".clang-tidy", "README.md"};
  for (const std::string& name : top) {
    if (plain.count(name)) continue;
    EXPECT_NE(readme.find(name), std::string::npos)
        << name << " lies at the top level, but README.md does not say what it is";
  }
}

TEST(Layout, NoFileNamesAMachinePath) {
  const std::vector<fs::path> files = tracked_files();
  if (files.empty()) GTEST_SKIP() << "not a git checkout: cannot tell the project's files from others";
  // In pieces, so that this file does not name one.
  const std::string slash = "/";
  const std::regex machine_path("(^|[^A-Za-z0-9_.])(" + slash + "(home|Users|root|work)" + slash +
                                "[A-Za-z0-9_.]|[A-Z]:" + "\\\\Users)");
  for (const fs::path& file : files) {
    if (file.extension() == ".png" || file.extension() == ".safetensors") continue;
    std::stringstream lines(file_text(kSource / file));
    int number = 0;
    for (std::string line; std::getline(lines, line);) {
      number++;
      EXPECT_FALSE(std::regex_search(line, machine_path)) << file.string() << ":" << number << ": " << line;
    }
  }
}

// The include roots stop everything else (next test), but a path with .. would walk around them.
TEST(Layout, NoIncludeClimbsOutOfItsFolder) {
  for (const char* folder : {"core", "nn", "data", "train", "tests", "bench"}) {
    if (!fs::exists(kSource / folder)) continue;
    for (const fs::path& file : source_files(folder)) {
      for (const std::string& include : quoted_includes(file_text(file))) {
        EXPECT_EQ(include.find(".."), std::string::npos) << file << " includes \"" << include << "\"";
      }
    }
  }
}

TEST(Layout, FoldersIncludeOnlyFoldersTheyDependOn) {
  for (const auto& [folder, allowed] : kMayInclude) {
    for (const fs::path& file : source_files(folder)) {
      for (const std::string& include : quoted_includes(file_text(file))) {
        const std::string from = fs::path(include).begin()->string();
        EXPECT_TRUE(allowed.count(from)) << file << " includes \"" << include << "\", but " << folder
                                         << "/ does not depend on " << from << "/ (write the path from the top)";
      }
    }
  }
}

// The rooms of train/ by floor, the lowest first: a room includes itself and what lies below it.
const std::vector<std::string> kRooms{"page",    "optim", "hooks",   "config", "run", "export",
                                      "network", "loop",  "inspect", "report", "cli"};

int floor_of(const std::string& room) {
  const auto found = std::find(kRooms.begin(), kRooms.end(), room);
  return found == kRooms.end() ? -1 : static_cast<int>(found - kRooms.begin());
}

TEST(Layout, RoomsOfTrainIncludeOnlyWhatLiesBelow) {
  std::set<std::string> rooms;
  for (const auto& entry : fs::directory_iterator(kSource / "train")) {
    const std::string room = entry.path().filename().string();
    ASSERT_TRUE(entry.is_directory()) << "train/" << room << " lies outside of the rooms: move it into one of them";
    ASSERT_GE(floor_of(room), 0) << "train/" << room << " is a new room: add it to kRooms in tests/layout_test.cpp, "
                                 << "above every room that it includes and below every room that includes it";
    rooms.insert(room);
  }
  EXPECT_EQ(rooms.size(), kRooms.size()) << "kRooms names a room that there is not";
  int includes = 0;
  for (const std::string& room : rooms)
    for (const fs::path& file : source_files("train/" + room))
      for (const std::string& include : quoted_includes(file_text(file))) {
        const fs::path path = include;
        if (*path.begin() != "train") continue;
        const std::string other = std::next(path.begin())->string();
        EXPECT_GE(floor_of(other), 0) << file << " includes \"" << include << "\", which is in no room of train/";
        EXPECT_LE(floor_of(other), floor_of(room))
            << file << " includes \"" << include << "\", but " << other << "/ lies above " << room << "/";
        includes++;
      }
  EXPECT_GE(includes, 100);
}

// Not only by reading: with the search path each folder is compiled with, the others' headers do not exist.
TEST(Layout, CompilerFindsOnlyTheHeadersAFolderDependsOn) {
  std::ifstream roots(GHOST_INCLUDE_ROOTS);
  ASSERT_TRUE(roots) << GHOST_INCLUDE_ROOTS;
  int folders = 0;
  for (std::string line; std::getline(roots, line);) {
    if (line.empty()) continue;
    const size_t equals = line.find('=');
    ASSERT_NE(equals, std::string::npos) << line;
    const std::string folder = line.substr(0, equals);
    ASSERT_TRUE(kMayInclude.count(folder)) << folder;
    folders++;
    std::string search_path;
    std::stringstream parts(line.substr(equals + 1));
    for (std::string part; std::getline(parts, part, ':');) search_path += " -I'" + part + "'";
    for (const auto& [target, header] : kProbe) {
      // <…>, because "…" would also be looked for in the folder the test runs in.
      const auto [output, status] =
          run_command("echo '#include <" + header + ">' | " GHOST_CXX_COMPILER " -std=c++20 -E -x c++" + search_path +
                      " -o /dev/null -");
      if (kMayInclude.at(folder).count(target)) {
        EXPECT_EQ(status, 0) << folder << "/ should be able to include " << header << ":\n" << output;
      } else {
        EXPECT_NE(status, 0) << folder << "/ can include " << header;
        EXPECT_NE(output.find("No such file"), std::string::npos) << output;
      }
    }
  }
  EXPECT_EQ(folders, 4);
}

// Every operator that a header of core/ops offers is used in cases of core/ops, and every unit of cases is in the list
// that the checks of all operators run over.
TEST(Layout, EveryOperatorHasListedCases) {
  const std::string list = file_text(kSource / "tests/op_list.inc");
  static const std::regex begins("\nstd::vector<OpCase> (\\w+)_cases\\(\\) \\{"), offered("\nTensor (\\w+)\\(");
  std::string all_cases;
  std::set<std::string> units, operators;
  for (const fs::path& file : source_files("core/ops")) {
    const std::string text = file_text(file);
    const bool header = file.extension() == ".h";
    if (header && file.stem().string().ends_with("_detail")) continue;
    for (std::sregex_iterator it(text.begin(), text.end(), header ? offered : begins), end; it != end; ++it) {
      (header ? operators : units).insert((*it)[1]);
      const auto begin = static_cast<size_t>(it->position());
      if (!header) all_cases += text.substr(begin, text.find("\n}", begin) - begin);
    }
  }
  EXPECT_GE(units.size(), 18U);
  EXPECT_GE(operators.size(), 35U);
  for (const std::string& unit : units)
    EXPECT_NE(list.find("(" + unit + ")\n"), std::string::npos) << unit << "_cases() is not in tests/op_list.inc";
  for (const std::string& op : operators)
    EXPECT_TRUE(std::regex_search(all_cases, std::regex("\\b" + op + "\\b"))) << op << " is in no case of core/ops";
}

}  // namespace
}  // namespace ghost::test
