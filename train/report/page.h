// The report: one HTML file that needs no other file and makes no network request.
#pragma once
#include <string>

#include "train/report/comparison.h"

namespace ghost {

// Seconds between reloads of the page of a run that is under way.
inline constexpr int kReloadSeconds = 30;

// `written`: when, as the page shows it; empty: not shown. The page carries comparison_json() as JSON in
// <script id="report-data">, and every chart also as SVG, for readers without scripts and for paper.
// `under_way`: the page loads itself again after kReloadSeconds, and what a reader has chosen and how far he has
// scrolled survives that.
std::string report_page(const Comparison& comparison, const std::string& written, bool under_way = false);

}  // namespace ghost
