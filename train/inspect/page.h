// An inspection as sections of a page, and as a page of its own that needs no other file and no script.
#pragma once
#include <string>

#include "train/inspect/inspection.h"

namespace ghost {

struct InspectionPage {
  std::string title, about;  // plain text
  size_t drawn = 8;          // so many layers have their maps drawn: those with the largest GhostRatio::ratio
};

// What the table of layers shows.
std::string inspection_intro(const Inspection& inspection);
// A table of all layers. Then, for each layer that is drawn: its maps, its most similar pairs, the histogram of pairs
// and the cheap filters. The first of these is shown unfolded. `most_pixels`: of a map's longer side (sheets.h).
std::string inspection_sections(const Inspection& inspection, size_t drawn, int64_t most_pixels);
std::string inspection_page(const Inspection& inspection, const InspectionPage& page);

}  // namespace ghost
