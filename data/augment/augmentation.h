// What an augmentation is: one unit, data/augment/<name>.cpp, and one line of the table (table.cpp). The unit holds the
// augmentation's options, their description, the check of those that depend on each other, and what it does to a
// picture (unit.h shows one). Configuration keys, checks, --print-config, --list and the loader go by the table.
#pragma once
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/options.h"
#include "core/rng.h"
#include "data/framing.h"
#include "data/image.h"

namespace ghost {

// A sample of one epoch of one run: what the random numbers of its augmentation are a function of.
struct SampleKey {
  uint64_t seed = 0;
  int64_t epoch = 0, sample = 0;  // sample: its index in the data set
};

// When an augmentation works on a picture. The table is in this order.
enum class AugmentStage {
  geometry,    // chooses the framing from the picture's size; one augmentation at most
  pixels,      // changes 8-bit pixels of the input's size
  normalized,  // changes normalised values
  batch,       // mixes the images of a batch; one of those that are on acts on each batch
};

// The options and the work of one augmentation. All functions but describe() are safe from several threads.
class Augmentation {
 public:
  virtual ~Augmentation() = default;
  virtual AugmentStage stage() const = 0;
  virtual std::unique_ptr<Augmentation> copy() const = 0;
  // Takes over the options of `other`, which is of the same class. Their addresses stay.
  virtual void assign(const Augmentation& other) = 0;

  // The first option switches the augmentation on: by true, a number above 0, or a choice that `true` is a spelling of
  // (FieldRule::spellings). Its default is off.
  virtual void describe(Description& description) = 0;
  // Calls `refuse` for values that do not fit together. `path` stands before the options' keys: "data.augment.".
  virtual void check(const std::string& /*path*/, const Finding& /*refuse*/) const {}
  virtual bool on() const = 0;

 protected:
  Augmentation() = default;
  Augmentation(const Augmentation&) = default;
  Augmentation& operator=(const Augmentation&) = default;
};
using AugmentationPtr = std::unique_ptr<Augmentation>;

inline void describe(Augmentation& augmentation, Description& description) { augmentation.describe(description); }

class GeometryAugmentation : public Augmentation {
 public:
  AugmentStage stage() const final { return AugmentStage::geometry; }
  virtual Framing framing(PictureSize stored, FramingTarget target, RandomStream& random) const = 0;
};

class PixelAugmentation : public Augmentation {
 public:
  AugmentStage stage() const final { return AugmentStage::pixels; }
  // The size of `image` stays. Most units need no more than `random`, which is a function of `key` and their name.
  virtual void apply(Image& image, const SampleKey& key, RandomStream& random) const = 0;
};

// (v/255 − mean)/deviation of every pixel.
struct NormalizedImage {
  int64_t height = 0, width = 0, channels = 0;
  float* values = nullptr;           // (H, W, C)
  std::span<const float> deviation;  // of each channel
};

class NormalizedAugmentation : public Augmentation {
 public:
  AugmentStage stage() const final { return AugmentStage::normalized; }
  virtual void apply(const NormalizedImage& image, RandomStream& random) const = 0;
};

// A batch of normalised images and what they show.
struct ImageBatch {
  int64_t count = 0, height = 0, width = 0, channels = 0;
  float* values = nullptr;  // (N, H, W, C)
};

class BatchAugmentation : public Augmentation {
 public:
  AugmentStage stage() const final { return AugmentStage::batch; }
  // Mixes into every image the one that follows it, and into the last the first. Returns the share of an image that is
  // still its own, which is the share of its label: 1 where nothing was changed.
  virtual double mix(const ImageBatch& batch, RandomStream& random) const = 0;
  // How often this one acts, rather than one before it in the table, where both are on.
  virtual double switch_probability() const { return 0.5; }
};

struct AugmentationEntry {
  std::string name, summary;
  std::vector<std::string> options;  // keys under data.augment
  AugmentationPtr (*make)();         // with its defaults
  // Its keys are data.augment.<name>.<option>; those of the oldest, and of the ones with a single option, stand in
  // data.augment itself.
  bool plain_keys;
  // Its random numbers are a function of (seed, epoch, sample, name). Those that are older than this rule draw from one
  // stream of (seed, epoch, sample), one after another: a line more among them would change the results of the others.
  bool shared_stream;

  // What stands before the keys of its options: "data.augment." or "data.augment.<name>."
  std::string path() const { return plain_keys ? "data.augment." : "data.augment." + name + "."; }
};
// In the order of application.
const std::vector<AugmentationEntry>& augmentations();

// For the table; each unit instantiates its own (unit.h).
template <class Unit>
AugmentationPtr make_augmentation();

}  // namespace ghost
