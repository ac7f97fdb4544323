// Running a model to learn the shapes of its results alone.
#pragma once

namespace ghost {

// While one lives on this thread, conv2d and linear leave their results undefined instead of computing them, and
// modules that are built leave their parameters undefined: a network of any size is counted in a moment, and memory
// that nobody writes is never taken from the system.
class ShapesOnly {
 public:
  ShapesOnly();
  ~ShapesOnly();
  ShapesOnly(const ShapesOnly&) = delete;
  ShapesOnly& operator=(const ShapesOnly&) = delete;

 private:
  bool before_;
};
bool shapes_only();

}  // namespace ghost
