// Charts that stand without a script. Colours are the page's CSS variables: --c<i mod 8> of configuration i, --k0 to
// --k8 of kinds in turn, and --k9 of the last kind.
#pragma once
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace ghost::svg {

struct Line {
  std::string name;  // for a reader's pointer
  size_t colour = 0;
  bool faint = false, dots = false;
  std::vector<std::pair<double, double>> points{};
};

struct Point {
  std::string name;
  size_t colour = 0;
  double x = 0, y = 0, spread = 0;  // spread: half of the bar through it
  bool filled = true;
};

struct Bar {
  std::string name;
  std::vector<std::pair<std::string, double>> parts{};  // kind and length; kinds take colours as they come
};

struct Frame {
  std::string title, x_title, y_title;
  bool from_zero = false;  // the vertical axis
  bool log_x = false;      // of lines(): powers of ten at equal distances; every x is above 0
};

// Lines over x, from 0 unless frame.log_x; nothing if there are no points.
std::string lines(const Frame& frame, const std::vector<Line>& lines);
// Points, and through `front`, indices in the order of x, a line.
std::string scatter(const Frame& frame, const std::vector<Point>& points, const std::vector<size_t>& front);
// Bars below each other, each in coloured parts, with the names of the parts below.
std::string bars(const Frame& frame, const std::vector<Bar>& bars);

// Round values that cut [low, high] in about `count` parts.
std::vector<double> ticks(double low, double high, int count);

}  // namespace ghost::svg
