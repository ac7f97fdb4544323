#include "train/report/comparison.h"

#include <algorithm>
#include <map>
#include <new>

#include "nn/cost.h"
#include "train/report/verdict.h"

namespace ghost {

namespace {

constexpr size_t kMostMeasured = 12;  // configurations that are timed and tested: more take minutes
constexpr int kTurns = 7;
constexpr double kTimingSeconds = 15, kMostTurnSeconds = 0.25;
constexpr size_t kExamples = 24, kFewExamples = 6, kAllExamples = 72;  // pictures of a disagreement, and of all

// What makes runs one configuration.
std::string without_seed_and_place(Config config) {
  config.run = {};
  config.data.workers = config.data.prefetch = 1;
  return config_to_yaml(config);
}

std::string folder_name(const RunRecord& run) { return run.dir.filename().string(); }

// Without what numbers a run at its end: "-s0", "_12", "-s" or "-".
std::string without_number(const std::string& name) {
  size_t end = name.find_last_not_of("0123456789") + 1;
  if (end > 0 && name[end - 1] == 's') end--;
  const bool apart = end > 0 && (name[end - 1] == '-' || name[end - 1] == '_' || name[end - 1] == ' ');
  // "nets" ends in no number, and "s" alone is a name.
  return apart ? name.substr(0, end - 1) : name;
}

// What the folders' names have in common: "net" of "net-s0" and "net-s1", "net" of "net-s3" alone if its seed is 3.
std::string common_name(const std::vector<RunRecord>& runs, const std::vector<size_t>& members) {
  const std::string first = folder_name(runs[members.front()]);
  size_t length = first.size();
  for (const size_t i : members) {
    const std::string other = folder_name(runs[i]);
    const auto end =
        std::mismatch(first.begin(), first.begin() + static_cast<std::ptrdiff_t>(length), other.begin(), other.end());
    length = static_cast<size_t>(end.first - first.begin());
  }
  const std::string ending = "-s" + std::to_string(runs[members.front()].config.run.seed);
  std::string name = first.substr(0, length);
  if (members.size() > 1)
    name = without_number(name);
  else if (name.ends_with(ending))
    name.erase(name.size() - ending.size());
  return name.empty() ? first : name;
}

// Equal names get the folder that their first run lies in; if that is not enough, they are called by that run.
void name_apart(std::vector<Configuration>& configurations, const std::vector<RunRecord>& runs) {
  const auto rename_equal = [&](const std::function<std::string(const Configuration&)>& name_of) {
    std::map<std::string, int> count;
    for (const Configuration& c : configurations) ++count[c.name];
    for (Configuration& c : configurations)
      if (count[c.name] > 1) c.name = name_of(c);
  };
  rename_equal([&](const Configuration& c) {
    std::error_code ignored;
    const auto dir = std::filesystem::weakly_canonical(runs[c.runs.front()].dir, ignored);
    return (dir.parent_path().filename() / c.name).string();
  });
  rename_equal([&](const Configuration& c) { return runs[c.runs.front()].name; });
}

std::vector<Configuration> grouped_runs(const std::vector<RunRecord>& runs) {
  std::map<std::string, size_t> index;
  std::vector<Configuration> configurations;
  for (size_t i = 0; i < runs.size(); ++i) {
    // Accuracies on validation and on test images have no mean.
    const auto [at, fresh] =
        index.emplace(without_seed_and_place(runs[i].config) + runs[i].held_out, configurations.size());
    if (fresh) configurations.push_back({.config = runs[i].config});
    configurations[at->second].runs.push_back(i);
  }
  for (Configuration& c : configurations) {
    std::stable_sort(c.runs.begin(), c.runs.end(),
                     [&](size_t a, size_t b) { return runs[a].config.run.seed < runs[b].config.run.seed; });
    c.name = common_name(runs, c.runs);
    const auto take = [&](auto&& which) {
      std::copy_if(c.runs.begin(), c.runs.end(), std::back_inserter(c.counted),
                   [&](size_t i) { return runs[i].last_test() && which(runs[i]); });
    };
    take([](const RunRecord& run) { return run.state == RunState::finished; });
    c.finished = !c.counted.empty();
    if (!c.finished) take([](const RunRecord&) { return true; });
    // A copy of a run is no second observation.
    std::vector<size_t> once;
    for (const size_t i : c.counted) {
      if (once.empty() || runs[once.back()].config.run.seed != runs[i].config.run.seed)
        once.push_back(i);
      else
        c.copies.emplace_back(once.back(), i);
    }
    c.counted = std::move(once);
  }
  name_apart(configurations, runs);
  return configurations;
}

double median_epoch(const RunRecord& run) {
  std::vector<double> seconds;
  for (const EpochPoint& p : run.epochs) seconds.push_back(p.train_seconds);
  std::nth_element(seconds.begin(), seconds.begin() + std::ssize(seconds) / 2, seconds.end());
  return seconds[seconds.size() / 2];
}

void summarise(Configuration& c, const std::vector<RunRecord>& runs, const std::optional<double>& target) {
  std::vector<double> accuracy, best, loss, epoch_seconds, to_target;
  for (const size_t i : c.counted) {
    const EpochPoint* test = runs[i].last_test();
    accuracy.push_back(*test->test_top1);
    best.push_back(*runs[i].best_test()->test_top1);
    if (test->test_loss) loss.push_back(*test->test_loss);
  }
  for (const size_t i : c.runs) {
    if (!runs[i].epochs.empty()) epoch_seconds.push_back(median_epoch(runs[i]));
    for (const EpochPoint& p : runs[i].epochs)
      if (p.peak_memory) c.peak_memory = std::max(c.peak_memory.value_or(0), *p.peak_memory);
  }
  c.accuracy = spread_of(accuracy);
  c.best_accuracy = spread_of(best);
  c.loss = spread_of(loss);
  c.epoch_seconds = spread_of(epoch_seconds);
  if (!target) return;
  for (const size_t i : c.counted)
    if (const auto seconds = seconds_to(runs[i], *target)) to_target.push_back(*seconds);
  c.to_target = TimeToTarget{std::ssize(to_target), std::ssize(c.counted), spread_of(to_target)};
}

ModelConfig resolved_model(const Config& config, const RunRecord::Position& of) {
  ModelConfig model = config.model;
  model.in_channels = of.channels;
  if (!config.model_classes_set) model.num_classes = std::ssize(of.classes);
  return model;
}

const RunRecord::Position* position_of(const Configuration& c, const std::vector<RunRecord>& runs) {
  for (const size_t i : c.runs)
    if (runs[i].last) return &*runs[i].last;
  return nullptr;
}

class Work {
 public:
  Work(Comparison& comparison, const CompareOptions& options) : all_(comparison), options_(options) {}

