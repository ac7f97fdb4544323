#include "train/inspect/page.h"

#include <algorithm>
#include <fmt/format.h>

#include "data/encode.h"
#include "train/inspect/sheets.h"
#include "train/page/assets.h"
#include "train/page/html.h"
#include "train/page/text.h"

namespace ghost {

namespace {

// Its own number of pixels, so that maps stay sharp.
std::string picture(const Image& image, const std::string& alt) {
  return fmt::format(R"(<img class="sheet" src="data:image/png;base64,{}" width="{}" height="{}" alt="{}">)",
                     base64(encode_png(image)), image.width, image.height, html::escape(alt));
}

std::string size_of(const LayerMaps& layer) { return fmt::format("{}×{}", layer.maps.size(1), layer.maps.size(2)); }

std::string kind_of(const LayerMaps& layer) {
  return layer.ghosts > 0 ? fmt::format("{}, {} + {}", layer.kind, layer.intrinsic, layer.ghosts) : layer.kind;
}

std::string layer_table(const Inspection& inspection) {
  std::string text = R"(<div class="scroll"><table class="inside"><thead><tr><th scope="col">Layer</th>)"
                     R"(<th scope="col">Kind</th><th scope="col">Maps</th><th scope="col">Size</th>)";
  for (const int64_t k : inspection.kernel_sizes)
    text += fmt::format(R"(<th scope="col" colspan="2">{0}×{0} filter</th>)", k);
  text += "</tr></thead>\n<tbody>\n";
  for (const InspectedLayer& one : inspection.layers) {
    text += fmt::format(R"(<tr><th scope="row">{}</th><td class="word">{}</td><td>{}</td><td>{}</td>)",
                        html::escape(one.layer.name), html::escape(kind_of(one.layer)), one.layer.maps.size(3),
                        size_of(one.layer));
    for (size_t k = 0; k < inspection.kernel_sizes.size(); k++)
      text +=
          k < one.kernels.size()
              ? fmt::format(R"(<td class="bar" style="--tone:var(--c0);--share:{:.1f}%">{}</td><td>s = {:.1f}</td>)",
                            100 * one.kernels[k].ghost_ratio.share, share(one.kernels[k].ghost_ratio.share),
                            one.kernels[k].ghost_ratio.ratio)
              : std::string(R"(<td>–</td><td></td>)");
    text += "</tr>\n";
  }
  return text + "</tbody></table></div>\n";
}

std::string histogram(const KernelResult& result) {
  constexpr int kWidth = 320, kHeight = 90, kBottom = 18;
  const int64_t most = std::max<int64_t>(1, *std::max_element(result.histogram.begin(), result.histogram.end()));
  std::string text = fmt::format(
      R"(<figure class="histogram"><svg viewBox="0 0 {} {}" role="img" aria-label="Pairs of maps by the share of the variance that a {}×{} filter leaves over">)",
      kWidth, kHeight + kBottom, result.kernel, result.kernel);
  const double step = static_cast<double>(kWidth) / static_cast<double>(kHistogramBins);
  for (size_t i = 0; i < result.histogram.size(); i++) {
    const double height = kHeight * static_cast<double>(result.histogram[i]) / static_cast<double>(most);
    text += fmt::format(
        R"#(<rect x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}" fill="var(--c0)"><title>{} of {} pairs</title></rect>)#",
        step * static_cast<double>(i) + 1, kHeight - height, step - 2, height, grouped(result.histogram[i]),
        share(static_cast<double>(i) / kHistogramBins));
  }
  text += fmt::format(R"(<path class="g" d="M0 {0}H{1}"/><text class="l" x="0" y="{2}">0 %</text>)", kHeight, kWidth,
                      kHeight + 13);
  return text + fmt::format(R"(<text class="l" x="{}" y="{}" text-anchor="end">100 % and above</text></svg>)"
                            "<figcaption>{}×{} filter</figcaption></figure>\n",
                            kWidth, kHeight + 13, result.kernel, result.kernel);
}

std::string pair_rows(const InspectedLayer& one, int64_t most_pixels) {
  std::string text =
      R"(<div class="scroll"><table class="pairs"><thead><tr><th scope="col">Map → map</th><th scope="col" class="word">From, made, wanted, difference</th>)";
  for (const KernelResult& k : one.kernels) text += fmt::format(R"(<th scope="col">MSE {0}×{0}</th>)", k.kernel);
  text += "<th scope=\"col\">Left over</th></tr></thead>\n<tbody>\n";
  for (const SimilarPair& pair : one.pairs) {
    const PairFit fit = fit_pair(one.layer.maps, pair.source, pair.target, pair.kernel);
    text += fmt::format(R"(<tr><th scope="row">{} → {}</th><td class="word">{}</td>)", pair.source, pair.target,
                        picture(pair_picture(one.layer.maps, fit, 0, most_pixels),
                                fmt::format("map {} turned into map {}", pair.source, pair.target)));
    for (const double mse : pair.mse) text += fmt::format("<td>{:.2e}</td>", mse);
    text += fmt::format("<td>{}</td></tr>\n",
                        percent(100 * pair.unexplained[std::min<size_t>(1, pair.unexplained.size() - 1)]));
  }
  return text + "</tbody></table></div>\n";
}

std::string layer_section(const InspectedLayer& one, bool open, int64_t most_pixels) {
  const LayerMaps& layer = one.layer;
  std::string text = fmt::format("<details{}><summary>{}: {} maps of {}</summary>\n", open ? " open" : "",
                                 html::escape(layer.name), layer.maps.size(3), size_of(layer));
  text += fmt::format("<p class=\"hint\">{}</p>\n",
                      layer.ghosts > 0 ? "Each map of the convolution with the ghosts made from it; every map in its "
                                         "own range of values."
                                       : "Every map in its own range of values.");
  text += "<div class=\"scroll\">" + picture(contact_sheet(layer, 0, most_pixels), "feature maps of " + layer.name) +
          "</div>\n";
  if (layer.filters.defined())
    text +=
        "<h3>Cheap filters, as learned</h3>\n<p class=\"hint\">Blue below 0, red above, in the order of the "
        "ghosts.</p>\n<div class=\"scroll\">" +
        picture(filter_sheet(layer.filters), "cheap filters of " + layer.name) + "</div>\n";
  if (!one.pairs.empty()) text += "<h3>Most similar pairs</h3>\n" + pair_rows(one, most_pixels);
  if (!one.kernels.empty()) {
    text += "<h3>All pairs, by what the filter leaves over of the variance</h3>\n<div class=\"histograms\">\n";
    for (const KernelResult& k : one.kernels) text += histogram(k);
    text += "</div>\n";
  }
  return text + "</details>\n";
}

// The layers that are drawn, in their order in the network.
std::vector<size_t> chosen(const Inspection& inspection, size_t count) {
  std::vector<size_t> order;
  for (size_t i = 0; i < inspection.layers.size(); i++) order.push_back(i);
  const auto ratio = [&](size_t i) {
    const auto& kernels = inspection.layers[i].kernels;
    return kernels.size() > 1 ? kernels[1].ghost_ratio.ratio : 0;
  };
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return ratio(a) > ratio(b); });
  order.resize(std::min(order.size(), count));
  std::sort(order.begin(), order.end());
  return order;
}

}  // namespace

std::string inspection_intro(const Inspection& inspection) {
  return fmt::format(
      "<p>For every pair of maps of a layer, the filter that best makes one from the other was found by least squares. "
      "The table shows the share of the maps that can be predicted from another one with at most {} of their variance "
      "unexplained, and <i>s</i>, the largest ghost ratio that would still work: all maps of the layer divided by "
      "those that the others can be predicted from (–: the maps have too few pixels to tell).</p>\n",
      share(inspection.tolerance));
}

std::string inspection_sections(const Inspection& inspection, size_t drawn, int64_t most_pixels) {
  std::string text = layer_table(inspection);
  bool open = true;
  for (const size_t i : chosen(inspection, drawn)) {
    text += layer_section(inspection.layers[i], open, most_pixels);
    open = false;
  }
  return text;
}

std::string inspection_page(const Inspection& inspection, const InspectionPage& page) {
  const std::string title = html::escape(page.title), about = html::escape(page.about),
                    body = inspection_intro(inspection) + inspection_sections(inspection, page.drawn, kEveryValue);
  return html::fill(assets::plain_html,
                    {{"title", title}, {"about", about}, {"style", assets::page_css}, {"body", body}});
}

}  // namespace ghost
