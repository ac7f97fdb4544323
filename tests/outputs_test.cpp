// What the programs write: all of it or an error, and no name that a terminal or a shell would obey.
#include <array>
#include <cerrno>
#include <cstring>
#include <gmock/gmock.h>
#include <nlohmann/json.hpp>
#include <pty.h>
#include <set>
#include <sstream>
#include <sys/wait.h>
#include <unistd.h>

#include "core/quoted.h"
#include "support/picture_files.h"
#include "support/process.h"
#include "support/report_pages.h"
#include "support/tiny_images.h"
#include "train/page/text.h"

namespace ghost {
namespace {

using test::Finished;
using testing::AllOf;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using Words = std::vector<std::string>;
namespace fs = std::filesystem;

// What a program writes to a terminal of 80 columns that is its standard output and error.
std::string on_terminal(const std::string& program, Words words, const fs::path& directory) {
  words.insert(words.begin(), test::program_path(program));
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  winsize size{};
  size.ws_row = 24, size.ws_col = 80;
  int master = -1;
  const pid_t child = forkpty(&master, nullptr, nullptr, &size);
  if (child < 0) fail("there is no terminal to be had: {}", std::strerror(errno));
  if (child == 0) {
    if (chdir(directory.c_str()) != 0 || setenv("TERM", "xterm", 1) != 0 || unsetenv("NO_COLOR") != 0) _exit(127);
    execv(argv[0], argv.data());
    _exit(127);
  }
  std::string text;
  std::array<char, 4096> part{};
  // The other side's end shows as EIO.
  for (ssize_t count = 0; (count = read(master, part.data(), part.size())) > 0 || (count < 0 && errno == EINTR);)
    if (count > 0) text.append(part.data(), static_cast<size_t>(count));
  close(master);
  int status = 0;
  waitpid(child, &status, 0);
  return text;
}

// Control sequences of the programs' own: colours, and erasing the status line.
std::string without_own_sequences(std::string text) {
  for (const std::string own :
       {"\033[1m", "\033[2m", "\033[32m", "\033[33m", "\033[1;32m", "\033[0m", "\r\033[K", "\033[K", "\r\n"})
    for (size_t at = 0; (at = text.find(own)) != std::string::npos;)
      text.replace(at, own.size(), own == "\r\n" ? "\n" : "");
  return text;
}

class Outputs : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    dir_ = new test::TempDir;
    test::write_tiny_task(*dir_);
    const Finished run =
        program("ghost-train", {"--config", "tiny.yaml", "--run", "my run's", "--set", "train.epochs=1"});
    ASSERT_EQ(run.status, 0) << run.err;
    said_ = run.out;
  }
  static void TearDownTestSuite() { delete dir_; }
  static Finished program(const std::string& name, const Words& arguments, const std::string& output = "") {
    return test::run_program(name, arguments, {.directory = dir_->str(), .output = output});
  }
  static test::TempDir* dir_;
  static std::string said_;
};
test::TempDir* Outputs::dir_;
std::string Outputs::said_;

TEST_F(Outputs, AFullDiskBehindStandardOutputIsAnError) {
  if (!fs::exists("/dev/full")) GTEST_SKIP() << "no /dev/full";
  const std::vector<std::pair<std::string, Words>> all{
      {"ghost-train", {"--list"}},
      {"ghost-train", {"--list-options"}},
      {"ghost-train", {"--help"}},
      {"ghost-train", {"--version"}},
      {"ghost-train", {"--config", "tiny.yaml", "--print-config"}},
      {"ghost-train", {"--config", "tiny.yaml", "--run", "full", "--set", "train.epochs=1"}},
      {"ghost-train", {"--resume", "my run's"}},
      {"ghost-info",
       {"--config", "tiny.yaml", "--set", "data.image_size=8", "--set", "data.channels=1", "--set",
        "model.num_classes=4", "--no-memory", "--json"}},
      {"ghost-info", {"--layer", "ConvBn(3, 4)"}},
      {"ghost-eval", {"--checkpoint", "my run's", "--json"}},
      {"ghost-compare", {"my run's", "--json", "--no-timing"}},
      {"ghost-compare", {"my run's", "--csv", "--no-timing", "--no-predictions"}},
      {"ghost-inspect", {"--help-completion", "bash"}}};
  for (const auto& [name, arguments] : all) {
    const Finished run = program(name, arguments, "/dev/full");
    EXPECT_EQ(run.status, 1) << name << " " << arguments.front();
    EXPECT_THAT(run.err, HasSubstr(name + ": standard output cannot be written: No space left on device"))
        << arguments.front();
  }
  EXPECT_TRUE(fs::exists(*dir_ / "full/checkpoints/last.safetensors")) << "the run itself is whole";
}

TEST_F(Outputs, CommandsCanBePasted) {
  EXPECT_THAT(said_, HasSubstr("ghost-eval --checkpoint " + shell_word("my run's/checkpoints/best.safetensors")));
  const Finished again = program("ghost-train", {"--config", "tiny.yaml", "--run", "my run's"});
  EXPECT_EQ(again.status, 2);
  EXPECT_THAT(again.err, HasSubstr("--resume " + shell_word("my run's")));
}

TEST_F(Outputs, OneOfAKindIsOne) {
  const Finished run = program("ghost-train", {"--config", "tiny.yaml", "--run", "one", "--set", "train.epochs=1",
                                               "--set", "data.limit_train=16"});
  ASSERT_EQ(run.status, 0) << run.err;
  EXPECT_THAT(run.out, AllOf(HasSubstr("1 epoch of 1 step,"), HasSubstr("4 classes,")));
}