  void count_costs() {
    for (Configuration& c : all_.configurations) {
      const RunRecord::Position* position = position_of(c, all_.runs);
      if (position)
        attempt(fmt::format("{}: its parameters and MACs are not known", c.name),
                [&] { c.cost = cost_of(c.config, *position); });
    }
  }

  void measure() {
    if (!options_.timing || too_many("timed")) return;
    std::vector<TimingTask> tasks;
    std::vector<Configuration*> timed;
    for (Configuration& c : all_.configurations)
      if (const auto* position = position_of(c, all_.runs); position && c.cost) {
        tasks.push_back({c.config, resolved_model(c.config, *position), position->image_size});
        timed.push_back(&c);
      }
    if (tasks.empty()) return;
    const double turn = std::min(kMostTurnSeconds, kTimingSeconds / (2.0 * kTurns * static_cast<double>(tasks.size())));
    attempt("the speed is not measured", [&] {
      const std::vector<Timing> timings = time_alternately(tasks, kTurns, turn, [&] { step("measuring speed", 0); });
      for (size_t i = 0; i < timings.size(); ++i) timed[i]->timing = timings[i];
    });
  }

  void predict() {
    if (!options_.predictions || too_many("tested again")) return;
    for (Configuration& c : all_.configurations) {
      const auto run = std::find_if(c.counted.begin(), c.counted.end(), [&](size_t i) { return all_.runs[i].last; });
      if (run == c.counted.end()) continue;
      attempt(fmt::format("{}: what it answers is not shown", all_.runs[*run].name), [&] {
        c.predictions =
            predict_test_set(all_.runs[*run], [&](double share) { step("testing " + all_.runs[*run].name, share); });
        c.predictions->run = *run;
      });
    }
  }

  void find_disagreements() {
    if (all_.configurations.empty() || !all_.configurations.front().predictions) return;
    const Predictions& a = *all_.configurations.front().predictions;
    const size_t examples =
        std::clamp(kAllExamples / std::max<size_t>(1, all_.configurations.size() - 1), kFewExamples, kExamples);
    for (size_t i = 1; i < all_.configurations.size(); ++i) {
      const Configuration& c = all_.configurations[i];
      if (!c.predictions) continue;
      if (!same_images(a, *c.predictions)) {
        note(fmt::format("{} and {} were tested on different images, so that their answers do not compare",
                         all_.configurations.front().name, c.name));
        continue;
      }
      attempt("no pictures are shown", [&] {
        step("comparing answers", 0);
        Disagreement d = disagreement(a, *c.predictions, all_.runs[a.run], examples);
        d.a = 0;
        d.b = i;
        all_.disagreements.push_back(std::move(d));
      });
    }
  }

