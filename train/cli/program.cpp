#include "train/cli/program.h"

#include <CLI/CLI.hpp>
#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <new>
#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/spdlog.h>
#include <sstream>
#include <unistd.h>

#include "core/atomic_file.h"
#include "core/error.h"
#include "core/nearest.h"
#include "core/quoted.h"
#include "train/cli/build.h"
#include "train/cli/completion.h"
#include "train/cli/manual_page.h"

namespace ghost::cli {

namespace {

std::atomic<int> noted{0};
static_assert(std::atomic<int>::is_always_lock_free, "used in a signal handler");

// Colours are for the screen.
class Uncoloured final : public spdlog::sinks::sink {
 public:
  explicit Uncoloured(spdlog::sink_ptr to) : to_(std::move(to)) {}
  void log(const spdlog::details::log_msg& message) override {
    const std::string text = without_colours(std::string(message.payload.data(), message.payload.size()));
    spdlog::details::log_msg plain = message;
    plain.payload = text;
    to_->log(plain);
  }
  void flush() override { to_->flush(); }
  void set_pattern(const std::string& pattern) override { to_->set_pattern(pattern); }
  void set_formatter(std::unique_ptr<spdlog::formatter> formatter) override {
    to_->set_formatter(std::move(formatter));
  }

 private:
  spdlog::sink_ptr to_;
};

void note(int signal) {
  if (noted.exchange(signal) != 0) {
    remove_temporary_files();
    _exit(kInterrupted + signal);
  }
  constexpr char text[] = "\nStopping after this step; once more leaves at once.\n";
  [[maybe_unused]] const auto written = write(STDERR_FILENO, text, sizeof text - 1);
}

// Ends the program as the signal would have, without half a file.
void leave(int signal) {
  remove_temporary_files();
  raise(signal);
}

struct sigaction handled_by(void (*handler)(int), int flags) {
  struct sigaction action = {};
  action.sa_handler = handler;
  sigemptyset(&action.sa_mask);
  action.sa_flags = flags;
  return action;
}

// A file that is opened later must not get the number of a standard stream, or what is printed ends up in it.
void open_closed_streams() {
  for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
    if (fcntl(fd, F_GETFD) < 0 && errno == EBADF)
      open("/dev/null", O_RDWR);  // gets the lowest free number, which is fd
}

void set_up_signals() {
  std::signal(SIGXFSZ, SIG_IGN);  // a limit of file sizes becomes an error of the write
  const struct sigaction action = handled_by(leave, static_cast<int>(SA_RESETHAND | SA_NODEFER));
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
    struct sigaction before = {};
    if (sigaction(signal, nullptr, &before) == 0 && before.sa_handler == SIG_DFL) sigaction(signal, &action, nullptr);
  }
}

// What the terminal shows. Throws UsageError if GHOST_LOG is none of these.
spdlog::level::level_enum wanted_level() {
  const char* wish = std::getenv("GHOST_LOG");
  const std::string name = wish ? wish : "";
  if (name.empty()) return spdlog::level::info;
  constexpr std::array kLevels{spdlog::level::debug, spdlog::level::info, spdlog::level::warn, spdlog::level::err};
  std::vector<std::string> names;
  for (const auto level : kLevels) {
    const spdlog::string_view_t text = spdlog::level::to_string_view(level);
    names.emplace_back(text.data(), text.size());
    if (name == names.back()) return level;
  }
  fail_usage("GHOST_LOG is '{}', but must be {}", name, any_of(names));
}

// A status if there is nothing more to do: after --help or --version.
std::optional<int> parse(CLI::App& app, int argc, const char* const* argv, Terminal& terminal) {
  try {
    app.parse(argc, argv);
    return std::nullopt;
  } catch (const CLI::Success& e) {
    std::ostringstream text;
    app.exit(e, text, text);
    terminal.text(text.str());
    return kDone;
  } catch (const CLI::ExtrasError& e) {
    const std::vector<std::string> unknown = app.remaining();
    std::vector<std::string> known;
    for (const CLI::Option* option : app.get_options()) known.push_back("--" + option->get_single_name());
    const std::string& first = unknown.front();
    fail_usage("does not know {}{}; --help lists what it knows", first, did_you_mean(first, known));
  } catch (const CLI::ParseError& e) {
    fail_usage("{}", e.what());
  }
}

// What --help-man and --help-completion print, or nothing.
std::optional<std::string> made_from_options(const CLI::App& app, const Help& help, int argc, const char* const* argv) {
  const std::string wish = argv[1];
  if (wish == "--help-man") return manual_page(app, help);
  if (wish == "--help-completion")
    return completion_script(find_shell(argc > 2 ? argv[2] : ""), completed_program(app));
  return std::nullopt;
}

}  // namespace

