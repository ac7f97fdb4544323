#include "train/report/page.h"

#include <nlohmann/json.hpp>

#include "train/page/assets.h"
#include "train/page/html.h"
#include "train/report/curves.h"
#include "train/report/page_sections.h"
#include "train/report/table.h"
#include "train/run/version.h"

namespace ghost {

namespace {

std::string title_of(const Comparison& comparison) {
  const auto& c = comparison.configurations;
  if (c.size() == 1) return c[0].name;
  if (c.size() == 2) return c[1].name + " against " + c[0].name;
  return fmt::format("{} and {} more", c[0].name, c.size() - 1);
}

std::string about(const Comparison& comparison, const std::string& written, bool under_way) {
  const Config& config = comparison.configurations.front().config;
  std::string text = html::escape(config.data.name);
  text += fmt::format(" · {} {}", comparison.runs.size(), comparison.runs.size() == 1 ? "run" : "runs");
  text += fmt::format(" · Ghost {}", version());
  if (!written.empty()) text += " · " + html::escape(written);
  if (under_way) text += fmt::format(" · under way, loaded again every {} s", kReloadSeconds);
  return text;
}

}  // namespace

std::string report_page(const Comparison& comparison, const std::string& written, bool under_way) {
  if (comparison.configurations.empty()) fail("a report needs at least one run");
  const nlohmann::ordered_json data{{"report", comparison_json(comparison)}, {"curves", curves_json(comparison)}};
  const std::string json =
      html::script_json(data.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace));
  const std::string title = html::escape(title_of(comparison)), line = about(comparison, written, under_way);
  const std::string body = verdict_section(comparison) + summary_section(comparison) + curves_section(comparison) +
                           cost_section(comparison) + time_section(comparison) + options_section(comparison) +
                           classes_section(comparison) + pictures_section(comparison) + inside_section(comparison) +
                           runs_section(comparison) + notes_section(comparison);
  // The script keeps what the reader has chosen; without scripts the browser does it all.
  const std::string reload = under_way
                                 ? fmt::format(
                                       "<meta name=\"reload\" content=\"{0}\">\n<noscript><meta http-equiv=\"refresh\" "
                                       "content=\"{0}\"></noscript>\n",
                                       kReloadSeconds)
                                 : "";
  return html::fill(assets::page_html, {{"title", title},
                                        {"reload", reload},
                                        {"about", line},
                                        {"style", assets::page_css},
                                        {"body", body},
                                        {"data", json},
                                        {"chart", assets::chart_js},
                                        {"script", assets::page_js}});
}

}  // namespace ghost
