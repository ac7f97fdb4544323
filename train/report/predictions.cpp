#include "train/report/predictions.h"

#include <algorithm>
#include <array>
#include <map>

#include "core/ops/shape_ops.h"
#include "data/encode.h"
#include "data/loader.h"
#include "data/preprocess.h"
#include "data/transforms.h"
#include "nn/infer.h"
#include "nn/state_dict.h"
#include "train/loop/arithmetic.h"
#include "train/network/weights_choice.h"
#include "train/run/checkpoint.h"

namespace ghost {

namespace {

struct TestSet {
  Config config;
  DataSplits data;
};

TestSet open_test_set(Config config, const Preprocessing& trained) {
  DataSplits data = open_data(config.data, config.run.seed, trained);
  return {std::move(config), std::move(data)};
}

enum class Outcome { both_right, only_a, only_b, both_wrong };

Outcome outcome(const Predictions& a, const Predictions& b, size_t i) {
  const bool right_a = a.predicted[i] == a.labels[i], right_b = b.predicted[i] == b.labels[i];
  if (right_a) return right_b ? Outcome::both_right : Outcome::only_a;
  return right_b ? Outcome::only_b : Outcome::both_wrong;
}

// What the network's maps say of each other, on so few pixels that it takes no time beside the test.
std::shared_ptr<const Inspection> look_inside(Module& model, const Tensor& images) {
  constexpr int64_t kPixels = 8 * 32 * 32;
  const int64_t count = std::clamp<int64_t>(kPixels / (images.size(1) * images.size(2)), 1, images.size(0));
  InspectOptions options;
  options.kernels = {1, 3}, options.pairs = 5;
  return std::make_shared<const Inspection>(inspect(model, slice(images, {{.stop = count}}), options));
}

// No larger than the page shows it.
Image for_looking(Image image) {
  constexpr int64_t kMostPixels = 96;
  const int64_t longer = std::max(image.height, image.width);
  if (longer <= kMostPixels) return image;
  const auto side = [&](int64_t pixels) { return std::max<int64_t>(1, pixels * kMostPixels / longer); };
  return resize_bilinear(image, {0, 0, image.height, image.width}, side(image.height), side(image.width));
}

}  // namespace

double Predictions::accuracy_percent() const {
  int64_t right = 0;
  for (size_t i = 0; i < labels.size(); ++i) right += labels[i] == predicted[i];
  return labels.empty() ? 0 : 100.0 * static_cast<double>(right) / static_cast<double>(labels.size());
}

Predictions predict_test_set(const RunRecord& run, const std::function<void(double share)>& step) {
  const Checkpoint checkpoint = read_checkpoint(run.last_checkpoint());
  const auto [config, data] = open_test_set(checkpoint.config, checkpoint.preprocessing);
  if (data.class_names() != checkpoint.classes)
    fail("{}: the checkpoint's classes are not those of {}", run.last_checkpoint().string(), config.data.name);
  if (checkpoint.data) {
    const auto held_out = [](const DataFingerprint& of) { return of.validation.count > 0 ? of.validation : of.test; };
    if (!(held_out(*checkpoint.data) == held_out(fingerprint_of(data))))
      fail("{}: the images that the run was tested on have changed since", run.dir.string());
  }
  const ModelConfig model_config = model_of(checkpoint);
  const ModulePtr model = build_model(model_config, config.run.seed);
  load_state_dict(*model, *choose_weights(checkpoint, "auto", run.last_checkpoint().string()).entries);

  Predictions result;
  result.epoch = checkpoint.progress.epoch;
  result.step = checkpoint.progress.step;
  result.classes = checkpoint.classes;
  result.preprocessing = checkpoint.preprocessing;
  result.confusion = ConfusionMatrix(model_config.num_classes);
  const Dataset& tested = *data.held_out();
  Loader loader(data.held_out(), data, {},
                {.batch_size = config.train.eval_batch_size,
                 .seed = config.run.seed,
                 .workers = config.data.workers,
                 .prefetch = config.data.prefetch,
                 .max_unreadable = config.data.max_unreadable},
                [](const std::string&) {});
  const ArithmeticScope before;
  set_arithmetic(config.train);
  loader.start(0);
  while (const std::optional<Batch> batch = loader.next()) {
    step(static_cast<double>(batch->number) / static_cast<double>(loader.batches()));
    if (!result.inside) result.inside = look_inside(*model, batch->images);
    const Tensor logits = infer(*model, batch->images);
    const std::vector<int64_t> predicted = predicted_classes(logits);
    result.confusion.add(logits, batch->labels);
    for (size_t i = 0; i < predicted.size(); ++i) {
      result.names.push_back(tested.name(batch->indices[i]));
      result.labels.push_back(tested.label(batch->indices[i]));
      result.predicted.push_back(predicted[i]);
    }
  }
  return result;
}

bool same_images(const Predictions& a, const Predictions& b) {
  return a.classes == b.classes && a.labels == b.labels && a.names == b.names;
}

Disagreement disagreement(const Predictions& a, const Predictions& b, const RunRecord& of, size_t examples) {
  Disagreement result;
  std::array<std::vector<size_t>, 4> where;
  for (size_t i = 0; i < a.labels.size(); ++i) {
    const Outcome what = outcome(a, b, i);
    (what == Outcome::both_right ? result.both_right
     : what == Outcome::only_a   ? result.only_a
     : what == Outcome::only_b   ? result.only_b
                                 : result.both_wrong)++;
    if (a.predicted[i] == b.predicted[i]) continue;
    ++result.differ;
    where[static_cast<size_t>(what)].push_back(i);
  }
  if (result.differ == 0 || examples == 0) return result;

  // In turn, each kind spread over the whole test set.
  std::vector<size_t> chosen;
  const auto kinds = {Outcome::only_a, Outcome::only_b, Outcome::both_wrong};
  const size_t share = (examples + kinds.size() - 1) / kinds.size();
  for (const Outcome kind : kinds) {
    const std::vector<size_t>& all = where[static_cast<size_t>(kind)];
    const size_t take = std::min(share, all.size());
    for (size_t i = 0; i < take; ++i) chosen.push_back(all[i * all.size() / take]);
  }
  const auto metadata = read_checkpoint(of.last_checkpoint());
  const auto [config, data] = open_test_set(metadata.config, metadata.preprocessing);
  const Preprocessor preprocessor(data, {});
  std::map<std::string, size_t> wanted;
  for (const size_t image : chosen) wanted[a.names[image]] = image;
  std::map<size_t, std::string> pictures;
  const Dataset& tested = *data.held_out();
  for (int64_t i = 0; i < tested.size() && pictures.size() < wanted.size(); ++i)
    if (const auto found = wanted.find(tested.name(i)); found != wanted.end())
      pictures[found->second] = base64(encode_png(for_looking(preprocessor.evaluation_image(tested.read(i)))));
  for (const size_t image : chosen)
    if (const auto found = pictures.find(image); found != pictures.end())
      result.examples.push_back({image, found->second});
  return result;
}

}  // namespace ghost
