#include "support/report_pages.h"

#include "core/error.h"
#include "support/tiny_images.h"

namespace ghost::test {

void write_tiny_comparison(const TempDir& dir) {
  write_tiny_idx(dir / "data");
  const std::string standard = tiny_config("data");
  dir.write("standard.yaml", std::string_view(standard));
  const std::string model = "channels: [6, 8]\n";
  std::string grouped = standard;
  grouped.replace(grouped.find(model), model.size(), model + "  conv: {name: grouped, groups: 2}\n");
  dir.write("grouped.yaml", std::string_view(grouped));
}

nlohmann::ordered_json page_data(const std::string& html) {
  const std::string mark = "id=\"report-data\">";
  const size_t begin = html.find(mark);
  if (begin == std::string::npos) fail("the page has no report-data");
  const size_t first = begin + mark.size();
  return nlohmann::ordered_json::parse(html.substr(first, html.find("</script>", first) - first));
}

}  // namespace ghost::test
