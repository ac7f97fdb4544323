// ghost-compare: runs and configurations side by side, as a table and as a page.
#include "train/cli/main.h"

int main(int argc, char** argv) { return ghost::compare_main(argc, argv); }
