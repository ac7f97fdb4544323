// A unit compiled for AVX-512 that exports an inline function of a shared header lends that copy to the whole program,
// which then dies on older processors. Forcing the baseline on a new processor cannot show it; the symbol table can.
#include <filesystem>
#include <gtest/gtest.h>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "support/command.h"

namespace {

struct Symbol {
  char type;
  std::string name;
};

// Defined symbols of each object file of the archive whose name starts with "rows_" and is not rows.cpp itself.
std::map<std::string, std::vector<Symbol>> isa_symbols(const std::string& archive) {
  std::map<std::string, std::vector<Symbol>> of;
  std::istringstream lines(ghost::test::run_command("nm --defined-only '" + archive + "'").output);
  std::string line, member;
  while (std::getline(lines, line)) {
    if (line.ends_with(".o:")) {
      member = line.starts_with("rows_") ? line.substr(0, line.size() - 1) : "";
      if (!member.empty()) of[member];
      continue;
    }
    std::istringstream fields(line);
    std::string address, name;
    char type = 0;
    if (!member.empty() && fields >> address >> type >> name) of[member].push_back({type, name});
  }
  return of;
}

TEST(IsaUnits, ExportOneTableAndNothingElse) {
  const std::string archive = GHOST_BIN_DIR "/../libghost_core.a";
  ASSERT_TRUE(std::filesystem::exists(archive)) << archive;
  const auto units = isa_symbols(archive);
  ASSERT_FALSE(units.empty()) << "nm found no rows_<isa> object in " << archive;
#if defined(__x86_64__)
  EXPECT_EQ(units.size(), 5u) << "baseline, avx2, avx512, avx512bf16 and amxbf16";
#endif
  for (const auto& [unit, symbols] : units) {
    std::vector<std::string> tables;
    for (const Symbol& s : symbols) {
      if (s.name.starts_with("__odr_asan")) continue;  // the address sanitizer's mark of a global
      EXPECT_FALSE(s.type == 'W' || s.type == 'V' || s.type == 'u' || s.type == 'w' || s.type == 'v')
          << unit << " exports the weak symbol " << s.name;
      if (s.type >= 'A' && s.type <= 'Z') tables.push_back(s.name);
    }
    EXPECT_EQ(tables.size(), 1u) << unit << ": " << testing::PrintToString(tables);
  }
}

}  // namespace
