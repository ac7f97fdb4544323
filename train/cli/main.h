// The programs as functions, for a program of your own that registers models first (nn/models/registry.h) and then is
// what ours are: they read the command line, report errors on stderr, and return the exit status. argv[0] is the name
// they go by.
#pragma once

namespace ghost {

int train_main(int argc, char** argv);    // ghost-train
int predict_main(int argc, char** argv);  // ghost-predict
int info_main(int argc, char** argv);     // ghost-info
int eval_main(int argc, char** argv);     // ghost-eval
int convert_main(int argc, char** argv);  // ghost-convert
int compare_main(int argc, char** argv);  // ghost-compare
int inspect_main(int argc, char** argv);  // ghost-inspect

// All of them: the first argument says which, "own_model train --config …". Without one, or with --help, it lists them.
int command_main(int argc, char** argv);

}  // namespace ghost
