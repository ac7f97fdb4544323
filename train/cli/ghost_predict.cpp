// ghost-predict: names what is in pictures.
#include "train/cli/main.h"

int main(int argc, char** argv) { return ghost::predict_main(argc, argv); }
