// The parts of the page that are words and tables.
#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "train/page/html.h"
#include "train/page/text.h"
#include "train/report/page_sections.h"
#include "train/report/table.h"

namespace ghost {

namespace {

constexpr size_t kBeside = 3;    // configurations side by side; more are rows
constexpr size_t kVerdicts = 4;  // in sight

std::string value_of(const std::optional<Cell>& cell) {
  return cell && std::isfinite(cell->value) ? nlohmann::ordered_json(cell->value).dump() : "";
}

std::string measure_cell(const Measure& measure, const Configuration& c) {
  const std::optional<Cell> cell = measure.of(c);
  return number_cell(measure.key.c_str(), value_of(cell), cell ? cell->text : "–");
}

std::string single_verdict(const Comparison& comparison) {
  const RunRecord& run = comparison.runs.front();
  const EpochPoint *last = run.last_test(), *best = run.best_test();
  std::string text = html::escape(run.name + ": " + run.state_text) + ". ";
  if (last)
    text += fmt::format("{} accuracy{} {} after epoch {}{}.", run.held_out == "val" ? "Validation" : "Test",
                        run.weights == "raw" ? "" : " of its " + run.weights + " weights", percent(*last->test_top1),
                        last->epoch,
                        best->epoch == last->epoch
                            ? ""
                            : fmt::format(", at best {} after epoch {}", percent(*best->test_top1), best->epoch));
  else
    text += "Not tested yet.";
  return "<p>" + text + "</p>";
}

}  // namespace

std::string section(const char* id, const char* title, const std::string& body) {
  return fmt::format("<section id=\"{0}\" aria-labelledby=\"{0}-title\"><h2 id=\"{0}-title\">{1}</h2>{2}</section>\n",
                     id, title, body);
}

std::string swatch(const Comparison& comparison, size_t configuration) {
  return fmt::format("<i class=\"dot\" style=\"--tone:var(--c{})\"></i>{}", configuration % 8,
                     html::breakable(comparison.configurations[configuration].name));
}

std::string number_cell(const char* key, const std::string& value, const std::string& text,
                        const std::string& classes) {
  return fmt::format("<td data-key=\"{}\" data-value=\"{}\"{}>{}</td>", key, value,
                     classes.empty() ? "" : " class=\"" + classes + "\"", html::escape(text));
}

std::string verdict_section(const Comparison& comparison) {
  std::string body;
  if (comparison.configurations.size() == 1 && comparison.runs.size() == 1) body = single_verdict(comparison);
  for (size_t i = 0; i < comparison.verdicts.size(); ++i) {
    if (i == kVerdicts)
      body += fmt::format("<details><summary>and {} more</summary>", comparison.verdicts.size() - kVerdicts);
    body += "<p>" + html::escape(comparison.verdicts[i].text) + "</p>";
  }
  if (comparison.verdicts.size() > kVerdicts) body += "</details>";
  if (body.empty()) return "";
  if (std::any_of(comparison.verdicts.begin(), comparison.verdicts.end(), [](const Verdict& v) { return v.accuracy; }))
    body += "<p class=\"hint\">± is half of the 95 % interval of the difference; what lies within it is noise.</p>";
  return fmt::format("<section id=\"verdict\" class=\"verdict\" aria-label=\"Verdict\">{}</section>\n", body);
}

std::string summary_section(const Comparison& comparison) {
  const std::vector<Measure> shown = measures(comparison);
  const auto& configurations = comparison.configurations;
  if (shown.empty()) return "";
  std::string table = fmt::format("<div class=\"scroll\"><table class=\"summary{}\"><thead><tr><td></td>",
                                  configurations.size() > kBeside ? " rows" : "");
  if (configurations.size() <= kBeside) {
    for (size_t c = 0; c < configurations.size(); ++c) table += "<th scope=\"col\">" + swatch(comparison, c) + "</th>";
    table += "</tr></thead><tbody>";
    for (const Measure& measure : shown) {
      table += fmt::format("<tr><th scope=\"row\" title=\"{}\">{}</th>", html::escape(measure.meaning),
                           html::escape(measure.title));
      for (const Configuration& c : configurations) table += measure_cell(measure, c);
      table += "</tr>";
    }
  } else {
    for (const Measure& measure : shown)
      table += fmt::format("<th scope=\"col\" title=\"{}\">{}</th>", html::escape(measure.meaning),
                           html::escape(measure.title));
    table += "</tr></thead><tbody>";
    for (size_t c = 0; c < configurations.size(); ++c) {
      table += "<tr><th scope=\"row\">" + swatch(comparison, c) + "</th>";
      for (const Measure& measure : shown) table += measure_cell(measure, configurations[c]);
      table += "</tr>";
    }
  }
  table += "</tbody></table></div>";
  std::string hint;
  if (std::any_of(configurations.begin(), configurations.end(),
                  [](const Configuration& c) { return c.accuracy && c.accuracy->count > 1; }))
    hint = "<p class=\"hint\">Mean ± standard deviation over seeds.</p>";
  return section("summary", "In numbers", table + hint);
}

std::string options_section(const Comparison& comparison) {
  std::string body;
  if (comparison.configurations.size() > 1 && comparison.differences.empty())
    body += "<p>The configurations do not differ.</p>";
  if (!comparison.differences.empty()) {
    body += "<div class=\"scroll\"><table class=\"options\"><thead><tr><th scope=\"col\">option</th>";
    for (size_t c = 0; c < comparison.configurations.size(); ++c)
      body += "<th scope=\"col\">" + swatch(comparison, c) + "</th>";
    body += "</tr></thead><tbody>";
    for (const OptionRow& row : comparison.differences) {
      body += "<tr><th scope=\"row\"><code>" + html::escape(row.option) + "</code></th>";
      for (const std::string& value : row.values)
        body += "<td class=\"word\"><code>" + html::escape(value.empty() ? "\"\"" : value) + "</code></td>";
      body += "</tr>";
    }
    body += "</tbody></table></div>";
  }
  for (const Configuration& c : comparison.configurations)
    body += fmt::format("<details><summary>Complete configuration of {}</summary><pre>{}</pre></details>",
                        html::escape(c.name), html::escape(config_to_yaml(c.config)));
  return section("options", comparison.configurations.size() > 1 ? "How they differ" : "Configuration", body);
}

std::string runs_section(const Comparison& comparison) {
  const std::string word = held_out_word(comparison);
  std::string table = fmt::format(
      "<div class=\"scroll\"><table class=\"runs\"><thead><tr><th scope=\"col\">run</th><th scope=\"col\">seed</th><th "
      "scope=\"col\">state</th><th scope=\"col\">epochs</th><th scope=\"col\">{0} accuracy</th><th scope=\"col\">best"
      "</th><th scope=\"col\">{0} loss</th><th scope=\"col\">wall clock</th></tr></thead><tbody>",
      word);
  for (size_t c = 0; c < comparison.configurations.size(); ++c)
    for (const size_t i : comparison.configurations[c].runs) {
      const RunRecord& run = comparison.runs[i];
      const EpochPoint *last = run.last_test(), *best = run.best_test();
      const auto cell = [](const char* key, const std::optional<double>& value, const std::string& text) {
        return number_cell(key, value ? nlohmann::ordered_json(*value).dump() : "", value ? text : "–");
      };
      const auto value = [](const EpochPoint* p, auto member) { return p ? p->*member : std::nullopt; };
      const std::optional<double> accuracy = value(last, &EpochPoint::test_top1),
                                  loss = value(last, &EpochPoint::test_loss),
                                  most = value(best, &EpochPoint::test_top1);
      table += fmt::format(
          "<tr data-run=\"{0}\"><th scope=\"row\" title=\"{1}\"><i class=\"dot\" "
          "style=\"--tone:var(--c{2})\"></i>{0}</th><td>{3}</td><td class=\"word\" "
          "title=\"{4}\">{5}</td><td>{6}</td>",
          html::escape(run.name), html::escape(run.dir.string()), c % 8, run.config.run.seed,
          html::escape(run.state_text), name_of(run.state),
          epoch_of_all(run.config.train, run.epochs.empty() ? 0 : run.epochs.back().epoch));
      table += cell("accuracy", accuracy, accuracy ? percent(*accuracy) : "") +
               cell("best_accuracy", most, most ? percent(*most) : "") +
               cell("loss", loss, loss ? fmt::format("{:.4f}", *loss) : "");
      table += fmt::format("<td>{}</td></tr>", run.epochs.empty() ? "–" : duration(run.epochs.back().seconds));
    }
  return section("runs", "Runs", table + "</tbody></table></div>");
}

std::string notes_section(const Comparison& comparison) {
  if (comparison.notes.empty()) return "";
  std::string body = "<ul>";
  for (const std::string& note : comparison.notes) body += "<li>" + html::escape(note) + "</li>";
  return section("notes", "Notes", body + "</ul>");
}

}  // namespace ghost
