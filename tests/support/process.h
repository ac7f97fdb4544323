// One of our programs, run as a user does.
#pragma once
#include <cstdint>
#include <functional>
#include <string>
#include <sys/types.h>
#include <vector>

#include "support/temp_dir.h"

namespace ghost::test {

struct ProcessOptions {
  std::string directory{};       // to run in; empty: this one
  int64_t file_size_limit = -1;  // largest file it may write, in bytes: what a full disk is to a write
  bool unprivileged = false;     // as nobody, if this is root: root may write anywhere
  std::string output{};          // where standard output goes; empty: to out()
};

class Process {
 public:
  // Started at once; throws Error if it cannot be.
  explicit Process(const std::vector<std::string>& command, const ProcessOptions& options = {});
  ~Process();  // kills it if it still runs
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  void send(int signal) const;
  bool running();
  int wait();         // until it has ended: its exit status, or 1000 + the number of the signal that ended it
  std::string out();  // what it has written so far
  std::string err();

 private:
  TempDir dir_;
  pid_t pid_ = -1;
  int status_ = -1;
  void collect(int raw);
};

struct Finished {
  int status;
  std::string out, err;
};
// A program of ours by its name, to its end.
Finished run_program(const std::string& name, const std::vector<std::string>& arguments,
                     const ProcessOptions& options = {});
// ghost-train --config tiny.yaml with these arguments besides, in a folder of write_tiny_task() (tiny_images.h).
Finished train_tiny(const TempDir& dir, const std::vector<std::string>& arguments);
std::string program_path(const std::string& name);  // "ghost-train" → where it was built

// Asks every 2 ms; false if the condition has not come about within a minute.
bool wait_until(const std::function<bool()>& condition);

}  // namespace ghost::test
