// ghost-train: trains one network from one YAML file.
#include "train/cli/main.h"

int main(int argc, char** argv) { return ghost::train_main(argc, argv); }
