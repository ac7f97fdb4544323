// The parts of the page about what the networks answered.
#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>

#include "train/page/html.h"
#include "train/page/text.h"
#include "train/report/page_sections.h"

namespace ghost {

namespace {

constexpr size_t kMatrixClasses = 20;  // more do not fit a page
constexpr size_t kClassesInSight = 30;
constexpr size_t kMostPairs = 15;   // of classes, named instead
constexpr size_t kMostRows = 1000;  // of a table: of more it would be megabytes

std::string signed_text(double value, int digits) {
  const std::string text = fmt::format("{:+.{}f}", value, digits);
  return text[0] == '-' ? "−" + text.substr(1) : text;
}

// How strongly a cell is tinted: 0 to 100 %.
int tint(double value, double most) {
  return most > 0 ? static_cast<int>(std::lround(80 * std::abs(value) / most)) : 0;
}

struct Answered {
  size_t configuration;
  const Predictions* predictions;
};
std::vector<Answered> answered(const Comparison& comparison) {
  std::vector<Answered> all;
  for (size_t c = 0; c < comparison.configurations.size(); ++c) {
    const auto& predictions = comparison.configurations[c].predictions;
    if (!predictions) continue;
    if (all.empty() || predictions->classes == all.front().predictions->classes) all.push_back({c, &*predictions});
  }
  return all;
}

// All of them, or those with most test images.
std::vector<size_t> classes_in_table(const Predictions& predictions) {
  std::vector<size_t> rows(predictions.classes.size());
  std::iota(rows.begin(), rows.end(), size_t{0});
  if (rows.size() <= kMostRows) return rows;
  const auto samples = [&](size_t t) { return predictions.confusion.samples(static_cast<int64_t>(t)); };
  std::stable_sort(rows.begin(), rows.end(), [&](size_t a, size_t b) { return samples(a) > samples(b); });
  rows.resize(kMostRows);
  std::erase_if(rows, [&](size_t t) { return samples(t) == 0; });
  std::sort(rows.begin(), rows.end());
  return rows;
}

std::string class_table(const Comparison& comparison, const std::vector<Answered>& all) {
  std::string text = "<div class=\"scroll\"><table class=\"classes\"><thead><tr><th scope=\"col\">class</th>";
  for (const Answered& a : all) text += "<th scope=\"col\">" + swatch(comparison, a.configuration) + "</th>";
  for (size_t i = 1; i < all.size(); ++i) text += "<th scope=\"col\">difference</th>";
  text += "<th scope=\"col\">images</th></tr></thead><tbody>";
  const std::vector<std::string>& names = all.front().predictions->classes;
  const std::vector<size_t> rows = classes_in_table(*all.front().predictions);
  for (const size_t t : rows) {
    const auto truth = static_cast<int64_t>(t);
    const double first = all.front().predictions->confusion.accuracy_percent(truth);
    text += "<tr><th scope=\"row\">" + html::escape(names[t]) + "</th>";
    for (const Answered& a : all) {
      const double value = a.predictions->confusion.accuracy_percent(truth);
      text +=
          fmt::format("<td class=\"bar\" style=\"--share:{:.1f}%;--tone:var(--c{})\" data-value=\"{}\">{:.1f} %</td>",
                      value, a.configuration % 8, value, value);
    }
    for (size_t i = 1; i < all.size(); ++i) {
      const double difference = all[i].predictions->confusion.accuracy_percent(truth) - first;
      text += fmt::format("<td class=\"{}\">{}</td>",
                          std::abs(difference) < 0.05 ? ""
                          : difference > 0            ? "up"
                                                      : "down",
                          signed_text(difference, 1));
    }
    text += fmt::format("<td>{}</td></tr>", grouped(all.front().predictions->confusion.samples(truth)));
  }
  text += "</tbody></table></div>";
  if (names.size() <= kClassesInSight) return text;
  const std::string title = rows.size() == names.size()
                                ? fmt::format("All {} classes", grouped(std::ssize(names)))
                                : fmt::format("{} of {} classes, those with most test images",
                                              grouped(std::ssize(rows)), grouped(std::ssize(names)));
  return fmt::format("<details><summary>{}</summary>{}</details>", title, text);
}

// counts(t, p) of b − a, or of a alone, of the classes that have names.
class Counts {
 public:
  struct Pair {
    size_t t, p;
    int64_t n;  // not 0
  };
  Counts(const Predictions& a, const Predictions* b) : a_(a), b_(b) {
    for (const auto& [pair, n] : sums()) {
      const auto [t, p] = pair;
      if (n == 0 || t >= std::ssize(a.classes) || p >= std::ssize(a.classes)) continue;
      pairs_.push_back({static_cast<size_t>(t), static_cast<size_t>(p), n});
      (t == p ? most_right_ : most_wrong_) = std::max(t == p ? most_right_ : most_wrong_, std::abs(n));
    }
  }
  const std::vector<Pair>& pairs() const { return pairs_; }  // that occur, by class
  size_t classes() const { return a_.classes.size(); }
  int64_t at(size_t t, size_t p) const {
    const auto row = static_cast<int64_t>(t), column = static_cast<int64_t>(p);
    return b_ ? b_->confusion.at(row, column) - a_.confusion.at(row, column) : a_.confusion.at(row, column);
  }
  // The diagonal is so much larger that it has a scale of its own.
  int64_t most(bool right) const { return right ? most_right_ : most_wrong_; }
  bool difference() const { return b_ != nullptr; }
  const std::string& name(size_t i) const { return a_.classes[i]; }

