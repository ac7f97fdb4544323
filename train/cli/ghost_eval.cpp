// ghost-eval: tests a network.
#include "train/cli/main.h"

int main(int argc, char** argv) { return ghost::eval_main(argc, argv); }
