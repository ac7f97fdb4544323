// Files that the page is made of, built into the library (cmake/GhostEmbed.cmake).
#pragma once
#include <string_view>

namespace ghost::assets {

extern const std::string_view page_html, page_css, page_js;  // of this project, train/report/assets
extern const std::string_view chart_js;                      // Chart.js (MIT), Debian's libjs-chart.js

extern const std::string_view plain_html;  // a page without scripts, train/page/assets

}  // namespace ghost::assets
