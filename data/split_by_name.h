// Parts of a data set whose pictures are chosen by their names.
#pragma once
#include <cstdint>
#include <string_view>
#include <vector>

#include "data/dataset.h"

namespace ghost {

// Indices, both ascending.
struct NameSplit {
  std::vector<int64_t> chosen, rest;
};

// About `share` of the pictures: those for which a number in [0, 1) that follows from the picture's id, `seed` and
// `purpose` alone is below `share`. So no picture changes sides when others come or go.
NameSplit split_by_name(const Dataset& dataset, double share, uint64_t seed, std::string_view purpose);

// `limit` pictures, indices ascending, of all classes in the proportions that they have in the data set, as evenly as
// whole numbers allow, and at least one of each class that has pictures if there are so many; a class gives those whose
// numbers (as above) are lowest. All indices if there are no more than `limit` pictures.
std::vector<int64_t> limited_choice(const Dataset& dataset, int64_t limit, uint64_t seed, std::string_view purpose);

}  // namespace ghost
