// The checks, one for each kind of case. Each compares everything the case stores by EXPECT, and throws Error on a case
// it cannot run.
#pragma once
#include <filesystem>

#include "reference/case.h"

namespace ghost::reference {

void check_op(const Case& c);          // one operator: result, gradients, running statistics
void check_module(const Case& c);      // one layer, in training and evaluation
void check_model(const Case& c);       // a network: logits, norms layer by layer, gradients
void check_family(const Case& c);      // a published network whose weights are a formula: logits, norms of gradients
void check_optimizer(const Case& c);   // some steps of an optimizer from stored gradients, and the net that made them
void check_schedule(const Case& c);    // learning rates (and momenta) step by step
void check_training(const Case& c);    // a short run from stored pictures
void check_preprocess(const Case& c);  // decoding, resizing, cropping of picture files
void check_augment(const Case& c);     // operations on 8-bit pictures

// Tables that are not cases of the index.
void check_ghost_conv_validity(const std::filesystem::path& table);  // which (c_out, ratio) GhostConv accepts
void check_ghostnet_names(const std::filesystem::path& table);       // names, shapes and order of GhostNet's state dict

}  // namespace ghost::reference
