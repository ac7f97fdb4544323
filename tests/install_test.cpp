// What the programs print for those who install them: version, manual pages, completion of shells.
#include <filesystem>
#include <gmock/gmock.h>
#include <regex>
#include <set>
#include <sstream>

#include "support/command.h"
#include "support/process.h"
#include "support/temp_dir.h"
#include "train/cli/commands.h"
#include "train/config/describe.h"

namespace ghost {
namespace {

using test::Finished;
using test::run_command;
using test::TempDir;
using testing::AllOf;
using testing::Contains;
using testing::Each;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsSupersetOf;
using testing::Not;
using testing::StartsWith;
using testing::UnorderedElementsAre;
using Words = std::vector<std::string>;

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

// A program, or a command of the example that has all of them.
struct Invocation {
  std::string program;
  Words before{};
  Finished run(Words arguments) const {
    arguments.insert(arguments.begin(), before.begin(), before.end());
    return test::run_program(program, arguments);
  }
};
std::vector<Invocation> invocations() {
  std::vector<Invocation> all;
  for (const cli::CommandText& command : cli::kCommands) {
    all.push_back({.program = std::string("ghost-") + command.name});
    all.push_back({.program = "own-model", .before = {command.name}});
  }
  return all;
}

// "-o", "--output" of every line of --help that begins with an option.
std::vector<std::string> options_in_help(const Invocation& invocation) {
  const std::regex option("^  (-\\w,)?(--[a-z][a-z0-9-]*).*");
  std::vector<std::string> options;
  for (const std::string& line : lines_of(invocation.run({"--help"}).out))
    if (std::smatch match; std::regex_match(line, match, option)) {
      if (match[1].matched) options.push_back(match[1].str().substr(0, 2));
      options.push_back(match[2]);
    }
  return options;
}

bool is_checkout() {
  return run_command("git -c safe.directory='*' -C '" GHOST_SOURCE_DIR "' rev-parse HEAD").status == 0;
}
bool is_installed(const std::string& program) { return run_command("command -v " + program).status == 0; }

TEST(Version, NamesProgramVersionAndCommit) {
  const std::regex format(R"(([a-z -]+) \d+\.\d+\.\d+( \(commit ([0-9a-f]{7,})(-dirty)?, \d{4}-\d\d-\d\d\))?)");
  std::vector<Invocation> all = invocations();
  all.push_back({.program = "own-model"});
  for (const Invocation& one : all) {
    const Finished version = one.run({"--version"});
    ASSERT_EQ(version.status, 0) << version.err;
    const std::vector<std::string> lines = lines_of(version.out);
    ASSERT_EQ(lines.size(), 2U) << version.out;
    std::smatch match;
    ASSERT_TRUE(std::regex_match(lines[0], match, format)) << lines[0];
    EXPECT_EQ(match[1], one.program + (one.before.empty() ? "" : " " + one.before[0]));
    EXPECT_THAT(lines[1], AllOf(HasSubstr(" kernels, "), HasSubstr("OpenBLAS")));
    if (!is_checkout()) continue;
    ASSERT_TRUE(match[3].matched) << lines[0];
    EXPECT_EQ(run_command("git -c safe.directory='*' -C '" GHOST_SOURCE_DIR "' cat-file -e " + match[3].str()).status,
              0);
  }
}

// cmake/GhostCommit.cmake on sources of a test's own.
class CommitSource : public testing::Test {
 protected:
  void SetUp() override {
    if (!is_installed("git")) GTEST_SKIP() << "git is not installed";
  }
  void git(const std::string& arguments) const {
    const auto [output, status] =
        run_command("cd '" + dir_.str() + "' && git -c user.name=a -c user.email=a@b " + arguments);
    ASSERT_EQ(status, 0) << output;
  }
  std::string written(const std::string& folder = "") const {
    const std::string out = (dir_ / "commit.cpp").string();
    const auto [output, status] = run_command("cmake -DOUT='" + out + "' -DSOURCE='" + (dir_ / folder).string() +
                                              "' -P '" GHOST_SOURCE_DIR "/cmake/GhostCommit.cmake'");
    EXPECT_EQ(status, 0) << output;
    return test::file_text(out);
  }
  TempDir dir_;
};

TEST_F(CommitSource, TellsTheCommitAndWhetherFilesDiffer) {
  EXPECT_THAT(written(), HasSubstr("kCommit{\"\", \"\"}"));  // no git here
  dir_.write("file", std::string_view("a"));
  dir_.write("inner/file", std::string_view("a"));
  git("init -q && git add file inner");
  git("commit -q -m first --date 2020-02-03T12:00:00");
  const std::string hash = run_command("git -C '" + dir_.str() + "' rev-parse --short=7 HEAD").output.substr(0, 7);
  const std::string clean = written();
  EXPECT_THAT(clean, HasSubstr("\"" + hash + "\", \"20"));
  EXPECT_EQ(written(), clean);  // commit.cpp lies beside it, unknown to git: that is no change
  EXPECT_THAT(written("inner"), HasSubstr("\"\", \"\""));  // an archive inside of another checkout
  dir_.write("file", std::string_view("b"));
  EXPECT_THAT(written(), HasSubstr("\"" + hash + "-dirty\", \"20"));
}

TEST_F(CommitSource, IsNotWrittenAgainWhileItStaysTheSame) {
  written();
  const auto before = std::filesystem::last_write_time(dir_ / "commit.cpp");
  std::filesystem::last_write_time(dir_ / "commit.cpp", before - std::chrono::hours(1));
  written();
  EXPECT_EQ(std::filesystem::last_write_time(dir_ / "commit.cpp"), before - std::chrono::hours(1));
}

std::string without_escapes(const std::string& page) {
  std::string text = std::regex_replace(page, std::regex(R"(\\-)"), "-");
  return std::regex_replace(text, std::regex(R"(\\\(aq)"), "'");
}

TEST(ManualPage, HoldsEveryOptionOfEveryProgram) {
  for (const Invocation& one : invocations()) {
    const Finished manual = one.run({"--help-man"});
    ASSERT_EQ(manual.status, 0) << manual.err;
    const std::string page = without_escapes(manual.out);
    const std::vector<std::string> options = options_in_help(one);
    EXPECT_THAT(options, IsSupersetOf({"-h", "--help", "--version"}));
    for (const std::string& option : options) EXPECT_THAT(page, HasSubstr("\\fB" + option + "\\fR")) << one.program;
  }
}

TEST(ManualPage, HasTheUsualSectionsInOrder) {
  for (const Invocation& one : invocations()) {
    std::vector<std::string> sections;
    for (const std::string& line : lines_of(one.run({"--help-man"}).out))
      if (line.starts_with(".SH ")) sections.push_back(line.substr(4));
    EXPECT_THAT(sections, ElementsAre("NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "EXIT STATUS", "ENVIRONMENT",
                                      "EXAMPLES", "SEE ALSO"))
        << one.program;
  }
}

TEST(ManualPage, TellsWhatAnOptionTakesAndThePagesBeside) {
  const std::string convert = without_escapes(test::run_program("ghost-convert", {"--help-man"}).out);
  EXPECT_THAT(convert, HasSubstr("\\fB--to\\fR \\fIFORM\\fR\n"));
  EXPECT_THAT(convert, AllOf(HasSubstr("One of: pytorch, ghost, onnx."), HasSubstr("Only with --weights.")));
  EXPECT_THAT(convert, AllOf(HasSubstr("\\fBghost-train\\fR(1)"), Not(HasSubstr("\\fBghost-convert\\fR(1)"))));
  EXPECT_THAT(convert, Not(HasSubstr("128 + signal")));
  const std::string train = without_escapes(test::run_program("own-model", {"train", "--help-man"}).out);
  EXPECT_THAT(train, AllOf(StartsWith(".TH \"OWN-MODEL-TRAIN\" 1 "), HasSubstr("128 + signal")));
  EXPECT_THAT(train, AllOf(HasSubstr("own-model train --resume runs/ghostnet-1"), HasSubstr("own-model-eval")));
  const std::string all = without_escapes(test::run_program("own-model", {"--help-man"}).out);
  for (const cli::CommandText& command : cli::kCommands)
    EXPECT_THAT(all, AllOf(HasSubstr(std::string("\\fB") + command.name), HasSubstr(command.summary)));
}

TEST(ManualPage, IsRenderedWithoutWarnings) {
  if (!is_installed("man")) GTEST_SKIP() << "man is not installed";
  const TempDir dir;
  std::vector<Invocation> all = invocations();
  all.push_back({.program = "own-model"});
  for (const Invocation& one : all) {
    const auto file = dir.write("page.1", std::string_view(one.run({"--help-man"}).out));
    const auto [warnings, status] = run_command("man --warnings -l '" + file.string() + "' 2>&1 >/dev/null");
    EXPECT_EQ(status, 0);
    EXPECT_EQ(warnings, "") << one.program;
  }
}

// Completion as bash calls it, in a folder of its own.
class Completion : public testing::Test {
 protected:
  Completion() {
    dir_.write("one.yaml", std::string_view());
    dir_.write("a folder/two.yaml", std::string_view());
  }
  // What is offered in dir_ for the last of the words. bash cuts words at "=" (which then is a word of its own), unless
  // a user has changed that.
  std::vector<std::string> offered(const Words& words, bool cuts = true) const {
    std::string script = "cd '" + dir_.str() + "'\nsource '" + (scripts_ / "script").string() + "'\n";
    script += std::string("COMP_WORDBREAKS=' ") + (cuts ? "=" : "") + "'\nCOMP_WORDS=(";
    for (const std::string& word : words) script += " '" + word + "'";
    std::string function = "_" + words[0];
    std::replace(function.begin(), function.end(), '-', '_');
    script += ")\nCOMPREPLY=()\nCOMP_CWORD=" + std::to_string(words.size() - 1) + "\n" + function +
              "\n((${#COMPREPLY[@]} == 0)) || printf '%s\\n' \"${COMPREPLY[@]}\"\n";
    scripts_.write("script", std::string_view(test::run_program(words[0], {"--help-completion", "bash"}).out));
    scripts_.write("call", std::string_view(script));
    const auto [output, status] = run_command("bash -u '" + (scripts_ / "call").string() + "'");
    EXPECT_EQ(status, 0) << output;
    return lines_of(output);
  }
  TempDir dir_, scripts_;
};

TEST_F(Completion, OffersEveryOptionOfEveryProgram) {
  for (const Invocation& one : invocations()) {
    Words words{one.program};
    words.insert(words.end(), one.before.begin(), one.before.end());
    words.emplace_back("-");
    EXPECT_THAT(offered(words), testing::UnorderedElementsAreArray(options_in_help(one))) << one.program;
  }
  EXPECT_THAT(offered({"ghost-train", "--res"}), ElementsAre("--resume"));
  EXPECT_THAT(offered({"ghost-train", "--config", "one.yaml", "--res"}), ElementsAre("--resume"));
}

TEST_F(Completion, OffersEveryKeyOfTheConfigurationAndItsValues) {
  Config config;
  const Description description = describe(config);
  std::vector<std::string> keys;
  for (const Field& field : description.fields()) {
    keys.push_back(field.path + "=");
    if (field.rule.choices.empty()) continue;
    EXPECT_THAT(offered({"ghost-train", "--set", field.path, "=", ""}), IsSupersetOf(field.rule.choices));
  }
  EXPECT_THAT(offered({"ghost-train", "--set", ""}), testing::UnorderedElementsAreArray(keys));
  EXPECT_THAT(offered({"ghost-compare", "--set", "train.ep"}), ElementsAre("train.epochs="));
  EXPECT_THAT(offered({"ghost-train", "--set", "train.fusion", "="}), UnorderedElementsAre("true", "false"));
  EXPECT_THAT(offered({"ghost-train", "--set", "model.num_classes", "=", "a"}), ElementsAre("auto"));
  EXPECT_THAT(offered({"ghost-train", "--set", "=", "schedule.name", "=", "exp"}), ElementsAre("exponential"));
  EXPECT_THAT(offered({"ghost-train", "--set", "schedule.name=exp"}, false), ElementsAre("schedule.name=exponential"));
  EXPECT_THAT(offered({"ghost-train", "--set", "optimizer.lr", "=", ""}), ElementsAre());
}

TEST_F(Completion, OffersFilesFoldersAndChoices) {
  EXPECT_THAT(offered({"ghost-train", "--config", "one"}), ElementsAre("one.yaml"));
  EXPECT_THAT(offered({"ghost-train", "--config", "=", "one"}), ElementsAre("one.yaml"));
  EXPECT_THAT(offered({"ghost-train", "--config=one"}, false), ElementsAre("--config=one.yaml"));
  EXPECT_THAT(offered({"ghost-train", "--config", "a\\ folder/"}), ElementsAre("a folder/two.yaml"));
  EXPECT_THAT(offered({"ghost-train", "--resume", ""}), ElementsAre("a folder"));
  EXPECT_THAT(offered({"ghost-train", "--set", "data.root", "=", "a"}), ElementsAre("a folder"));
  EXPECT_THAT(offered({"ghost-convert", "--to", ""}), UnorderedElementsAre("pytorch", "ghost", "onnx"));
  EXPECT_THAT(offered({"ghost-convert", "-o", "one"}), ElementsAre("one.yaml"));
  EXPECT_THAT(offered({"ghost-train", "--threads", ""}), ElementsAre());
  EXPECT_THAT(offered({"ghost-info", "--compare", "one.yaml", "on"}), ElementsAre("one.yaml"));
  EXPECT_THAT(offered({"ghost-predict", "on"}), ElementsAre("one.yaml"));
  EXPECT_THAT(offered({"ghost-train", ""}), Each(StartsWith("-")));
}

TEST_F(Completion, KnowsCommandsAndModelsOfAnotherProgram) {
  EXPECT_THAT(offered({"own-model", "in"}), UnorderedElementsAre("info", "inspect"));
  EXPECT_THAT(offered({"own-model", "--"}), UnorderedElementsAre("--help", "--version"));
  EXPECT_THAT(offered({"own-model", "train", "--set", "model.name", "=", "own"}), ElementsAre("own_net"));
  EXPECT_THAT(offered({"own-model", "none", "--set", ""}), ElementsAre());
  EXPECT_THAT(offered({"ghost-train", "--set", "model.name", "=", ""}), Not(Contains("own_net")));
}

TEST_F(Completion, IsTextThatEachShellCanRead) {
  for (const char* shell : {"bash", "zsh", "fish"}) {
    if (!is_installed(shell)) continue;
    for (const char* program : {"ghost-train", "ghost-predict", "own-model"}) {
      const Finished script = test::run_program(program, {"--help-completion", shell});
      EXPECT_EQ(script.status, 0) << script.err;
      const auto file = dir_.write("script", std::string_view(script.out));
      const auto [output, status] = run_command(std::string(shell) + " -n '" + file.string() + "'");
      EXPECT_EQ(status, 0) << shell << ", " << program << ": " << output;
    }
  }
}

TEST_F(Completion, OffersTheSameInFish) {
  if (!is_installed("fish")) GTEST_SKIP() << "fish is not installed";
  const auto offered_by_fish = [&](const std::string& program, const std::string& line) {
    const auto file =
        dir_.write("script", std::string_view(test::run_program(program, {"--help-completion", "fish"}).out));
    const std::string call = "source '" + file.string() + "'; complete -C \"" + line + "\" | string split -f 1 \\t";
    return lines_of(
        run_command("fish --no-config -c '" + std::regex_replace(call, std::regex("'"), "'\\''") + "'").output);
  };
  EXPECT_THAT(offered_by_fish("ghost-convert", "ghost-convert --to "),
              UnorderedElementsAre("pytorch", "ghost", "onnx"));
  EXPECT_THAT(offered_by_fish("ghost-train", "ghost-train --resu"), ElementsAre("--resume"));
  EXPECT_THAT(offered_by_fish("ghost-train", "ghost-train --set train.fu"),
              UnorderedElementsAre("train.fusion=true", "train.fusion=false"));
  EXPECT_THAT(offered_by_fish("own-model", "own-model pre"), ElementsAre("predict"));
  EXPECT_THAT(offered_by_fish("own-model", "own-model train --set model.name=own"), ElementsAre("model.name=own_net"));
}

TEST(CompletionScript, IsMadeForShellsThatAreKnown) {
  for (const Words& wrong : {Words{"--help-completion", "bsh"}, Words{"--help-completion"}}) {
    const Finished refused = test::run_program("ghost-train", wrong);
    EXPECT_EQ(refused.status, 2);
    EXPECT_THAT(refused.err, HasSubstr("bash, zsh or fish"));
  }
  EXPECT_THAT(test::run_program("own-model", {"--help-completion", "bsh"}).err, HasSubstr("did you mean 'bash'?"));
}

}  // namespace
}  // namespace ghost
