// Everything that is wrong with a configuration, collected so that it can be reported at once.
#pragma once
#include <set>
#include <string>
#include <vector>

namespace ghost {

// A place in a file, "configs/a.yaml:3:5", or a whole file or --set argument (line 0).
struct Place {
  std::string source;
  int line = 0, column = 0;  // from 1
  int order = 0;             // of the source, as they were read
  std::string str() const;
};

class Problems {
 public:
  // `paths` are the options that are wrong now: later checks leave them alone.
  void add(const Place& place, const std::string& sentence, const std::vector<std::string>& paths = {});
  bool concerns(const std::string& path) const { return paths_.contains(path); }
  // Throws UsageError with one problem a line, in order of their places; nothing if there are none.
  void raise() const;

 private:
  struct Entry {
    Place place;
    std::string sentence;
  };
  size_t count_ = 0;
  std::vector<Entry> entries_;
  std::set<std::string> paths_;
};

}  // namespace ghost
