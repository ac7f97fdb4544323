// Names from outside in lines on a terminal and in commands for a shell.
#include "core/quoted.h"

#include <gmock/gmock.h>

#include "core/error.h"
#include "support/command.h"

namespace ghost {
namespace {

TEST(Printable, KeepsTextAndWritesOutWhatATerminalWouldObey) {
  EXPECT_EQ(printable("straße/犬 👻.png"), "straße/犬 👻.png");
  EXPECT_EQ(printable("a\nb\tc\rd"), "a\\nb\\tc\\rd");
  EXPECT_EQ(printable("\033]0;title\a\033[2J"), "\\x1b]0;title\\x07\\x1b[2J");
  EXPECT_EQ(printable(std::string_view("\0\x7f", 2)), "\\x00\\x7f");
  EXPECT_EQ(printable("\xC2\x9B"
                      "31m"),
            "\\xc2\\x9b31m")
      << "a control sequence in a form that UTF-8 terminals know";
  EXPECT_EQ(printable("cat\xE2\x80\xAEgpj.exe"), "cat\\xe2\\x80\\xaegpj.exe") << "turns the direction of writing";
  EXPECT_EQ(printable("\xFF\xC3(\xE2\x82"), "\\xff\\xc3(\\xe2\\x82") << "not UTF-8";
}

TEST(Printable, ErrorsAreOneLineWhateverAFileIsCalled) {
  try {
    fail("{}: cannot be read after {} bytes", std::string("a\nb\033[31m"), 7);
  } catch (const Error& e) {
    EXPECT_STREQ(e.what(), "a\\nb\\x1b[31m: cannot be read after 7 bytes");
  }
}

TEST(ShellWord, IsReadBackByAShellAsItWas) {
  EXPECT_EQ(shell_word("runs/ghostnet-1"), "runs/ghostnet-1");
  EXPECT_EQ(shell_word("my runs"), "'my runs'");
  EXPECT_EQ(shell_word(""), "''");
  for (const std::string name : {"my runs", "it's", "$HOME", "a;rm -rf b", "~", "*", "a\nb", "tab\tand 'quote'",
                                 "\x1b[0m1", "back\\slash\n", "straße"}) {
    const test::CommandResult read = test::run_command("bash -c " + shell_word("printf %s " + shell_word(name)));
    EXPECT_EQ(read.output, name) << shell_word(name);
    EXPECT_EQ(read.status, 0);
  }
}

}  // namespace
}  // namespace ghost