 private:
  void step(const std::string& what, double share) const {
    if (options_.stop && options_.stop()) throw Stopped();
    if (options_.progress) options_.progress(what, share);
  }
  void note(std::string text) { all_.notes.push_back(std::move(text)); }
  // What fails is left out, and said.
  template <class F>
  void attempt(const std::string& without, F&& f) {
    try {
      f();
    } catch (const Error& e) {
      note(fmt::format("{}: {}", without, e.what()));
    } catch (const std::bad_alloc&) {
      note(fmt::format("{}: there is not enough memory", without));
    }
  }
  bool too_many(const char* what) {
    if (all_.configurations.size() <= kMostMeasured) return false;
    note(fmt::format("{} configurations are more than the {} that are {}", all_.configurations.size(), kMostMeasured,
                     what));
    return true;
  }

  Comparison& all_;
  const CompareOptions& options_;
};

// As far as the checkpoints tell.
bool same_test_images(const Comparison& all, const Configuration& c) {
  const std::string* first = nullptr;
  for (const size_t i : c.counted) {
    if (!all.runs[i].last || all.runs[i].last->tested_on.empty()) continue;
    if (!first)
      first = &all.runs[i].last->tested_on;
    else if (*first != all.runs[i].last->tested_on)
      return false;
  }
  return true;
}

void note_runs(Comparison& comparison) {
  for (const RunRecord& run : comparison.runs) {
    if (run.state != RunState::finished) comparison.notes.push_back(run.name + " " + run.state_text);
    comparison.notes.insert(comparison.notes.end(), run.problems.begin(), run.problems.end());
  }
  for (const Configuration& c : comparison.configurations) {
    for (const auto& [counted, copy] : c.copies)
      comparison.notes.push_back(
          fmt::format("{} and {} have the same seed ({}), so that they are no two observations: only {} counts",
                      comparison.runs[counted].name, comparison.runs[copy].name,
                      comparison.runs[counted].config.run.seed, comparison.runs[counted].name));
    if (!same_test_images(comparison, c))
      comparison.notes.push_back(
          fmt::format("{}: its runs were tested on different images, as their seeds chose them: the spread over seeds "
                      "is also that of the images",
                      c.name));
    const size_t finished = c.counted.size() + c.copies.size();
    if (c.finished && finished < c.runs.size())
      comparison.notes.push_back(
          fmt::format("{}: {} of {} runs are finished, and only they count for accuracy and loss", c.name, finished,
                      c.runs.size()));
  }
}

}  // namespace

std::string held_out_word(const Comparison& comparison) {
  const auto is_val = [](const RunRecord& run) { return run.held_out == "val"; };
  const auto count = std::count_if(comparison.runs.begin(), comparison.runs.end(), is_val);
  return count == 0 ? "test" : count == std::ssize(comparison.runs) ? "validation" : "held-out";
}

std::optional<double> seconds_to(const RunRecord& run, double target) {
  const auto found = std::find_if(run.epochs.begin(), run.epochs.end(),
                                  [&](const EpochPoint& p) { return p.test_top1 && *p.test_top1 >= target; });
  return found == run.epochs.end() ? std::nullopt : std::optional(found->seconds);
}

ModelCost cost_of(const Config& config, const RunRecord::Position& of) {
  const ModelConfig built = resolved_model(config, of);
  const ModulePtr model = build_model(built, config.run.seed);
  const NetworkCost cost = measure_cost(*model, Tensor::zeros({1, of.image_size, of.image_size, of.channels}));
  return {.parameters = cost.model().parameters.all, .macs = cost.model().macs};
}

Comparison compare(std::vector<RunRecord> runs, const CompareOptions& options) {
  Comparison comparison;
  comparison.runs = std::move(runs);
  comparison.target = options.target;
  comparison.configurations = grouped_runs(comparison.runs);
  std::vector<Config> configs;
  for (Configuration& c : comparison.configurations) {
    summarise(c, comparison.runs, options.target);
    Config config = c.config;
    config.run = {};
    configs.push_back(std::move(config));
  }
  comparison.differences = config_differences(configs);
  note_runs(comparison);
  Work work(comparison, options);
  work.count_costs();
  work.measure();
  work.predict();
  work.find_disagreements();
  for (size_t i = 1; i < comparison.configurations.size(); ++i) comparison.verdicts.push_back(judge(comparison, 0, i));
  return comparison;
}

}  // namespace ghost
