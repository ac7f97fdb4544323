// What was found inside of a network, as sections of a page, and as a page that needs no other file and no script.
#pragma once
#include <string>

#include "train/inspect/inspection.h"

namespace ghost {

struct InspectionPage {
  std::string title, about;  // plain text
  size_t drawn = 8;          // layers whose maps are drawn, those first that bear the highest ratio
};

// What the table of layers shows.
std::string inspection_intro(const Inspection& inspection);
// A table of all layers, then the drawn ones: maps, most similar pairs, how far apart pairs are, cheap filters. The
// first one drawn is unfolded.
std::string inspection_sections(const Inspection& inspection, size_t drawn);
std::string inspection_page(const Inspection& inspection, const InspectionPage& page);

}  // namespace ghost
