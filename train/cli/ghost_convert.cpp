// ghost-convert: weights from and to other programs.
#include "train/cli/main.h"

int main(int argc, char** argv) { return ghost::convert_main(argc, argv); }
