// ghost-inspect: looks at the feature maps of a network.
#include "train/cli/main.h"

int main(int argc, char** argv) { return ghost::inspect_main(argc, argv); }
