// Files that are complete or not there, whatever their path leads to.
#include "core/atomic_file.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/error.h"
#include "core/safetensors.h"
#include "support/temp_dir.h"

namespace ghost {
namespace {

using test::TempDir;
using testing::AllOf;
using testing::HasSubstr;
namespace fs = std::filesystem;

std::string error_of(const fs::path& file) {
  try {
    write_file_atomically(file, "new");
  } catch (const Error& e) {
    return e.what();
  }
  return "no error";
}

size_t files_in(const fs::path& dir) {
  return static_cast<size_t>(std::distance(fs::directory_iterator(dir), fs::directory_iterator()));
}

TEST(AtomicFile, WithoutCommitLeavesTheOldFile) {
  const TempDir dir;
  const fs::path file = dir.write("file", std::string_view("old"));
  {
    AtomicFile half(file);
    half.write("ne", 2);
    EXPECT_EQ(files_in(dir.path()), 2U);
  }
  EXPECT_EQ(test::file_text(file), "old");
  EXPECT_EQ(files_in(dir.path()), 1U);
  write_file_atomically(file, "new");
  EXPECT_EQ(test::file_text(file), "new");
  EXPECT_EQ(files_in(dir.path()), 1U);
}

TEST(AtomicFile, FollowsLinks) {
  const TempDir dir;
  dir.write("elsewhere/file", std::string_view("old"));
  fs::create_symlink("elsewhere/file", dir / "link");
  fs::create_symlink(dir / "link", dir / "second");
  fs::create_symlink("elsewhere/not-yet", dir / "dangling");
  write_file_atomically(dir / "second", "new");
  write_file_atomically(dir / "dangling", "made");
  for (const char* link : {"link", "second", "dangling"}) EXPECT_TRUE(fs::is_symlink(dir / link)) << link;
  EXPECT_EQ(test::file_text(dir / "elsewhere/file"), "new");
  EXPECT_EQ(test::file_text(dir / "elsewhere/not-yet"), "made");
  EXPECT_EQ(files_in(dir / "elsewhere"), 2U);
  fs::create_symlink("circle", dir / "circle");
  EXPECT_THAT(error_of(dir / "circle"), AllOf(HasSubstr("circle"), HasSubstr("symbolic links")));
}

TEST(AtomicFile, WritesWhatIsNoFileAsItStands) {
  EXPECT_EQ(error_of("/dev/null"), "no error");
  EXPECT_TRUE(fs::is_character_file("/dev/null"));
  EXPECT_THAT(error_of("/dev/full"), AllOf(HasSubstr("/dev/full"), HasSubstr("No space left")));
  const TempDir dir;
  const fs::path pipe = dir / "pipe";
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  EXPECT_THAT(error_of(pipe), HasSubstr("pipe: cannot be written")) << "nobody reads it";
  const int reader = open(pipe.c_str(), O_RDONLY | O_NONBLOCK);
  EXPECT_EQ(error_of(pipe), "no error");
  char text[8] = {};
  EXPECT_EQ(read(reader, text, sizeof text), 3);
  EXPECT_STREQ(text, "new");
  close(reader);
  EXPECT_EQ(files_in(dir.path()), 1U);
  EXPECT_THAT(error_of(dir.path()), HasSubstr("directory"));
}

TEST(AtomicFile, KnowsTheNamesOfWhatIsNotComplete) {
  EXPECT_TRUE(is_temporary_name(".last.safetensors.123-0.tmp", "last.safetensors"));
  EXPECT_TRUE(is_temporary_name(".a.1-23.tmp", "a"));
  for (const char* name : {"last.safetensors", ".last.safetensors", ".last.safetensors.tmp", ".last.safetensors.1.tmp",
                           ".last.safetensors.-.tmp", ".last.safetensors.1-x.tmp", ".last.safetensors.1-0.tmp2",
                           ".best.safetensors.1-0.tmp", ".tmp", "last.safetensors.1-0.tmp"})
    EXPECT_FALSE(is_temporary_name(name, "last.safetensors")) << name;
}

TEST(AtomicFile, OfAProcessThatEndsCanBeRemoved) {
  const TempDir dir;
  AtomicFile half(dir / "file");
  EXPECT_EQ(files_in(dir.path()), 1U);
  remove_temporary_files();
  EXPECT_EQ(files_in(dir.path()), 0U);
}

}  // namespace
}  // namespace ghost
