#include "train/report/verdict.h"

#include <algorithm>
#include <cmath>

#include "data/registry.h"
#include "train/page/text.h"

namespace ghost {

namespace {

constexpr double kAlike = 0.05;  // of epochs from logs: what else the machine did then is not known

// Percent of each counted run by seed.
std::vector<std::pair<uint64_t, double>> accuracies(const Comparison& all, const Configuration& c) {
  std::vector<std::pair<uint64_t, double>> values;
  for (const size_t i : c.counted)
    values.emplace_back(all.runs[i].config.run.seed, *all.runs[i].last_test()->test_top1);
  return values;
}

std::optional<Discordant> discordant(const Comparison& all, size_t a, size_t b) {
  for (const Disagreement& d : all.disagreements)
    if (d.a == a && d.b == b) return Discordant{d.only_a, d.only_b};
  return std::nullopt;
}

// Test images of each of its runs, by their checkpoints or else by what is known of the data set; 0: not known.
int64_t test_images(const Comparison& all, const Configuration& c) {
  int64_t fewest = 0;
  for (const size_t i : c.counted)
    if (all.runs[i].last && all.runs[i].last->test_images > 0)
      fewest = fewest == 0 ? all.runs[i].last->test_images : std::min(fewest, all.runs[i].last->test_images);
  if (fewest > 0) return fewest;
  const DataConfig& data = c.config.data;
  if (const DatasetEntry* const entry = find_dataset(data.name)) fewest = entry->info.test_images;
  return fewest > 0 && data.limit_test > 0 ? std::min(fewest, data.limit_test) : fewest;
}

// Nothing if the number of test images is not known: then no interval could be told.
std::optional<Difference> accuracy_difference(const Comparison& all, size_t a, size_t b) {
  const Configuration &of_a = all.configurations[a], &of_b = all.configurations[b];
  const auto first = accuracies(all, of_a), second = accuracies(all, of_b);
  const int64_t images = std::min(test_images(all, of_a), test_images(all, of_b));
  if (first.empty() || second.empty() || images == 0) return std::nullopt;
  const bool one_each = first.size() == 1 && second.size() == 1, several = first.size() > 1 && second.size() > 1;
  // The runs whose answers are known image by image stand for all of them, if each has as many runs as the other.
  const Difference over_images = sample_difference(of_a.accuracy->mean, of_b.accuracy->mean, images,
                                                   one_each || several ? discordant(all, a, b) : std::nullopt);
  if (!several) return over_images;
  std::vector<double> x, y;
  bool equal_seeds = first.size() == second.size();
  for (size_t i = 0; i < first.size(); ++i) {
    x.push_back(first[i].second);
    equal_seeds = equal_seeds && first[i].first == second[i].first;
  }
  for (const auto& [seed, value] : second) y.push_back(value);
  return with_test_images(equal_seeds ? paired_difference(x, y) : welch_difference(x, y), over_images);
}

// Whether an epoch is the same work.
bool same_epochs(const DataConfig& a, const DataConfig& b) {
  return a.name == b.name && a.limit_train == b.limit_train;
}

// By how much the logarithms of two rates measured in turns differ, turn by turn.
Difference turns_difference(const std::vector<double>& a, const std::vector<double>& b) {
  std::vector<double> x, y;
  for (const double rate : a) x.push_back(std::log(rate));
  for (const double rate : b) y.push_back(std::log(rate));
  return paired_difference(x, y);
}

void judge_speed(const Configuration& a, const Configuration& b, Verdict& verdict) {
  if (a.timing && b.timing) {
    verdict.speed = b.timing->training_images_per_second / a.timing->training_images_per_second;
    verdict.speed_measured = true;
    verdict.speed_distinguishable = turns_difference(a.timing->training, b.timing->training).distinguishable();
  } else if (same_epochs(a.config.data, b.config.data) && a.epoch_seconds && b.epoch_seconds &&
             a.epoch_seconds->mean > 0 && b.epoch_seconds->mean > 0) {
    verdict.speed = a.epoch_seconds->mean / b.epoch_seconds->mean;
    verdict.speed_distinguishable = std::abs(std::log(*verdict.speed)) > std::log1p(kAlike);
  }
}

// "1.6×", "23×"
std::string times(double factor) { return fmt::format("{:.{}f}×", factor, factor < 10 ? (factor < 1.1 ? 2 : 1) : 0); }

std::string speed_sentence(const Configuration& a, const Configuration& b, const Verdict& verdict) {
  const char* how = verdict.speed_measured ? "in training" : "per epoch";
  if (!verdict.speed_distinguishable) return fmt::format("{} is about as fast as {} {}", b.name, a.name, how);
  return *verdict.speed > 1
             ? fmt::format("{} is {} as fast as {} {}", b.name, times(*verdict.speed), a.name, how)
             : fmt::format("{} takes {} as long as {} {}", b.name, times(1 / *verdict.speed), a.name, how);
}

// `part`: what the images are called, "test" or "validation".
std::string basis_text(const Difference& d, const char* part) {
  switch (d.basis) {
    case Difference::Basis::paired_seeds:
      return fmt::format("over {} seeds and {} {} images", d.count, grouped(d.images), part);
    case Difference::Basis::welch:
      return fmt::format("over runs with different seeds and {} {} images", grouped(d.images), part);
    case Difference::Basis::paired_samples:
      return fmt::format("on the same {} {} images", grouped(d.count), part);
    case Difference::Basis::samples:
      return fmt::format("on {} {} images", grouped(d.count), part);
  }
  return "";
}

std::string accuracy_sentence(const Difference& d, const Configuration& a, const Configuration& b, const char* part) {
  const bool finished = a.finished && b.finished;
  const std::string so_far = finished ? "" : " so far";
  const std::string basis = basis_text(d, part);
  std::string text;
  if (std::abs(d.mean) < 0.005)
    text = fmt::format("its accuracy{} is the same, ± {:.2f} points {}", so_far, d.half_width, basis);
  else
    text = fmt::format("its accuracy{} is {} by {:.2f} ± {:.2f} points {}", so_far, d.mean < 0 ? "lower" : "higher",
                       std::abs(d.mean), d.half_width, basis);
  const bool over_seeds = d.basis == Difference::Basis::paired_seeds || d.basis == Difference::Basis::welch;
  if (!d.distinguishable()) text += ": not distinguishable";
  if (!over_seeds) {
    const bool one_each = a.counted.size() == 1 && b.counted.size() == 1;
    text +=
        one_each ? ", one seed each" : fmt::format(", and {} has one seed", a.counted.size() == 1 ? a.name : b.name);
    if (d.distinguishable()) text += ": another seed may differ";
  }
  return text;
}

std::string cost_sentence(const Configuration& a, const Configuration& b) {
  const auto part = [](int64_t x, int64_t of) {
    const double share = 100.0 * static_cast<double>(x) / static_cast<double>(of);
    return fmt::format("{:.{}f} %", share, share < 10 ? 1 : 0);
  };
  if (!a.cost || !b.cost || a.cost->parameters == 0 || a.cost->macs == 0) return "";
  if (a.cost->parameters == b.cost->parameters && a.cost->macs == b.cost->macs) return "";
  return fmt::format(" It has {} of the parameters and {} of the multiply-accumulates.",
                     part(b.cost->parameters, a.cost->parameters), part(b.cost->macs, a.cost->macs));
}

// Why accuracies do not compare; empty if they do.
std::string other_data(const Comparison& all, const Configuration& a, const Configuration& b) {
  const DataConfig &x = a.config.data, &y = b.config.data;
  if (x.name != y.name) return fmt::format("they were tested on different data ({} and {})", x.name, y.name);
  for (const size_t i : a.counted)
    for (const size_t k : b.counted)
      if (all.runs[i].held_out != all.runs[k].held_out)
        return "one was tested on validation images, the other on test images";
  // The seed may choose the images, so runs of one seed tell.
  bool known = false;
  for (const size_t i : a.counted)
    for (const size_t k : b.counted) {
      const RunRecord &run_a = all.runs[i], &run_b = all.runs[k];
      if (run_a.config.run.seed != run_b.config.run.seed || !run_a.last || !run_b.last) continue;
      if (run_a.last->tested_on.empty() || run_b.last->tested_on.empty()) continue;
      known = true;
      if (run_a.last->tested_on != run_b.last->tested_on) return "they were tested on different images";
    }
  if (known) return "";
  const bool validated =
      std::any_of(a.counted.begin(), a.counted.end(), [&](size_t i) { return all.runs[i].held_out == "val"; });
  if (x.limit_test != y.limit_test || (x.name == "image_folder" && x.test_share != y.test_share) ||
      (validated && x.validation_share != y.validation_share))
    return "they were tested on different parts of the data";
  return "";
}

// " (after 10 against 5 epochs)"; empty where both are as long.
std::string lengths_that_differ(const TrainConfig& a, const TrainConfig& b) {
  if (a.hours == 0 && b.hours == 0)
    return a.epochs == b.epochs ? "" : fmt::format(" (after {} against {} epochs)", b.epochs, a.epochs);
  const auto length = [](const TrainConfig& c) {
    return c.hours > 0 ? fmt::format("{:g} h", c.hours) : fmt::format("{} epochs", c.epochs);
  };
  return a.hours == b.hours ? "" : fmt::format(" (after {} against {})", length(b), length(a));
}

}  // namespace

Verdict judge(const Comparison& all, size_t a, size_t b) {
  const Configuration &of_a = all.configurations[a], &of_b = all.configurations[b];
  Verdict verdict{.a = a, .b = b};
  judge_speed(of_a, of_b, verdict);
  std::string text = verdict.speed ? speed_sentence(of_a, of_b, verdict) : of_b.name + " against " + of_a.name;
  text += "; ";
  if (const std::string reason = other_data(all, of_a, of_b); !reason.empty()) {
    text += reason + ", so that accuracies do not compare";
  } else if ((verdict.accuracy = accuracy_difference(all, a, b))) {
    const bool validated = all.runs[of_a.counted.front()].held_out == "val";
    text += accuracy_sentence(*verdict.accuracy, of_a, of_b, validated ? "validation" : "test");
    text += lengths_that_differ(of_a.config.train, of_b.config.train);
  } else {
    const bool a_lacks = !of_a.accuracy, b_lacks = !of_b.accuracy;
    text += a_lacks && b_lacks ? "neither has been tested yet"
            : a_lacks || b_lacks
                ? fmt::format("{} has not been tested yet", a_lacks ? of_a.name : of_b.name)
                : "how many test images there were is not known, so that the difference has no interval";
  }
  verdict.text = text + "." + cost_sentence(of_a, of_b);
  return verdict;
}

}  // namespace ghost
