// The programs by the last word of their names: ghost-train, or "own_model train" of a program that is all of them.
#pragma once
#include <array>

namespace ghost::cli {

struct CommandText {
  const char* name;
  const char* summary;
};

inline constexpr std::array<CommandText, 7> kCommands{{
    {"train", "trains one network from one YAML file"},
    {"eval", "tests a network on a data set"},
    {"predict", "names the classes of pictures"},
    {"info", "shows what a network costs"},
    {"convert", "writes weights for PyTorch, or takes them from it"},
    {"compare", "holds runs and configurations against each other"},
    {"inspect", "looks at the feature maps of a network"},
}};

}  // namespace ghost::cli
