#include <map>

#include "reference/compare.h"
#include "reference/kinds.h"
#include "train/optim/plateau.h"
#include "train/optim/schedule.h"

namespace ghost::reference {
namespace {

// A scheduler of torch.optim.lr_scheduler, stepped after each step, as a schedule of ours: with one step per epoch
// every length is a number of steps.
struct Described {
  ScheduleConfig config;
  int64_t total_steps = 0;  // 0: as many as are stored
};

void described_as(Described& d, const char* name) { d.config.name = name; }

// PyTorch's cosine, stepped beyond its end, retraces its curve to the start and back; a run of ours ends with its
// curve, so such a value is that of the step which it retraces.
int64_t retraced(int64_t step, const Described& d) {
  const auto start = static_cast<int64_t>(d.config.warmup), length = d.total_steps - start;
  if (d.config.name != "cosine" || step < start) return step;
  const int64_t t = (step - start) % (2 * length);
  return start + std::min(t, 2 * length - t);
}

Described cosine(const Args& args) {
  Described d{.config = {}, .total_steps = args.integer("T_max")};
  described_as(d, "cosine");
  d.config.min_lr = args.number("eta_min", 0);
  return d;
}

Described cosine_restarts(const Args& args) {
  Described d;
  described_as(d, "cosine_restarts");
  d.config.period = args.number("T_0");
  d.config.period_factor = args.number("T_mult", 1);
  d.config.min_lr = args.number("eta_min", 0);
  return d;
}

Described exponential(const Args& args) {
  Described d;
  described_as(d, "exponential");
  d.config.gamma = args.number("gamma");
  return d;
}

Described step(const Args& args) {
  Described d;
  described_as(d, "step");
  d.config.step_size = args.number("step_size");
  d.config.gamma = args.number("gamma", 0.1);
  return d;
}

Described multistep(const Args& args) {
  Described d;
  described_as(d, "multistep");
  d.config.milestones = args.numbers("milestones");
  d.config.gamma = args.number("gamma", 0.1);
  return d;
}

Described polynomial(const Args& args) {
  Described d{.config = {}, .total_steps = args.integer("total_iters")};
  described_as(d, "polynomial");
  d.config.power = args.number("power", 1);
  return d;
}

Described linear(const Args& args) {
  Described d{.config = {}, .total_steps = args.integer("total_iters", 5)};
  described_as(d, "linear");
  d.config.start_factor = args.number("start_factor", 1.0 / 3);
  d.config.end_factor = args.number("end_factor", 1);
  return d;
}

// LinearLR that ends at the full rate is what a warm-up is; the same case checks it too.
Described warmup(const Args& args) {
  Described d;
  described_as(d, "constant");
  d.config.warmup = args.number("total_iters", 5);
  d.config.warmup_factor = args.number("start_factor", 1.0 / 3);
  return d;
}

Described warmup_then_cosine(const Args& args) {
  Described d = {};
  described_as(d, "cosine");
  const int64_t warmup_steps = args.integer("warmup");
  if (args.number("end_factor", 1) != 1)
    fail("a warm-up ends at the full rate, not at {} of it", args.number("end_factor"));
  if (args.has("milestones") && args.integers("milestones") != std::vector<int64_t>{warmup_steps})
    fail("milestones {} are not the end of the warm-up, {}", args.json("milestones").dump(), warmup_steps);
  args.ignore("total");  // the number of values that are stored
  d.config.warmup = static_cast<double>(warmup_steps);
  d.config.warmup_factor = args.number("start_factor");
  d.config.min_lr = args.number("eta_min", 0);
  d.total_steps = warmup_steps + args.integer("cosine_T_max");
  return d;
}

Described one_cycle(const Args& args) {
  Described d{.config = {}, .total_steps = args.integer("total_steps")};
  described_as(d, "one_cycle");
  d.config.three_phase = args.boolean("three_phase", false);
  d.config.max_lr = args.number("max_lr");
  d.config.pct_start = args.number("pct_start", d.config.pct_start);
  d.config.div_factor = args.number("div_factor", d.config.div_factor);
  d.config.final_div_factor = args.number("final_div_factor", d.config.final_div_factor);
  if (args.has("anneal_strategy")) d.config.anneal = args.text("anneal_strategy");
  d.config.cycle_momentum = args.boolean("cycle_momentum", d.config.cycle_momentum);
  d.config.base_momentum = args.number("base_momentum", d.config.base_momentum);
  d.config.max_momentum = args.number("max_momentum", d.config.max_momentum);
  return d;
}

const std::map<std::string, Described (*)(const Args&)>& scheduler_table() {
  static const std::map<std::string, Described (*)(const Args&)> table{
      {"CosineAnnealingLR", cosine},  {"CosineAnnealingWarmRestarts", cosine_restarts},
      {"ExponentialLR", exponential}, {"StepLR", step},
      {"MultiStepLR", multistep},     {"PolynomialLR", polynomial},
      {"LinearLR", linear},           {"SequentialLR(LinearLR, CosineAnnealingLR)", warmup_then_cosine},
      {"OneCycleLR", one_cycle},
  };
  return table;
}

// The reference says 1e-6 of the largest value for every schedule.
void expect_values(const Case& c, const std::string& name, const std::vector<double>& got) {
  const std::vector<double> want = c.tensor(name).to_vector<double>();
  expect_all_within(name, got, want, c.tensor(name).shape(), 1e-6 * largest_magnitude(want));
}

void check_described(const Case& c, const Described& described) {
  const int64_t steps = c.tensor("out/lr").numel();
  const Schedule schedule = make_schedule(described.config, c.args().number("base_lr"),
                                          described.total_steps > 0 ? described.total_steps : steps, 1);
  std::vector<double> rates, momenta;
  for (int64_t i = 0; i < steps; i++) {
    const ScheduleValue value = schedule.at(retraced(i, described));
    rates.push_back(value.lr);
    if (value.momentum) momenta.push_back(*value.momentum);
  }
  expect_values(c, "out/lr", rates);
  if (c.has("out/momentum")) {
    if (static_cast<int64_t>(momenta.size()) != steps) fail("{}: the schedule gives no momentum", c.op());
    expect_values(c, "out/momentum", momenta);
  }
}

// The rate after each epoch's metric.
void check_plateau(const Case& c) {
  const Args& args = c.args();
  ScheduleConfig config;
  config.name = kPlateau;
  config.metric = args.text("mode") == "max" ? "top1" : "loss";
  config.factor = args.number("factor", 0.1);
  config.patience = args.integer("patience", 10);
  config.threshold = args.number("threshold", 1e-4);
  if (args.has("threshold_mode")) config.threshold_mode = args.text("threshold_mode");
  config.cooldown = args.integer("cooldown", 0);
  config.min_lr = args.number("min_lr", 0);
  config.eps = args.number("eps", 1e-8);
  Plateau plateau(config, args.number("lr"));
  std::vector<double> rates;
  for (const double metric : c.tensor("in/metric").to_vector<double>()) {
    plateau.tested(metric, metric);
    rates.push_back(plateau.lr());
  }
  const std::vector<double> want = c.tensor("out/lr").to_vector<double>();
  for (size_t i = 0; i < want.size(); i++)
    expect_within(fmt::format("the rate after epoch {}", i), rates[i], want[i], 1e-6 * want[i]);
}

}  // namespace

void check_schedule(const Case& c) {
  if (c.op() == "ReduceLROnPlateau") {
    check_plateau(c);
    return;
  }
  const auto found = scheduler_table().find(c.op());
  if (found == scheduler_table().end()) fail("there is no schedule for {}", c.op());
  check_described(c, found->second(c.args()));
  if (c.op() == "LinearLR" && c.args().number("end_factor", 1) == 1) check_described(c, warmup(c.args()));
}

}  // namespace ghost::reference
