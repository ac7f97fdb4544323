# All from Debian packages; tools/install-dependencies lists them.
find_package(Threads REQUIRED)
find_package(OpenMP REQUIRED COMPONENTS CXX)
find_package(ZLIB REQUIRED)
find_package(JPEG REQUIRED)  # libjpeg-turbo
find_package(fmt REQUIRED)
find_package(spdlog REQUIRED)
find_package(yaml-cpp REQUIRED)
find_package(CLI11 REQUIRED)
find_package(nlohmann_json REQUIRED)

include(GhostOpenBLAS)
list(APPEND CMAKE_BUILD_RPATH ${GHOST_OPENBLAS_FOLDER})
list(APPEND CMAKE_INSTALL_RPATH ${GHOST_OPENBLAS_FOLDER})
# DT_RPATH, not DT_RUNPATH: it also serves the libraries between us and OpenBLAS.
add_link_options(-Wl,--disable-new-dtags)

# Linked by its name: it has no CMake package before 2.9.
find_path(GHOST_UTF8PROC_INCLUDE utf8proc.h REQUIRED)
find_library(GHOST_UTF8PROC_LIBRARY utf8proc REQUIRED)

find_path(GHOST_STB_INCLUDE stb_image.h PATH_SUFFIXES stb REQUIRED)
add_library(ghost_stb INTERFACE)
target_include_directories(ghost_stb SYSTEM INTERFACE $<BUILD_INTERFACE:${GHOST_STB_INCLUDE}>)
# What damaged pictures make of stb_image (see the source) must be the same in every run.
set_source_files_properties(${CMAKE_SOURCE_DIR}/data/stb_image.cpp PROPERTIES COMPILE_OPTIONS
  "-w;-O3;-fwrapv;-ftrivial-auto-var-init=zero;-fno-sanitize=undefined")

# Charts of reports, built into the library so that a report needs no other file.
find_file(GHOST_CHART_JS chart.min.js PATHS /usr/share /usr/local/share PATH_SUFFIXES javascript/chart.js
  nodejs/chart.js/dist REQUIRED)
