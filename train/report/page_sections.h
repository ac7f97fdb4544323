// The parts of the page, each a <section>, or nothing where there is nothing to show.
#pragma once
#include <string>

#include "train/report/comparison.h"

namespace ghost {

std::string verdict_section(const Comparison& comparison);
std::string summary_section(const Comparison& comparison);
std::string curves_section(const Comparison& comparison);
std::string cost_section(const Comparison& comparison);
std::string time_section(const Comparison& comparison);
std::string options_section(const Comparison& comparison);
std::string classes_section(const Comparison& comparison);
std::string pictures_section(const Comparison& comparison);
std::string inside_section(const Comparison& comparison);
std::string runs_section(const Comparison& comparison);
std::string notes_section(const Comparison& comparison);

// "<section id=… aria-labelledby=…><h2>…</h2>…</section>"; the title and the id are ours, not a user's.
std::string section(const char* id, const char* title, const std::string& body);
// The name with the configuration's colour in front of it.
std::string swatch(const Comparison& comparison, size_t configuration);
// <td> with its text, and its value as the JSON has it.
std::string number_cell(const char* key, const std::string& value, const std::string& text,
                        const std::string& classes = "");

}  // namespace ghost
