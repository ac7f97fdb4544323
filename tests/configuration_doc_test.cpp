// docs/configuration.md is what the descriptions of the options say, and these say something of every option.
#include <gmock/gmock.h>

#include "support/temp_dir.h"
#include "train/config/describe.h"
#include "train/config/reference.h"

namespace ghost {
namespace {

using testing::HasSubstr;

TEST(ConfigurationPage, IsWhatTheDescriptionsSay) {
  EXPECT_EQ(test::file_text(GHOST_SOURCE_DIR "/docs/configuration.md"), options_markdown())
      << "make it anew: ghost-train --list-options > docs/configuration.md";
}

TEST(ConfigurationPage, ShowsValuesDefaultsAndReaders) {
  const std::string page = options_markdown();
  EXPECT_THAT(page, HasSubstr("| `width` | number in (0, 100] | `1` | `ghostnet`, `mobilenet_v1`, `airbench`, "));
  EXPECT_THAT(page, HasSubstr("| `num_classes` † | `auto` or integer 1 to 1000000 | `auto` |  | outputs"));
  EXPECT_THAT(page, HasSubstr("| `lr` | number above 0 | `0.1`; adam `0.001`; adamw `0.001`; rmsprop `0.01`"));
  EXPECT_THAT(page,
              HasSubstr("| `channels` | list of integers 1 to 1000000, not empty | `[32, 64, 128]` | `plain_cnn`"));
  EXPECT_THAT(page, HasSubstr("| `seed` | integer at least 0 | `0` |"));
  EXPECT_THAT(page, HasSubstr("val\\|test/\\<class>/")) << "what means something to Markdown is escaped";
  EXPECT_THAT(page, HasSubstr("| `cosine` | half a cosine down to min_lr (arXiv 1608.03983) |"));
}

// A help text stands behind its option in --print-config and in a cell of a table.
TEST(Options, HaveAHelpTextOfOneLine) {
  constexpr size_t kLongest = 78;
  Config config;
  const Description all = describe(config);
  for (const Field& field : all.fields()) {
    EXPECT_FALSE(field.help.empty()) << field.path;
    EXPECT_LE(field.help.size(), kLongest) << field.path;
    EXPECT_EQ(field.help.find('\n'), std::string::npos) << field.path;
  }
  for (const Section& section : all.sections()) EXPECT_FALSE(section.help.empty()) << section.path;
}

TEST(Options, AreDescribedByThoseWhoSelectThem) {
  Config config;
  const Description all = describe(config);
  for (const char* section : {"model", "model.conv", "data", "optimizer", "schedule"})
    EXPECT_FALSE(all.find_section(section)->alternatives.empty()) << section;
}

}  // namespace
}  // namespace ghost
