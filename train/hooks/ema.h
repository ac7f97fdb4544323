// The line of the table for `train.ema`: an exponential moving average of the weights.
#pragma once
#include "train/hooks/hook_table.h"

namespace ghost {

HookEntry ema_hook();

}  // namespace ghost