 private:
  std::map<std::pair<int64_t, int64_t>, int64_t> sums() const {
    std::map<std::pair<int64_t, int64_t>, int64_t> sums;
    for (const ConfusionMatrix::Pair& p : a_.confusion.pairs()) sums[{p.truth, p.predicted}] += b_ ? -p.count : p.count;
    if (b_)
      for (const ConfusionMatrix::Pair& p : b_->confusion.pairs()) sums[{p.truth, p.predicted}] += p.count;
    return sums;
  }
  const Predictions &a_, *b_;
  std::vector<Pair> pairs_;
  int64_t most_right_ = 0, most_wrong_ = 0;
};

std::string matrix(const Counts& counts) {
  std::string text = "<div class=\"scroll\"><table class=\"matrix\"><thead><tr><th scope=\"col\">is ↓ taken for →</th>";
  for (size_t p = 0; p < counts.classes(); ++p)
    text += "<th scope=\"col\"><span>" + html::escape(counts.name(p)) + "</span></th>";
  text += "</tr></thead><tbody>";
  for (size_t t = 0; t < counts.classes(); ++t) {
    text += "<tr><th scope=\"row\">" + html::escape(counts.name(t)) + "</th>";
    for (size_t p = 0; p < counts.classes(); ++p) {
      const int64_t n = counts.at(t, p);
      // More on the diagonal is better, more beside it is worse.
      const bool good = counts.difference() ? (t == p) == (n > 0) : t == p;
      text +=
          fmt::format("<td class=\"{}{}\" style=\"--tint:{}%\">{}</td>", good ? "good" : "bad", t == p ? " right" : "",
                      tint(static_cast<double>(n), static_cast<double>(counts.most(t == p))),
                      n == 0                ? "·"
                      : counts.difference() ? signed_text(static_cast<double>(n), 0)
                                            : std::to_string(n));
    }
    text += "</tr>";
  }
  return text + "</tbody></table></div>";
}

std::string pairs(const Counts& counts) {
  using Pair = Counts::Pair;
  std::vector<Pair> all = counts.pairs();
  std::erase_if(all, [](const Pair& pair) { return pair.t == pair.p; });
  std::stable_sort(all.begin(), all.end(), [](const Pair& a, const Pair& b) { return std::abs(a.n) > std::abs(b.n); });
  if (all.size() > kMostPairs) all.resize(kMostPairs);
  std::string text =
      "<table><thead><tr><th scope=\"col\">is</th><th scope=\"col\">taken for</th><th "
      "scope=\"col\">images</th></tr></thead><tbody>";
  for (const Pair& pair : all)
    text += fmt::format("<tr><th scope=\"row\">{}</th><td class=\"word\">{}</td><td>{}</td></tr>",
                        html::escape(counts.name(pair.t)), html::escape(counts.name(pair.p)),
                        counts.difference() ? signed_text(static_cast<double>(pair.n), 0) : std::to_string(pair.n));
  return text + "</tbody></table>";
}

std::string confusions(const Comparison& comparison, const std::vector<Answered>& all) {
  const auto shown = [](const Counts& counts) {
    return counts.classes() <= kMatrixClasses ? matrix(counts) : pairs(counts);
  };
  const Answered& first = all.front();
  if (all.size() == 1) return "<h3>Confusion matrix</h3>" + shown(Counts(*first.predictions, nullptr));
  std::string text;
  for (size_t i = 1; i < all.size(); ++i)
    text += fmt::format("<details{}><summary>Confusion: {} minus {}</summary>{}</details>", i == 1 ? " open" : "",
                        html::escape(comparison.configurations[all[i].configuration].name),
                        html::escape(comparison.configurations[first.configuration].name),
                        shown(Counts(*first.predictions, all[i].predictions)));
  return text +
         "<p class=\"hint\">Blue: more that are right, or fewer that are mistaken. Orange: the other way round.</p>";
}

std::string picture(const Predictions& a, const Predictions& b, const Comparison& comparison, const Disagreement& d,
                    const Example& example) {
  const auto name = [&](int64_t c) {
    return c < std::ssize(a.classes) ? html::escape(a.classes[static_cast<size_t>(c)]) : std::to_string(c);
  };
  const int64_t label = a.labels[example.image];
  const auto answer = [&](size_t configuration, int64_t predicted) {
    return fmt::format(
        "<span class=\"answer {}\"><i class=\"dot\" style=\"--tone:var(--c{})\"></i>{}<span "
        "class=\"hidden\"> ({}, {})</span></span>",
        predicted == label ? "is-right" : "is-wrong", configuration % 8, name(predicted),
        html::escape(comparison.configurations[configuration].name), predicted == label ? "right" : "wrong");
  };
  return fmt::format(
      "<figure class=\"picture\"><img alt=\"a test image of class {}\" title=\"{}\" "
      "src=\"data:image/png;base64,{}\"><figcaption><b>{}</b>{}{}</figcaption></figure>",
      name(label), html::escape(a.names[example.image]), example.png, name(label),
      answer(d.a, a.predicted[example.image]), answer(d.b, b.predicted[example.image]));
}

std::string disagreement_body(const Comparison& comparison, const Disagreement& d) {
  const Predictions &a = *comparison.configurations[d.a].predictions, &b = *comparison.configurations[d.b].predictions;
  const std::string name_a = html::escape(comparison.configurations[d.a].name),
                    name_b = html::escape(comparison.configurations[d.b].name);
  const int64_t all = std::ssize(a.labels);
  std::string text = fmt::format(
      "<p>They give different answers to {} of {} {} images ({:.1f} %). Both are right on {}, only {} on {}, only {} "
      "on {}; on {} both are wrong.</p>",
      grouped(d.differ), grouped(all), held_out_word(comparison),
      100.0 * static_cast<double>(d.differ) / static_cast<double>(std::max<int64_t>(1, all)), grouped(d.both_right),
      name_a, grouped(d.only_a), name_b, grouped(d.only_b), grouped(d.both_wrong));
  const std::pair<std::string, bool (*)(bool, bool)> kinds[] = {
      {"Only " + name_a + " is right", [](bool right_a, bool right_b) { return right_a && !right_b; }},
      {"Only " + name_b + " is right", [](bool right_a, bool right_b) { return !right_a && right_b; }},
      {"Both are wrong, each in its way", [](bool right_a, bool right_b) { return !right_a && !right_b; }}};
  for (const auto& [title, fits] : kinds) {
    std::string pictures;
    for (const Example& example : d.examples) {
      const int64_t label = a.labels[example.image];
      if (fits(a.predicted[example.image] == label, b.predicted[example.image] == label))
        pictures += picture(a, b, comparison, d, example);
    }
    if (!pictures.empty()) text += "<h3>" + title + "</h3><div class=\"pictures\">" + pictures + "</div>";
  }
  return text;
}

}  // namespace

std::string classes_section(const Comparison& comparison) {
  const std::vector<Answered> all = answered(comparison);
  if (all.empty()) return "";
  std::string hint = "<p class=\"hint\">Of the last checkpoint";
  if (comparison.runs.size() > comparison.configurations.size()) {
    hint += " of one run each:";
    for (size_t i = 0; i < all.size(); ++i)
      hint += (i ? ", " : " ") + html::escape(comparison.runs[all[i].predictions->run].name);
  }
  return section("classes", "Class by class",
                 class_table(comparison, all) + hint + ".</p>" + confusions(comparison, all));
}

std::string pictures_section(const Comparison& comparison) {
  std::string body;
  for (const Disagreement& d : comparison.disagreements) {
    if (comparison.disagreements.size() == 1) {
      body += disagreement_body(comparison, d);
    } else {
      body += fmt::format("<details{}><summary>{} and {}</summary>{}</details>", body.empty() ? " open" : "",
                          html::escape(comparison.configurations[d.a].name),
                          html::escape(comparison.configurations[d.b].name), disagreement_body(comparison, d));
    }
  }
  return body.empty() ? "" : section("pictures", "Where they disagree", body);
}

}  // namespace ghost
