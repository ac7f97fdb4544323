// What the pages for readers promise: they name what there is, their links lead somewhere, and their code compiles.
#include <algorithm>
#include <cctype>
#include <filesystem>
#include <gtest/gtest.h>
#include <map>
#include <memory>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "core/ops/activation.h"
#include "core/ops/arithmetic.h"
#include "core/ops/shape_ops.h"
#include "data/registry.h"
#include "nn/layers/batch_norm2d.h"
#include "nn/layers/cheap_op.h"
#include "nn/layers/conv2d.h"
#include "nn/layers/conv_bn_act.h"
#include "nn/layers/ghost_module.h"
#include "nn/layers/linear.h"
#include "nn/layers/plain.h"
#include "nn/layers/pool.h"
#include "nn/models/registry.h"
#include "nn/sequential.h"
#include "support/temp_dir.h"
#include "train/optim/optimizer.h"
#include "train/optim/schedule.h"

namespace ghost {

// The code that README.md and docs/from-pytorch.md show, as they show it.

ModulePtr own_net(const ModelConfig& c) {
  auto net = std::make_shared<Sequential>();
  net->emplace<ConvBnAct>(ConvBlock{.in = c.in_channels, .out = 16, .kernel = 3});
  net->emplace<GhostModule>(GhostModule::Options{.in = 16, .out = 64, .kernel = 3, .stride = 2});
  net->emplace<GlobalAvgPool>();
  net->emplace<Flatten>();
  net->emplace<Linear>(Linear::Options{.in = 64, .out = c.num_classes});
  return net;
}

class Block final : public Module {
 public:
  explicit Block(int64_t c)
      : conv1_(this, "conv1", Conv2d::Options{.in = c, .out = c, .kernel = 3, .padding = 1, .bias = false}),
        bn1_(this, "bn1", BatchNorm2d::Options{.channels = c}),
        conv2_(this, "conv2",
               Conv2d::Options{.in = c, .out = c, .kernel = 3, .padding = 1, .groups = c, .bias = false}),
        bn2_(this, "bn2", BatchNorm2d::Options{.channels = c}) {}
  const char* kind() const override { return "Block"; }

 protected:
  Tensor forward(const Tensor& x) override {
    const Tensor y = relu(bn1_(conv1_(x)));
    return relu(x + bn2_(conv2_(y)));
  }

