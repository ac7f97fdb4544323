#include <algorithm>
#include <fmt/core.h>
#include <string>
#include <vector>

#include "core/error.h"
#include "core/nearest.h"
#include "train/cli/main.h"
#include "train/cli/program.h"

namespace ghost::cli {

namespace {

struct Command {
  std::string name, summary;
  int (*main)(int argc, char** argv);
};

const std::vector<Command>& commands() {
  static const std::vector<Command> table{
      {"train", "trains one network from one YAML file", train_main},
      {"eval", "tests a network on a data set", eval_main},
      {"predict", "names the classes of pictures", predict_main},
      {"info", "shows what a network costs", info_main},
      {"convert", "writes weights for PyTorch, or takes them from it", convert_main},
      {"compare", "compares runs and configurations", compare_main},
      {"inspect", "looks at the feature maps of a network", inspect_main},
  };
  return table;
}

std::string help(const std::string& program) {
  std::string text = fmt::format("Usage: {} COMMAND [OPTIONS]\n\nCommands, each with its own --help:\n", program);
  for (const Command& command : commands()) text += fmt::format("  {:8}  {}\n", command.name, command.summary);
  return text;
}

int main(int argc, char** argv) {
  const std::string program = program_name(argc, argv, "ghost"), wanted = argc > 1 ? argv[1] : "";
  const auto& all = commands();
  const auto command = std::find_if(all.begin(), all.end(), [&](const Command& c) { return c.name == wanted; });
  if (command != all.end()) {
    // The two words are the program's name from here on: in messages, and in the commands that they propose.
    std::string name = argv[0] + (" " + wanted);
    std::vector<char*> arguments(argv + 1, argv + argc + 1);  // with the null at the end
    arguments[0] = name.data();
    return command->main(argc - 1, arguments.data());
  }
  return run_program(program, [&](Terminal& terminal) -> int {
    if (wanted == "--help" || wanted == "-h") {
      terminal.text(help(program));
      return kDone;
    }
    if (wanted.empty()) {
      terminal.line(help(program), true);
      return kWrongUsage;
    }
    std::vector<std::string> names;
    names.reserve(all.size());
    for (const Command& c : all) names.push_back(c.name);
    fail_usage("there is no command '{}', but {}{}", wanted, any_of(names), did_you_mean(wanted, names));
  });
}

}  // namespace

}  // namespace ghost::cli

int ghost::command_main(int argc, char** argv) { return cli::main(argc, argv); }
