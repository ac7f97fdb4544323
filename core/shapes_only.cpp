#include "core/shapes_only.h"

#include <utility>

namespace ghost {

namespace {
thread_local bool on = false;
}

ShapesOnly::ShapesOnly() : before_(std::exchange(on, true)) {}
ShapesOnly::~ShapesOnly() { on = before_; }
bool shapes_only() { return on; }

}  // namespace ghost
