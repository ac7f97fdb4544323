#pragma once

namespace ghost {

const char* version();  // "0.1.0", the project's in CMakeLists.txt

}  // namespace ghost
