// ghost-info: shows what a network costs.
#include "train/cli/main.h"

int main(int argc, char** argv) { return ghost::info_main(argc, argv); }
