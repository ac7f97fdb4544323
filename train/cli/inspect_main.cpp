#include <CLI/CLI.hpp>
#include <fmt/ranges.h>
#include <optional>
#include <spdlog/spdlog.h>

#include "core/parallel.h"
#include "core/safetensors.h"
#include "data/encode.h"
#include "data/preprocess.h"
#include "train/cli/main.h"
#include "train/cli/network_options.h"
#include "train/cli/program.h"
#include "train/cli/text.h"
#include "train/cli/text_table.h"
#include "train/inspect/inspection.h"
#include "train/inspect/page.h"
#include "train/inspect/sheets.h"
#include "train/network/preparation.h"
#include "train/run/version.h"

namespace ghost::cli {

namespace {

namespace fs = std::filesystem;

struct Arguments {
  NetworkSource source;
  std::vector<std::string> images;
  std::string output;
  InspectOptions options;
  std::optional<int64_t> threads;
  bool json = false, list = false;
};

// For each layer: the share of its maps that can be predicted from another map, and the largest ghost ratio that
// would still work.
std::string as_text(const Inspection& inspection, const Terminal& terminal) {
  std::vector<Column> columns{{.title = "layer", .align = Align::left}, {.title = "maps"}, {.title = "size"}};
  for (const int64_t k : inspection.kernel_sizes) columns.push_back({.title = fmt::format("{0}×{0} filter", k)});
  TextTable grid(columns);
  for (const InspectedLayer& one : inspection.layers) {
    const Tensor& maps = one.layer.maps;
    std::vector<std::string> row{one.layer.name, std::to_string(maps.size(3)),
                                 fmt::format("{}×{}", maps.size(1), maps.size(2))};
    for (const KernelResult& k : one.kernels)
      row.push_back(fmt::format("{}  s = {:.1f}", share(k.ghost_ratio.share), k.ghost_ratio.ratio));
    row.resize(columns.size(), "–");
    grid.add(std::move(row));
  }
  return grid.text(terminal) +
         fmt::format(
             "The share of the maps that a filter predicts from another map of the layer, with at most {} of "
             "their variance\nunexplained, and s, the largest ghost ratio that would still work: all maps of the "
             "layer divided by those that\nthe others can be predicted from. –: the maps have too few pixels to "
             "tell.\n",
             share(inspection.tolerance));
}

Tensor read_pictures(const Network& network, const std::vector<std::string>& files) {
  const Preprocessing& p = *network.preprocessing;
  const Preprocessor prepare(splits_of(p), {});
  Tensor pictures = Tensor::empty({std::ssize(files), p.image_size, p.image_size, p.channels});
  for (size_t i = 0; i < files.size(); i++)
    prepare.evaluation(read_image(files[i]),
                       pictures.mutable_data<float>() + static_cast<int64_t>(i) * prepare.values());
  return pictures;
}

// The pictures of one layer, of the first image.
void write_pictures(const fs::path& folder, const InspectedLayer& one) {
  const LayerMaps& layer = one.layer;
  const auto write = [&](const char* what, const Image& image) {
    const std::vector<uint8_t> png = encode_png(image);
    write_file_atomically(folder / (layer.name + "-" + what + ".png"), std::string(png.begin(), png.end()));
  };
  write("maps", contact_sheet(layer));
  std::vector<Image> rows;
  for (const SimilarPair& pair : one.pairs)
    rows.push_back(pair_picture(layer.maps, fit_pair(layer.maps, pair.source, pair.target, pair.kernel)));
  if (!rows.empty()) write("pairs", grid(rows, 1));
  if (layer.filters.defined()) write("filters", filter_sheet(layer.filters));
}

InspectionPage page_of(const Network& network, const std::vector<std::string>& images) {
  return {.title = "Inside " + network.config.model.name,
          .about = fmt::format("{}{} · {} · Ghost {}", network.file,
                               network.weights_of == "raw" ? "" : " (" + network.weights_of + " weights)",
                               fmt::join(images, ", "), version())};
}

int inspect_network(const Arguments& arguments, Terminal& terminal) {
  Network network = load_network(arguments.source);
  for (const std::string& note : network.notes) spdlog::info("{}", note);
  for (const std::string& warning : network.warnings) spdlog::warn("{}", warning);
  const int64_t threads = arguments.threads.value_or(network.config.run.threads);
  if (threads > 0) set_threads(static_cast<int>(threads));
  if (arguments.list) {
    for (const std::string& layer : map_layers(*network.model)) terminal.text(layer + "\n");
    return kDone;
  }
  if (arguments.images.empty()) fail_usage("needs --image FILE; --help shows examples");
  complete_preprocessing(network);
  InspectOptions options = arguments.options;
  options.progress = [&](size_t done, size_t of, const std::string& layer) {
    terminal.status(fmt::format("layer {} of {}: {}", done + 1, of, layer));
  };
  const Inspection inspection = inspect(*network.model, read_pictures(network, arguments.images), options);
  terminal.clear_status();
  const std::string json = inspection_json(inspection, *network.preprocessing);
  terminal.text(
      arguments.json ? json : as_text(inspection, terminal) + "Pictures: " + described(*network.preprocessing) + "\n");
  if (arguments.output.empty()) return kDone;

  const fs::path folder(arguments.output);
  std::error_code failed;
  fs::create_directories(folder, failed);
  if (failed) fail("--output {}: cannot make the folder: {}", arguments.output, failed.message());
  write_file_atomically(folder / "inspect.json", json);
  for (const InspectedLayer& layer : inspection.layers) write_pictures(folder, layer);
  write_file_atomically(folder / "index.html", inspection_page(inspection, page_of(network, arguments.images)));
  if (!arguments.json)
    terminal.line(
        fmt::format("Page: {}\nBeside it: inspect.json, and of each layer its maps, its most similar pairs "
                    "(a map, what the filter makes of it,\nthe map it is to be, the difference) and its "
                    "cheap filters as PNG.",
                    (folder / "index.html").string()));
  return kDone;
}

int main(int argc, char** argv) {
  const std::string name = program_name(argc, argv, "ghost-inspect");
  Arguments arguments;
  CLI::App app("Looks at the feature maps of a network: which of them could have been made from others?", name);
  add_network_options(app, arguments.source);
  app.add_option("--image", arguments.images,
                 "A picture (JPEG, PNG, BMP); may be repeated: filters are fitted to all, the first one is drawn")
      ->type_name("FILE")
      ->allow_extra_args(false);
  app.add_option(
         "--layer", arguments.options.layers,
         "Only these modules, by name; * stands for any text, ? for a letter, [01] for one of them; may be repeated")
      ->type_name("NAME")
      ->allow_extra_args(false);
  app.add_flag("--list", arguments.list, "Print the names of the layers that are looked at otherwise");
  app.add_option("--kernels", arguments.options.kernels, "Sizes of the filter (1 3 5 7)")->type_name("D");
  app.add_option("--tolerance", arguments.options.tolerance,
                 "Share of a map's variance that may be left over where it counts as made from another (0.1)")
      ->type_name("SHARE");
  app.add_option("--pairs", arguments.options.pairs, "Most similar pairs to report of each layer (8)")
      ->type_name("N")
      ->check(CLI::Range(0, 10'000));
  app.add_option("--output", arguments.output, "Write pictures, a page and inspect.json into this folder")
      ->type_name("FOLDER");
  app.add_flag("--json", arguments.json, "Print one JSON object");
  add_threads_option(app, arguments.threads);
  const Help help{
      .notes =
          "For each pair of maps of a layer the d×d filter is found that best makes one from the other, by least "
          "squares\n(the experiment of GhostNet's table 2, arXiv 1911.11907).",
      .examples = {"{0} --checkpoint runs/resnet56-1 --image photo.jpg",
                   "{0} --checkpoint runs/ghostnet-1 --image a.png --image b.png --layer 'blocks.0.*' --output look"}};
  return run_program(app, help, argc, argv, [&](Terminal& terminal) -> int {
    require_network(arguments.source);
    return inspect_network(arguments, terminal);
  });
}

}  // namespace

}  // namespace ghost::cli

int ghost::inspect_main(int argc, char** argv) { return cli::main(argc, argv); }
