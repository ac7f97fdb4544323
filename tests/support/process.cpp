#include "support/process.h"

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <grp.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

#include "core/error.h"

namespace ghost::test {

namespace {

constexpr int kSignalled = 1000;
constexpr int kCannotStart = 127;
constexpr unsigned kNobody = 65534;

// In the child, between fork and exec: only calls that are safe there.
[[noreturn]] void become(const std::vector<char*>& argv, const std::string& out, const std::string& err,
                         const ProcessOptions& options) {
  const int in_fd = open("/dev/null", O_RDONLY);
  const int out_fd = open(out.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0644);
  const int err_fd = open(err.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0644);
  if (dup2(in_fd, 0) < 0 || dup2(out_fd, 1) < 0 || dup2(err_fd, 2) < 0) _exit(kCannotStart);
  if (!options.directory.empty() && chdir(options.directory.c_str()) != 0) _exit(kCannotStart);
  if (options.file_size_limit >= 0) {
    const auto bytes = static_cast<rlim_t>(options.file_size_limit);
    const rlimit limit{bytes, bytes};
    if (setrlimit(RLIMIT_FSIZE, &limit) != 0) _exit(kCannotStart);
  }
  if (options.unprivileged && geteuid() == 0 &&
      (setgroups(0, nullptr) != 0 || setgid(kNobody) != 0 || setuid(kNobody) != 0))
    _exit(kCannotStart);
  execv(argv[0], argv.data());
  _exit(kCannotStart);
}

}  // namespace

Process::Process(const std::vector<std::string>& command, const ProcessOptions& options) {
  std::vector<std::string> words = command;
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  const std::string out = (dir_ / "out").string(), err = (dir_ / "err").string();
  pid_ = fork();
  if (pid_ < 0) fail("cannot start {}: {}", command.front(), std::strerror(errno));
  if (pid_ == 0) become(argv, options.output.empty() ? out : options.output, err, options);
}

Process::~Process() {
  if (!running()) return;
  send(SIGKILL);
  wait();
}

void Process::send(int signal) const {
  if (status_ < 0) kill(pid_, signal);
}

void Process::collect(int raw) { status_ = WIFEXITED(raw) ? WEXITSTATUS(raw) : kSignalled + WTERMSIG(raw); }

bool Process::running() {
  int raw = 0;
  if (status_ < 0 && waitpid(pid_, &raw, WNOHANG) == pid_) collect(raw);
  return status_ < 0;
}

int Process::wait() {
  int raw = 0;
  if (status_ < 0 && waitpid(pid_, &raw, 0) == pid_) collect(raw);
  return status_;
}

std::string Process::out() { return std::filesystem::exists(dir_ / "out") ? file_text(dir_ / "out") : ""; }
std::string Process::err() { return std::filesystem::exists(dir_ / "err") ? file_text(dir_ / "err") : ""; }

Finished train_tiny(const TempDir& dir, const std::vector<std::string>& arguments) {
  std::vector<std::string> all{"--config", "tiny.yaml"};
  all.insert(all.end(), arguments.begin(), arguments.end());
  return run_program("ghost-train", all, {.directory = dir.str()});
}

std::string program_path(const std::string& name) { return std::string(GHOST_BIN_DIR) + "/" + name; }

Finished run_program(const std::string& name, const std::vector<std::string>& arguments,
                     const ProcessOptions& options) {
  std::vector<std::string> command{program_path(name)};
  command.insert(command.end(), arguments.begin(), arguments.end());
  Process process(command, options);
  const int status = process.wait();
  return {status, process.out(), process.err()};
}

bool wait_until(const std::function<bool()>& condition) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::minutes(1);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return true;
}

}  // namespace ghost::test
