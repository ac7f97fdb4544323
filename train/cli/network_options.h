// The options by which programs name a trained network.
#pragma once
#include "train/network/network.h"

namespace CLI {  // NOLINT(readability-identifier-naming): as CLI11 has it
class App;
}

namespace ghost::cli {

// --checkpoint, --weights, --config, --arch, --prefix, --no-strict, --weights-of, --deploy and --set, into `source`,
// which outlives the reading.
void add_network_options(CLI::App& app, NetworkSource& source);
// --classes, likewise; for programs that name classes.
void add_classes_option(CLI::App& app, NetworkSource& source);

// Throws UsageError if neither --checkpoint nor --weights was given.
void require_network(const NetworkSource& source);

}  // namespace ghost::cli
