// The part of the page about the networks' feature maps.
#include "train/inspect/page.h"
#include "train/report/page_sections.h"

namespace ghost {

std::string inside_section(const Comparison& comparison) {
  constexpr size_t kConfigurations = 4, kDrawn = 2;  // their pictures are most of the page
  constexpr int64_t kMapPixels = 64;                 // enough to look at
  std::string body;
  size_t shown = 0;
  for (size_t c = 0; c < comparison.configurations.size() && shown < kConfigurations; ++c) {
    const auto& predictions = comparison.configurations[c].predictions;
    if (!predictions || !predictions->inside || predictions->inside->layers.empty()) continue;
    const Inspection& inside = *predictions->inside;
    if (shown++ == 0)
      body += inspection_intro(inside) +
              "<p class=\"hint\">On the first test images, of the run whose answers are shown above. ghost-inspect "
              "shows more, on any picture.</p>";
    body += "<details><summary>" + swatch(comparison, c) + "</summary>\n" +
            inspection_sections(inside, kDrawn, kMapPixels) + "</details>\n";
  }
  return body.empty() ? "" : section("inside", "A look inside", body);
}

}  // namespace ghost
