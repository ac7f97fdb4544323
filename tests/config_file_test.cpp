// Configuration files: those that extend others, those that are not there, and those that are no configurations.
#include <gmock/gmock.h>
#include <random>

#include "support/config_text.h"
#include "support/temp_dir.h"

namespace ghost {
namespace {

using test::error_of;
using test::kMinimal;
using test::read;
using test::refusal;
using test::TempDir;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

TEST(ConfigFile, ExtendsAnotherBesideIt) {
  const TempDir dir;
  dir.write("base/all.yaml", "data: {mean: [0.1, 0.2, 0.3], std: [1, 1, 1]}\ntrain: {epochs: 7, batch_size: 32}\n");
  dir.write("base/middle.yaml", "extends: all.yaml\ntrain: {epochs: 8}\n");
  const auto file = dir.write("mine.yaml", "extends: base/middle.yaml\ndata: {mean: [0.5], std: [0.5]}\n");
  const Config c = load_config(file.string(), {}).config;
  EXPECT_EQ(c.train.epochs, 8);
  EXPECT_EQ(c.train.batch_size, 32);
  EXPECT_THAT(c.data.mean, ElementsAre(0.5)) << "a list replaces a list";
}

TEST(ConfigFile, ErrorsNameTheFileTheyAreIn) {
  const TempDir dir;
  const auto base = dir.write("base.yaml", "train:\n  epochs: -1\n");
  const auto file = dir.write("mine.yaml", "extends: base.yaml\ntrain:\n  epoch: 3\n");
  EXPECT_EQ(error_of([&] { load_config(file.string(), {}); }),
            file.string() + ":3:3: unknown key 'train.epoch'; did you mean train.epochs?\n" + base.string() +
                ":2:11: train.epochs is -1, but must be at least 1");
}

TEST(ConfigFile, WhatAnExtendedFileSaysOfAnotherDataSetIsIgnored) {
  const TempDir dir;
  dir.write("base.yaml", "data: {name: cifar10, root: /cifar, channels: 1}\n");
  const auto file = dir.write("mine.yaml", "extends: base.yaml\ndata: {name: idx, root: /idx}\n");
  const LoadedConfig loaded = load_config(file.string(), {});
  EXPECT_EQ(loaded.config.data.root, "/idx");
  EXPECT_EQ(loaded.config.data.channels, 0);
  EXPECT_THAT(loaded.notes, ElementsAre(HasSubstr("data.channels describes cifar10; ignored by idx")));
}

TEST(ConfigFile, CirclesAreRefusedWithTheirChain) {
  const TempDir dir;
  const auto a = dir.write("a.yaml", "extends: b.yaml\n"), b = dir.write("b.yaml", "\nextends: ./a.yaml\n");
  EXPECT_EQ(error_of([&] { load_config(a.string(), {}); }),
            b.string() + ":2:10: extends goes in a circle: " + a.string() + " → " + b.string() + " → " + a.string());
  const auto self = dir.write("self.yaml", "extends: self.yaml\n");
  EXPECT_THAT(error_of([&] { load_config(self.string(), {}); }), HasSubstr("goes in a circle"));
}

TEST(ConfigFile, OnesThatAreNotThereAreRefusedWithTheNearest) {
  const TempDir dir;
  dir.write("ghostnet.yaml", kMinimal);
  const std::string wrong = (dir / "ghostnt.yaml").string(), right = (dir / "ghostnet.yaml").string();
  EXPECT_EQ(error_of([&] { load_config(wrong, {}); }),
            wrong + ": there is no such file; did you mean '" + right + "'?");
  const auto file = dir.write("mine.yaml", "extends: ghostnt.yaml\n");
  EXPECT_EQ(error_of([&] { load_config(file.string(), {}); }),
            file.string() + ":1:10: there is no such file as '" + wrong + "'; did you mean '" + right + "'?");
  EXPECT_THAT(error_of([&] { load_config((dir / "no/a.yaml").string(), {}); }), HasSubstr("there is no folder"));
  EXPECT_THAT(error_of([&] { load_config(dir.str(), {}); }), HasSubstr("is a folder, but must be a YAML file"));
  EXPECT_THAT(error_of([] { load_config("", {}); }), HasSubstr("no such file"));
  EXPECT_THAT(error_of([] { load_config_text("extends: [a]\n", "a.yaml", {}); }),
              HasSubstr("a.yaml:1:10: extends is a list, but must be the name of a file"));
}

TEST(ConfigFile, OnesThatCannotBeConfigurationsAreRefusedWithAPlace) {
  const TempDir dir;
  const auto message = [&](const std::string& bytes) {
    const auto file = dir.write("a.yaml", bytes);
    const std::string text = error_of([&] { load_config(file.string(), {}); });
    EXPECT_THAT(text, StartsWith(file.string()));
    return text.substr(file.string().size());
  };
  EXPECT_THAT(message(""), HasSubstr("there is nothing in it"));
  EXPECT_THAT(message("# only a comment\n"), HasSubstr("there is nothing in it"));
  EXPECT_THAT(message("model:\n  name: a\n width: 1\n"), StartsWith(":3:2: not valid YAML"));
  EXPECT_THAT(message("model:\n\tname: a\n"), StartsWith(":2:1: a tab in the indentation"));
  EXPECT_THAT(message("model:\n---\nb: 2\n"), StartsWith(":2:1: a second document starts here"));
  EXPECT_THAT(message("model: [1, 2\n"), StartsWith(":2:1: not valid YAML"));
  EXPECT_THAT(message("- 1\n"), StartsWith(":1:1: this is a list"));
  EXPECT_THAT(message("ghostnet\n"), StartsWith(":1:1: this is 'ghostnet'"));
  EXPECT_THAT(message(std::string("model\0:", 7)), StartsWith(":1:6: this is not YAML text: it has the byte 0x00"));
  EXPECT_THAT(message("run: {dir: \xff}\n"), StartsWith(":1:12: this is not YAML text: it has the byte 0xff"));
  EXPECT_THAT(message("run: {dir: \xed\xa0\x80}\n"), HasSubstr("0xed")) << "half of a surrogate pair";
  EXPECT_THAT(message("<<: {}\n"), StartsWith(":1:1: merge keys (<<) are not read"));
  EXPECT_THAT(message("model: {width: !!float 1}\n"), StartsWith(":1:16: the tag '!!float' is not read"));
  EXPECT_THAT(message("? [a]\n: b\n"), StartsWith(":1:3: a key must be a word"));
  EXPECT_THAT(message("model: &m {conv: *m}\n"), HasSubstr(":1:18: this alias stands inside of what it stands for"));
  EXPECT_THAT(message(std::string(10 << 20, '#')), HasSubstr("more than 1048576 bytes"));
  EXPECT_THAT(message(std::string(100000, '[')), HasSubstr("nested too deeply"));
  EXPECT_THAT(message("train: {epochs: " + std::string(5000, '9') + "}\n"),
              AllOf(HasSubstr("999…'"), Not(HasSubstr(std::string(100, '9')))));
}

TEST(ConfigFile, BillionsOfLaughsAreOneProblem) {
  std::string text = "a0: &a0 [0, 0]\n";
  for (int i = 1; i < 35; ++i) text += fmt::format("a{0}: &a{0} [*a{1}, *a{1}]\n", i, i - 1);
  EXPECT_THAT(refusal(text + "data: {mean: *a34}\n"), HasSubstr("data.mean (value 1 of 2) is a list"));
}

TEST(ConfigFile, ManyProblemsAreCutShort) {
  std::string text;
  for (int i = 0; i < 1000; ++i) text += fmt::format("k{}: 1\n", i);
  EXPECT_THAT(refusal(text), AllOf(HasSubstr("a.yaml:40:1"), Not(HasSubstr("a.yaml:41:1")), HasSubstr("960 more")));
}

// Any text is read or refused with a UsageError; what is read can be printed and read again.
TEST(ConfigFile, SurvivesRandomText) {
  const std::string whole =
      "extends: base.yaml\nmodel: &m\n  name: plain_cnn  # c\n  channels: [1, 2]\n  conv: {name: ghost, ratio: 2}\n"
      "data:\n  root: \"a\\tb\"\n  mean: [0.5]\n  std: [1]\nrun:\n  dir: >-\n    folded\n    text\n  seed: 1\n...\n";
  const std::vector<std::string> pieces{"\n",     " ",
                                        "  ",     ":",
                                        ": ",     "- ",
                                        "? ",     "[",
                                        "]",      "{",
                                        "}",      ",",
                                        "#",      "&a ",
                                        "*a",     "!",
                                        "|",      ">",
                                        "'",      "\"",
                                        "%",      "@",
                                        "\t",     "\r",
                                        "---\n",  "<<",
                                        "~",      "1",
                                        "model:", "name: ",
                                        "\\x",    "\xc3\xa9",
                                        "\x80",   std::string(1, '\0')};
  std::mt19937 random(1);
  const auto below = [&](size_t n) { return random() % n; };
  int taken = 0;
  for (int round = 0; round < 3000; ++round) {
    std::string text = round % 3 ? whole.substr(19) : "";
    for (size_t edits = 1 + below(6); edits > 0; --edits) {
      const size_t at = below(text.size() + 1);
      if (below(2) || text.empty())
        text.insert(at, pieces[below(pieces.size())]);
      else
        text.erase(std::min(at, text.size() - 1), 1 + below(8));
    }
    try {
      const Config config = read(text, {text.substr(0, 20)});
      EXPECT_EQ(config_to_yaml(read(config_to_yaml(config))), config_to_yaml(config)) << text;
    } catch (const UsageError&) {
    }
    try {
      read(text);
      ++taken;
    } catch (const UsageError& error) {
      EXPECT_NE(std::string(error.what()), "") << text;
    }
  }
  EXPECT_GT(taken, 30) << "some edits do no harm";
}

}  // namespace
}  // namespace ghost