TEST_F(Outputs, NamesOfFilesReachNoTerminal) {
  const std::string hostile =
      "evil\033]0;owned\a\033[2J\nghost-predict: all is well\t\xC2\x9B"
      "31m.png";
  dir_->write(hostile, test::png_bytes(test::patterned_image(8, 8, 1)));
  dir_->write("broken" + hostile, std::string_view("no picture"));
  const Words words{"--checkpoint", "my run's", hostile, "broken" + hostile};
  const std::string shown = without_own_sequences(on_terminal("ghost-predict", words, dir_->path()));
  EXPECT_THAT(shown, AllOf(HasSubstr("evil\\x1b]0;owned\\x07\\x1b[2J\\nghost-predict: all is well\\t\\xc2\\x9b31m.png"),
                           HasSubstr("brokenevil\\x1b")));
  for (const char c : shown) EXPECT_TRUE(c == '\n' || static_cast<unsigned char>(c) >= 0x20) << int{c};
  // Nothing of it either where output goes to a file that is looked at later.
  const Finished plain = program("ghost-predict", words);
  EXPECT_THAT(plain.out + plain.err, AllOf(Not(HasSubstr("\033")), Not(HasSubstr("\nghost-predict: all is well"))));
  // JSON and CSV are for programs: the name as it is.
  const Finished json = program("ghost-predict", {"--checkpoint", "my run's", "--json", hostile});
  EXPECT_EQ(nlohmann::json::parse(json.out)[0].at("file"), hostile);
  const Finished csv = program("ghost-predict", {"--checkpoint", "my run's", "--csv", "--top", "1", hostile});
  EXPECT_THAT(csv.out, HasSubstr(hostile));
  const Finished wrong = program("ghost-train", {"--config", "no\033[31m\nsuch.yaml"});
  EXPECT_THAT(wrong.err, AllOf(Not(HasSubstr("\033")), EndsWith("\n")));
  EXPECT_EQ(std::count(wrong.err.begin(), wrong.err.end(), '\n'), 1) << wrong.err;
}

TEST_F(Outputs, ALineBreakInANameDoesNotForgeALine) {
  const std::string forged = "forged\nwarning: all is well.safetensors";
  const Finished made = program("ghost-convert", {"--checkpoint", "my run's", "--output", forged});
  ASSERT_EQ(made.status, 0) << made.err;
  const Finished seen = program("ghost-eval", {"--weights", forged, "--set", "data.root=data"});
  ASSERT_EQ(seen.status, 0) << seen.err;
  EXPECT_THAT(made.out + made.err + seen.out + seen.err, Not(HasSubstr("\nwarning: all is well")));
  EXPECT_THAT(seen.out, HasSubstr("forged\\nwarning: all is well"));
}

TEST_F(Outputs, ATerminalGetsColoursOfOurOwn) {
  const std::string table = on_terminal("ghost-info", {"--layer", "ConvBn(3, 4)"}, dir_->path());
  EXPECT_THAT(table, HasSubstr("\033[1mlayer"));
}

TEST_F(Outputs, WideLettersAlign) {
  EXPECT_EQ(display_width("犬"), 2);
  EXPECT_EQ(display_width("cafe\u0301"), 4) << "an accent of its own combines";
  EXPECT_EQ(display_width("schön – 犬👻"), 12);
  dir_->write("names.txt", std::string_view("犬の名前\ncafe\u0301\nA\nschön\n"));
  dir_->write("odd.png", test::png_bytes(test::patterned_image(8, 8, 1)));
  const Finished shown =
      program("ghost-predict", {"--checkpoint", "my run's", "--classes", "names.txt", "--top", "4", "odd.png"});
  ASSERT_EQ(shown.status, 0) << shown.err;
  std::istringstream lines(shown.out);
  std::string line;
  std::set<int> widths;
  int classes = 0;
  while (std::getline(lines, line))
    if (line.starts_with("  ")) widths.insert(display_width(line)), ++classes;
  EXPECT_EQ(classes, 4) << shown.out;
  EXPECT_EQ(widths.size(), 1U) << shown.out;
}

// Outputs beyond the classes of the data: only what occurs is counted.
TEST_F(Outputs, ManyOutputsTrainAndAreTested) {
  for (const char* outputs : {"20000", "60000"}) {
    const std::string run = std::string("many-") + outputs;
    const Finished trained =
        program("ghost-train", {"--config", "tiny.yaml", "--run", run, "--set", "train.epochs=1", "--set",
                                std::string("model.num_classes=") + outputs, "--set", "data.limit_train=32"});
    ASSERT_EQ(trained.status, 0) << trained.err;
    EXPECT_THAT(trained.err, Not(HasSubstr("report")));
    EXPECT_LT(fs::file_size(*dir_ / run / "report.html"), 5'000'000);
    const Finished tested = program("ghost-eval", {"--checkpoint", run, "--json", "--per-class"});
    ASSERT_EQ(tested.status, 0) << tested.err;
    const auto json = nlohmann::json::parse(tested.out);
    EXPECT_TRUE(json.at("confusion").is_null());
    int64_t samples = 0;
    for (const auto& pair : json.at("confusion_pairs")) samples += pair[2].get<int64_t>();
    EXPECT_EQ(samples, 40);
  }
}

}  // namespace
}  // namespace ghost
