// The options under `schedule:`.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "core/options.h"

namespace ghost {

// The rate is optimizer.lr times a curve. Every length is in epochs and may be fractional; `per` says when the rate
// moves. step and multistep count from the start of the run (milestones are epochs of the run, whether there is a
// warm-up or not); every other curve starts when the warm-up ends and fills what is left of `epochs`.
struct ScheduleConfig {
  std::string name = "cosine";  // constant | step | multistep | exponential | polynomial | linear | cosine |
                                // cosine_restarts | one_cycle | plateau
  std::string per = "step";     // step: moves with every step; epoch: at the start of every epoch only
  int64_t epochs = 0;  // length of a curve that ends with the run; 0: train.epochs. Later steps keep its last rate
  double warmup = 0;   // epochs in which the rate rises linearly from warmup_factor·lr to lr
  double warmup_factor = 0.01;
  double step_size = 30;                  // step: epochs between two multiplications by gamma
  std::vector<double> milestones;         // multistep: epochs at which the rate is multiplied by gamma, ascending
  double gamma = 0.1;                     // step, multistep; exponential: lr·gamma^epochs
  double power = 1;                       // polynomial: lr·(1 − t)^power, t = share of the curve that is over
  double start_factor = 1;                // linear: from lr·start_factor …
  double end_factor = 0;                  // linear: … to lr·end_factor
  double min_lr = 0;                      // cosine, cosine_restarts, plateau: the lowest rate
  double period = 10, period_factor = 1;  // cosine_restarts: epochs of the first period, factor of the next
  double max_lr = 0;                      // one_cycle: the highest rate; 0: optimizer.lr
  double pct_start = 0.3;                 // one_cycle: share of the curve in which the rate rises
  bool three_phase = false;               // one_cycle: first back to the start as it came, then far down
  double div_factor = 25;                 // one_cycle: starts at max_lr / div_factor …
  double final_div_factor = 1e4;          // one_cycle: … and ends at that / final_div_factor
  std::string anneal = "cos";             // one_cycle: cos | linear
  bool cycle_momentum = true;             // one_cycle: momentum falls to base_momentum while the rate rises, and back
  double base_momentum = 0.85, max_momentum = 0.95;  // one_cycle
  std::string metric = "top1";                       // plateau: top1 (in percent) | loss, of the test of an epoch
  double factor = 0.1;                               // plateau: of the rate, each time the metric stops getting better
  int64_t patience = 10;                             // plateau: tests without improvement that are waited for
  double threshold = 1e-4;                           // plateau: by how much a better metric is better …
  std::string threshold_mode = "rel";                // plateau: … rel: times the best one; abs: in its own unit
  int64_t cooldown = 0;                              // plateau: tests after a fall that do not count
  double eps = 1e-8;                                 // plateau: a fall that is not larger is left out
};
void describe(ScheduleConfig& config, Description& description);
void check_together(const ScheduleConfig& config, const Finding& refuse, const Finding& note);

}  // namespace ghost