 private:
  Child<Conv2d> conv1_;
  Child<BatchNorm2d> bn1_;
  Child<Conv2d> conv2_;
  Child<BatchNorm2d> bn2_;
};

namespace {

namespace fs = std::filesystem;
using test::file_text;

const fs::path kSource = GHOST_SOURCE_DIR;

// README.md, CONTRIBUTING.md and the like, and all of docs/: relative to the top.
std::vector<std::string> pages() {
  std::vector<std::string> found;
  for (const fs::path& folder : {fs::path("."), fs::path("docs")})
    for (const auto& entry : fs::directory_iterator(kSource / folder))
      if (entry.path().extension() == ".md")
        found.push_back((folder / entry.path().filename()).lexically_normal().string());
  std::sort(found.begin(), found.end());
  return found;
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::stringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

struct Page {
  std::vector<std::string> prose;   // lines outside of code blocks
  std::vector<std::string> blocks;  // code blocks, each beginning with its language and a line's end
};

Page parse(const std::string& text) {
  Page page;
  bool inside = false;
  for (const std::string& line : lines_of(text)) {
    if (line.starts_with("```")) {
      inside = !inside;
      if (inside) page.blocks.push_back(line.substr(3) + "\n");
    } else if (inside) {
      page.blocks.back() += line + "\n";
    } else {
      page.prose.push_back(line);
    }
  }
  EXPECT_FALSE(inside) << "a code block has no end";
  return page;
}

// Blocks of one language, without its name.
std::vector<std::string> code(const std::string& page, const std::string& language) {
  std::vector<std::string> found;
  for (const std::string& block : parse(file_text(kSource / page)).blocks)
    if (block.starts_with(language + "\n")) found.push_back(block.substr(language.size() + 1));
  return found;
}

// The fragment that a link to this heading has: letters of ASCII small, - and _ kept, spaces as -, other ASCII left
// out. What is not ASCII stays as it is.
std::string fragment_of(const std::string& heading) {
  std::string fragment;
  for (const char c : heading) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x80 || std::isalnum(byte) || c == '-' || c == '_')
      fragment += byte < 0x80 ? static_cast<char>(std::tolower(byte)) : c;
    else if (c == ' ')
      fragment += '-';
  }
  return fragment;
}

std::set<std::string> fragments(const std::string& text) {
  std::set<std::string> found;
  std::map<std::string, int> seen;
  for (const std::string& line : parse(text).prose) {
    const size_t text_begins = line.find_first_not_of('#');
    if (text_begins == 0 || text_begins == std::string::npos || text_begins > 6 || line[text_begins] != ' ') continue;
    const std::string fragment = fragment_of(line.substr(text_begins + 1));
    const int before = seen[fragment]++;
    found.insert(before == 0 ? fragment : fragment + "-" + std::to_string(before));
  }
  return found;
}

// Targets of [text](target) and ![text](target) that are not addresses of the web.
std::vector<std::string> relative_links(const std::string& text) {
  std::vector<std::string> found;
  for (const std::string& line : parse(text).prose)
    for (size_t at = line.find("]("); at != std::string::npos; at = line.find("](", at + 2)) {
      const std::string target = line.substr(at + 2, line.find(')', at) - at - 2);
      if (target.find("://") == std::string::npos) found.push_back(target);
    }
  return found;
}

// A name as prose gives it: `name`.
void expect_named(const std::string& page, const std::string& name) {
  EXPECT_NE(file_text(kSource / page).find("`" + name + "`"), std::string::npos) << page << " does not name " << name;
}

template <class Table>
void expect_all_named(const std::string& page, const Table& table) {
  EXPECT_FALSE(table.empty());
  for (const auto& entry : table) expect_named(page, entry.name);
}

TEST(Readme, HasAtMost180Lines) { EXPECT_LE(lines_of(file_text(kSource / "README.md")).size(), 180u); }

TEST(Readme, ShowsTheTwoCommandsEarly) {
  constexpr size_t kFirstScreens = 50;
  std::vector<std::string> lines = lines_of(file_text(kSource / "README.md"));
  lines.resize(std::min(lines.size(), kFirstScreens));
  for (const std::string command : {"./quickstart", "./run-tests"}) {
    EXPECT_TRUE(std::any_of(lines.begin(), lines.end(), [&](const auto& line) { return line.starts_with(command); }))
        << command;
    EXPECT_TRUE(fs::exists(kSource / command));
  }
}

TEST(Readme, LinksToEveryPage) {
  const std::vector<std::string> links = relative_links(file_text(kSource / "README.md"));
  for (const std::string& page : pages()) {
    if (page == "README.md") continue;
    EXPECT_TRUE(std::any_of(links.begin(), links.end(), [&](const auto& link) { return link.starts_with(page); }))
        << page;
  }
}

TEST(Docs, LinksLeadToFilesAndHeadings) {
  int links = 0;
  for (const std::string& page : pages()) {
    const std::string text = file_text(kSource / page);
    for (const std::string& link : relative_links(text)) {
      const size_t hash = link.find('#');
      const std::string file = link.substr(0, hash);
      const fs::path target = file.empty() ? kSource / page : kSource / fs::path(page).parent_path() / file;
      links++;
      ASSERT_TRUE(fs::exists(target)) << page << " links to " << link;
      if (hash == std::string::npos) continue;
      EXPECT_TRUE(fragments(file_text(target)).count(link.substr(hash + 1)))
          << page << " links to " << link << ", but there is no such heading";
    }
  }
  EXPECT_GE(links, 50);
}

TEST(Docs, ModelsNamesEveryModelConvolutionAndCheapOperation) {
  expect_all_named("docs/models.md", model_table());
  expect_all_named("docs/models.md", conv_choice_table());
  expect_all_named("docs/models.md", cheap_op_table());
}

TEST(Docs, ModelsNamesEveryShippedConfig) {
  int configs = 0;
  for (const auto& entry : fs::recursive_directory_iterator(kSource / "configs")) {
    if (!entry.is_regular_file()) continue;
    expect_named("docs/models.md", fs::relative(entry.path(), kSource).string());
    configs++;
  }
  EXPECT_GE(configs, 6);
}

TEST(Docs, DataNamesEveryDataSet) { expect_all_named("docs/data.md", dataset_table()); }

TEST(Docs, TrainingNamesEveryOptimizerAndSchedule) {
  expect_all_named("docs/training.md", optimizer_table());
  expect_all_named("docs/training.md", schedule_table());
}

TEST(Docs, ModelsShowsTheExampleFromTheClassOn) {
  const std::vector<std::string> shown = code("docs/models.md", "cpp");
  ASSERT_EQ(shown.size(), 1u);
  EXPECT_NE(shown[0].find("int main("), std::string::npos);
  EXPECT_TRUE(file_text(kSource / "examples/own_model/main.cpp").ends_with("\n" + shown[0]));
}

TEST(Docs, CodeThatIsShownIsCompiledHere) {
  const std::string here = file_text(kSource / "tests/docs_test.cpp");
  const auto expect_compiled = [&](const std::string& text) {
    EXPECT_NE(here.find("\n" + text), std::string::npos) << text;
  };
  const std::vector<std::string> readme = code("README.md", "cpp"), idioms = code("docs/from-pytorch.md", "cpp");
  ASSERT_EQ(readme.size(), 1u);
  const size_t main = readme[0].find("\nint main(");
  ASSERT_NE(main, std::string::npos);
  expect_compiled(readme[0].substr(0, main));
  EXPECT_NE(readme[0].find("\n  return command_main(argc, argv);\n"), std::string::npos);
  const size_t registers = readme[0].find("  register_model("), line_ends = readme[0].find('\n', registers);
  ASSERT_NE(registers, std::string::npos);
  expect_compiled(readme[0].substr(registers, line_ends - registers));
  ASSERT_EQ(idioms.size(), 1u);
  expect_compiled(idioms[0]);
}

TEST(Docs, TheBlockOfFromPytorchHasPytorchsNames) {
  Block block(4);
  block.initialise(0);
  EXPECT_EQ(block(Tensor::zeros({2, 5, 5, 4})).shape(), (Shape{2, 5, 5, 4}));
  std::vector<std::string> names;
  for (const Parameter& p : block.parameters()) names.push_back(p.name);
  EXPECT_EQ(names, (std::vector<std::string>{"conv1.weight", "bn1.weight", "bn1.bias", "conv2.weight", "bn2.weight",
                                             "bn2.bias"}));
}

// GitHub's rule, by examples that our pages have.
TEST(Docs, FragmentsAreThoseOfGithub) {
  EXPECT_EQ(fragment_of("Choosing the convolution: `conv:`"), "choosing-the-convolution-conv");
  EXPECT_EQ(fragment_of("Machine A: AMD EPYC, 118 GFLOP/s a core"), "machine-a-amd-epyc-118-gflops-a-core");
}

// Last of this process: the table keeps what is registered.
TEST(Docs, TheModelOfTheReadmeGivesLogits) {
  register_model({.name = "own_net", .summary = "a small network", .options = {}, .build = own_net});
  const ModulePtr model = build_model({.name = "own_net", .num_classes = 7, .in_channels = 1}, 0);
  EXPECT_EQ((*model)(Tensor::zeros({2, 8, 8, 1})).shape(), (Shape{2, 7}));
}

}  // namespace
}  // namespace ghost
