#include "train/optim/optimizer_config.h"

#include "train/optim/optimizer.h"

namespace ghost {

void describe(ParameterGroup& g, Description& d) {
  d.field("match", &g.match, "names of parameters, or of modules around them, as in train.freeze");
  d.field("lr_scale", &g.lr_scale, "their rate is so many times lr", rule::at_least(0, 1e9));
  FieldRule decay = rule::at_least(0, 1e3);
  decay.set = &g.sets_weight_decay;
  d.field("weight_decay", &g.weight_decay, "theirs, whatever decay_norm_and_bias says; auto: the optimizer's", decay);
}

void describe(OptimizerConfig& c, Description& d) {
  d.name(&c.name, "how gradients change parameters", alternatives_of(optimizer_table()));
  d.field("lr", &c.lr, "learning rate; the schedule multiplies it", rule::above(0));
  d.field("momentum", &c.momentum, "share of the last update that is kept", rule::below_one());
  d.field("dampening", &c.dampening, "share of the gradient that momentum leaves out", rule::share());
  d.field("nesterov", &c.nesterov, "Nesterov's momentum: looks one update ahead");
  d.field("betas", &c.betas, "decay of the gradient's mean and of its square's", rule::below_one());
  d.field("eps", &c.eps, "added to the divisor against division by zero", rule::at_least(0, 1e3));
  d.field("amsgrad", &c.amsgrad, "divide by the largest mean of squares so far (arXiv 1904.09237)");
  d.field("alpha", &c.alpha, "decay of the mean of squared gradients", rule::below_one());
  d.field("centered", &c.centered, "divide by the deviation instead of the root mean square");
  d.field("ns_steps", &c.ns_steps, "steps of Newton and Schulz that orthogonalise an update", rule::at_least(1, 100));
  d.field("adjust_lr_fn", &c.adjust_lr_fn, "rate of a matrix by its sides: Jordan's, or as large as AdamW's",
          rule::one_of({"original", "match_rms_adamw"}));
  d.field("other", &c.other, "rule of batch norm and biases, which are no matrices", rule::one_of({"adamw", "sgd"}));
  d.field("other_lr_scale", &c.other_lr_scale, "their rate is so many times lr", rule::above(0));
  d.field("weight_decay", &c.weight_decay, "pulls parameters towards zero", rule::at_least(0, 1e3));
  d.field("decay_norm_and_bias", &c.decay_norm_and_bias, "false: no weight decay on batch norm and biases");
  d.field("groups", &c.groups, "parameters with rules of their own: [{match: \"*.bias\", lr_scale: 2}]");
}

void check_together(const OptimizerConfig& c, const Finding& refuse, const Finding&) {
  for (size_t i = 0; i < c.groups.size(); ++i)
    if (c.groups.items[i].match.empty())
      refuse({"optimizer.groups"},
             "optimizer.groups " + item_problem(i, c.groups.size(), "lacks match, which names its parameters"));
  const bool by_sgd = c.name == "sgd" || (c.name == "muon" && c.other == "sgd");
  if (by_sgd && c.nesterov && c.momentum == 0)
    refuse({"optimizer.nesterov", "optimizer.momentum"}, "optimizer.nesterov needs optimizer.momentum above 0");
  if (c.name == "sgd" && c.nesterov && c.dampening != 0)
    refuse({"optimizer.nesterov", "optimizer.dampening"}, "optimizer.nesterov needs optimizer.dampening 0");
}

}  // namespace ghost
