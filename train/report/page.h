// The report: one HTML file that needs no other file and makes no network request.
#pragma once
#include <string>

#include "train/report/comparison.h"

namespace ghost {

// `written`: when, as the page shows it; empty: not shown. The page carries comparison_json() as JSON in
// <script id="report-data">, and every chart also as SVG, for readers without scripts and for paper.
std::string report_page(const Comparison& comparison, const std::string& written);

}  // namespace ghost
