// The line of the table for `train.lookahead`: slow weights that follow the trained ones.
#pragma once
#include "train/hooks/hook_table.h"

namespace ghost {

HookEntry lookahead_hook();

}  // namespace ghost
