// Small comparisons and the pages that are made of them.
#pragma once
#include <nlohmann/json.hpp>
#include <string>

#include "support/temp_dir.h"

namespace ghost::test {

// Tiny pictures, and standard.yaml and grouped.yaml that learn them in a moment.
void write_tiny_comparison(const TempDir& dir);

// What a page carries in <script id="report-data">. Throws Error if there is no such thing.
nlohmann::ordered_json page_data(const std::string& html);

}  // namespace ghost::test
