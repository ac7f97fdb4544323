#pragma once
#include "train/text.h"  // found unqualified from ghost::cli, which lies inside of ghost
