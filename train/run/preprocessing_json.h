// The preprocessing as it stands in checkpoints, in files of weights and in what programs print with --json:
//   image_size, resize   the shorter side of a picture becomes `resize`, then the central image_size squared is cut out
//   fit                  "crop": resize is at least image_size
//                        "pad": it is smaller, and zeros are around the picture
//                        "shrink": as "crop", but pictures whose shorter side is below `resize` stay as they are, with
//                        zeros around them; of checkpoints whose `resize` was 0
//   channels, mean, std  of values in 0..1
#pragma once
#include "data/preprocessing.h"
#include "train/run/json_fields.h"

namespace ghost {

inline std::string fit_of(const Preprocessing& p) {
  return !p.enlarge ? "shrink" : p.resize < p.image_size ? "pad" : "crop";
}

template <class Visitor>
void visit_fields(Preprocessing& p, Visitor& visit) {
  visit("image_size", p.image_size, Limits{.least = 1});
  visit("resize", p.resize, Limits{.least = 1});
  std::string fit = fit_of(p);
  visit("fit", fit);
  p.enlarge = fit != "shrink";
  if (fit != fit_of(p))
    fail("fit is '{}', but with image_size {} and resize {} it must be '{}'", fit, p.image_size, p.resize, fit_of(p));
  visit("channels", p.channels, Limits{.least = 1});
  visit("mean", p.mean);
  visit("std", p.std);
}

inline std::string misfit(const Preprocessing& p) {
  if (std::ssize(p.mean) == p.channels && std::ssize(p.std) == p.channels) return {};
  return fmt::format("there are {} channels, but {} means and {} deviations", p.channels, p.mean.size(), p.std.size());
}

// Files from before there was `fit`: a resize of 0 left pictures as they were, unless both sides were larger than
// image_size.
inline void read_json(const Json& json, const std::string& path, Preprocessing& p, const Limits& limits = {}) {
  Json now = json;
  if (json.is_object() && !json.contains("fit")) {
    const auto resize = json.find("resize"), size = json.find("image_size");
    const bool none = resize != json.end() && *resize == 0 && size != json.end();
    if (none) now["resize"] = *size;
    now["fit"] = none ? "shrink" : "crop";
  }
  read_json<Preprocessing>(now, path, p, limits);
}

}  // namespace ghost