std::string program_name(int argc, const char* const* argv, const std::string& usual) {
  const std::string name = argc > 0 ? std::filesystem::path(argv[0]).filename().string() : "";
  return name.empty() ? usual : name;
}

int run_program(const std::string& program, const std::function<int(Terminal&)>& body) {
  open_closed_streams();
  set_up_signals();
  Terminal terminal;
  const auto logger = std::make_shared<spdlog::logger>("ghost", std::make_shared<TerminalSink>(terminal));
  logger->set_level(spdlog::level::debug);
  logger->sinks().front()->set_level(spdlog::level::info);
  logger->flush_on(spdlog::level::debug);
  logger->set_error_handler([](const std::string&) {});  // a full disk is reported by what matters there
  spdlog::set_default_logger(logger);
  const auto report = [&](const std::string& message, Status status) {
    terminal.clear_status();
    spdlog::error("{}: {}", printable(program), message);
    return status;
  };
  int status = kFailed;
  try {
    logger->sinks().front()->set_level(wanted_level());
    status = body(terminal);
  } catch (const UsageError& e) {
    status = report(e.what(), kWrongUsage);
  } catch (const std::bad_alloc&) {
    status = report("out of memory: a smaller batch needs less", kFailed);
  } catch (const std::exception& e) {
    status = report(e.what(), kFailed);
  }
  if (const std::string error = terminal.output_error(); status == kDone && !error.empty())
    status = report(error, kFailed);
  spdlog::shutdown();
  return status;
}

int run_program(CLI::App& app, const Help& help, int argc, const char* const* argv,
                const std::function<int(Terminal&)>& body) {
  app.set_version_flag("--version", [&] { return version_text(app.get_name()); });
  app.footer(help_footer(help, app.get_name()));
  return run_program(app.get_name(), [&](Terminal& terminal) -> int {
    if (argc == 1) {
      terminal.line(app.help(), true);
      return kWrongUsage;
    }
    const std::optional<std::string> made = made_from_options(app, help, argc, argv);
    if (made) {
      terminal.text(*made);
      return kDone;
    }
    const std::optional<int> status = parse(app, argc, argv, terminal);
    return status ? *status : body(terminal);
  });
}

bool logs_debug() { return wanted_level() == spdlog::level::debug; }

void add_threads_option(CLI::App& app, std::optional<int64_t>& threads) {
  app.add_option("--threads", threads, "Compute threads; 0: all cores (the result does not depend on it)")
      ->type_name("N")
      ->check(CLI::Range(0, 1024));
}

void require_writable(const std::filesystem::path& output) {
  namespace fs = std::filesystem;
  std::error_code error;
  if (fs::is_directory(output, error)) fail_usage("--output {}: is a directory; name a file in it", output.string());
  error.clear();
  if (output.has_parent_path()) fs::create_directories(output.parent_path(), error);
  if (error) fail("--output {}: its folder cannot be made: {}", output.string(), error.message());
  const AtomicFile probe(output);  // vanishes
}

void log_to_file(const std::filesystem::path& file) {
  try {
    const auto sink = std::make_shared<spdlog::sinks::basic_file_sink_mt>(file.string());
    sink->set_pattern("%Y-%m-%d %H:%M:%S.%e %l: %v");
    spdlog::default_logger()->sinks().push_back(std::make_shared<Uncoloured>(sink));
  } catch (const spdlog::spdlog_ex& e) {
    fail("{}: cannot be written: {}", file.string(), e.what());
  }
}

void note_stop_signals() {
  const struct sigaction action = handled_by(note, SA_RESTART);
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
  struct sigaction before = {};
  if (sigaction(SIGHUP, nullptr, &before) == 0 && before.sa_handler != SIG_IGN) sigaction(SIGHUP, &action, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
}

int stop_signal() { return noted.load(); }

}  // namespace ghost::cli
