// The page of ghost-compare: what it holds, and that it works in a browser.
#include <fstream>
#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include "support/command.h"
#include "support/process.h"
#include "support/report_pages.h"
#include "train/page/html.h"
#include "train/report/page.h"
#include "train/report/table.h"

namespace ghost {
namespace {

using test::file_text;
using test::TempDir;
using testing::HasSubstr;
using testing::Not;
namespace fs = std::filesystem;

Comparison compared(const std::vector<fs::path>& dirs) {
  CompareOptions options;
  options.timing = options.predictions = false;
  return compare(read_runs(dirs), options);
}

TEST(Html, EscapesForContentAttributesAndScripts) {
  EXPECT_EQ(html::escape("<a href=\"x\">'&'</a>"), "&lt;a href=&quot;x&quot;&gt;&#39;&amp;&#39;&lt;/a&gt;");
  EXPECT_EQ(html::breakable("a_<b>-c"), "a_<wbr>&lt;b&gt;-<wbr>c");
  const std::string json = html::script_json(R"({"name":"</script><!--"})");
  EXPECT_THAT(json, Not(HasSubstr("<")));
  EXPECT_EQ(nlohmann::json::parse(json).at("name"), "</script><!--");
  EXPECT_EQ(html::fill("a {{x}} b", {{"x", "{{x}}"}}), "a {{x}} b");
}

TEST(Page, WhatUsersNamedIsEscaped) {
  const TempDir dir;
  const std::string name = "<img src=x onerror=alert(1)>";
  dir.write(fs::path(name) / "config.yaml", std::string_view("model: {name: plain_cnn}\n"));
  dir.write(fs::path(name) / "metrics.jsonl", std::string_view(""));
  const std::string page = report_page(compared({dir / name}), "");
  EXPECT_THAT(page, Not(HasSubstr("<img")));
  EXPECT_THAT(page, HasSubstr("&lt;img src=x onerror=alert(1)&gt;"));
  EXPECT_EQ(test::page_data(page).at("report").at("runs")[0].at("name"), name);
}

TEST(Page, AHundredThousandStepsStaySmall) {
  const TempDir dir;
  std::vector<fs::path> dirs;
  for (const char* name : {"long-s0", "long-s1"}) {
    dir.write(fs::path(name) / "config.yaml", std::string_view("model: {name: plain_cnn}\ntrain: {epochs: 100}\n"
                                                               "run: {seed: " +
                                                               std::string(1, name[6]) + "}\n"));
    std::ofstream out(dir / name / "metrics.jsonl");
    for (int64_t step = 1; step <= 100'000; ++step) {
      const double loss =
          step == 54'321 ? 99.5 : 2.0 / static_cast<double>(step) + 0.01 * static_cast<double>(step % 7);
      out << fmt::format(
          R"({{"kind":"step","epoch":{},"step":{},"loss":{},"top1":{},"lr":0.1,"images_per_second":9.0,"seconds":{}}})"
          "\n",
          step / 1000 + 1, step, loss, static_cast<double>(step % 100), static_cast<double>(step) / 8);
    }
    dirs.push_back(dir / name);
  }
  const std::string page = report_page(compared(dirs), "");
  EXPECT_LT(page.size(), 5U << 20);
  const auto curve = test::page_data(page).at("curves")[0].at("train_loss");
  EXPECT_LE(curve.at("value").size(), 1500U);
  const auto values = curve.at("value").get<std::vector<double>>();
  EXPECT_EQ(*std::max_element(values.begin(), values.end()), 99.5) << "the one step that stands out";
  EXPECT_EQ(curve.at("step").back(), 100'000);
}

TEST(Page, AHundredRunsStaySmall) {
  const TempDir dir;
  std::vector<fs::path> dirs;
  for (int64_t run = 0; run < 100; ++run) {
    const std::string name = fmt::format("run-{}", run);
    dir.write(fs::path(name) / "config.yaml",
              std::string_view(fmt::format("model: {{name: plain_cnn}}\ntrain: {{epochs: {}}}\n", 10 + run)));
    std::ofstream out(dir / name / "metrics.jsonl");
    for (int64_t step = 1; step <= 2000; ++step)
      out << fmt::format(R"({{"kind":"step","epoch":1,"step":{},"loss":{},"top1":1.5,"lr":0.1,"seconds":{}}})"
                         "\n",
                         step, 1.0 + 0.1 * static_cast<double>((step * 7 + run) % 11), step);
    dirs.push_back(dir / name);
  }
  EXPECT_LT(report_page(compared(dirs), "").size(), 5U << 20);
}

// Two configurations with two seeds each, measured and tested, and the page that goes with the JSON.
TEST(Page, WorksInABrowser) {
  const fs::path script = fs::path(GHOST_SOURCE_DIR) / "tests/report_page/check_page.py";
  const TempDir dir;
  test::write_tiny_comparison(dir);
  const test::Finished made =
      test::run_program("ghost-compare",
                        {"standard.yaml", "grouped.yaml", "--seeds", "2", "--set", "train.log_every=1", "--target",
                         "30", "--json", "--output", "page.html"},
                        {.directory = dir.str()});
  ASSERT_EQ(made.status, 0) << made.err;
  dir.write("report.json", std::string_view(made.out));
  EXPECT_EQ(test::page_data(file_text(dir / "page.html")).at("report"), nlohmann::ordered_json::parse(made.out));

  dir.write("under_way.html", report_page(compared({dir / "runs/standard-s0"}), "", true));

  // Debian's Python has Debian's Selenium, whatever comes first on the path.
  constexpr int kNotInstalled = 77;
  const test::CommandResult checked = test::run_command(
      "/usr/bin/python3 '" + script.string() + "' '" + (dir / "page.html").string() + "' '" +
      (dir / "report.json").string() + "' --under-way '" + (dir / "under_way.html").string() + "' 2>&1");
  if (checked.status == kNotInstalled || checked.status == 127)
    GTEST_SKIP() << "the page is not tried in a browser: " << checked.output;
  EXPECT_EQ(checked.status, 0) << checked.output;
}

}  // namespace
}  // namespace ghost
