// What every program does alike: turn errors into a sentence and a status, and signals into a wish to stop.
#pragma once
#include <filesystem>
#include <functional>
#include <optional>
#include <string>

#include "train/cli/help.h"
#include "train/cli/terminal.h"

namespace CLI {  // NOLINT(readability-identifier-naming): as CLI11 has it
class App;
}

namespace ghost::cli {

// Exit status: a program that is stopped by a signal leaves with kInterrupted + its number, as shells expect.
enum Status : int { kDone = 0, kFailed = 1, kWrongUsage = 2, kInterrupted = 128 };

// The program by the name it was called, without the folder; `usual` if the system gives none.
std::string program_name(int argc, const char* const* argv, const std::string& usual);

// Runs body with spdlog's default logger on the terminal; an error becomes "<program>: <sentence>" on stderr and its
// status. The terminal shows what is information or more, or what GHOST_LOG=debug|info|warning|error says. Standard
// streams that are closed become /dev/null, a limit of file sizes becomes an error of the write, and a signal that ends
// the program leaves no temporary file behind.
int run_program(const std::string& program, const std::function<int(Terminal&)>& body);
// The same after reading the command line of a program that goes by app's name; `help` is what --help says besides the
// options. Without arguments its help is printed, as wrong usage. --help and --version are answered, and as the first
// argument what --help does not show because it is for packages: --help-man prints the manual page, --help-completion
// SHELL the script for bash, zsh or fish. What the program does not know is an error that names the nearest option.
int run_program(CLI::App& app, const Help& help, int argc, const char* const* argv,
                const std::function<int(Terminal&)>& body);
// Whether GHOST_LOG asks for debugging messages.
bool logs_debug();
// --threads: 0 stands for all cores.
void add_threads_option(CLI::App& app, std::optional<int64_t>& threads);
// What cannot be written is known before hours of work. Folders on the way are made. Throws Error or UsageError,
// beginning with --output.
void require_writable(const std::filesystem::path& output);
// From here on all that is logged goes to this file as well, with the time.
void log_to_file(const std::filesystem::path& file);

// From here on SIGINT, SIGTERM and SIGHUP (unless it is ignored, as under nohup) are noted instead of ending the
// program; a second one ends it at once. A closed pipe becomes an error of the write.
void note_stop_signals();
int stop_signal();  // the one that came, or 0

}  // namespace ghost::cli
