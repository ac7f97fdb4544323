#pragma once
#include "train/page/text.h"  // found unqualified from ghost::cli, which lies inside of ghost
