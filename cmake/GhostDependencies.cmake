# All from Debian packages; tools/install-dependencies lists them.
find_package(Threads REQUIRED)
find_package(OpenMP REQUIRED COMPONENTS CXX)  # only to tell OpenBLAS that it runs alone
find_package(ZLIB REQUIRED)
find_package(fmt REQUIRED)
find_package(spdlog REQUIRED)
find_package(yaml-cpp REQUIRED)
find_package(CLI11 REQUIRED)
find_package(nlohmann_json REQUIRED)

# OpenBLAS: the build with OpenMP threads, by its own folder. All builds share one SONAME and the alternatives system may
# hand out another, so the folder goes into the rpath of everything that links it.
find_path(GHOST_OPENBLAS_INCLUDE cblas.h PATH_SUFFIXES ${CMAKE_LIBRARY_ARCHITECTURE}/openblas-openmp openblas-openmp
  ${CMAKE_LIBRARY_ARCHITECTURE} openblas REQUIRED)
find_library(GHOST_OPENBLAS_LIBRARY openblas PATH_SUFFIXES ${CMAKE_LIBRARY_ARCHITECTURE}/openblas-openmp openblas-openmp
  NO_CMAKE_SYSTEM_PATH PATHS /usr/lib /usr/local/lib REQUIRED)
get_filename_component(GHOST_OPENBLAS_FOLDER ${GHOST_OPENBLAS_LIBRARY} DIRECTORY)
add_library(ghost_openblas INTERFACE)
target_include_directories(ghost_openblas SYSTEM INTERFACE $<BUILD_INTERFACE:${GHOST_OPENBLAS_INCLUDE}>)
target_link_libraries(ghost_openblas INTERFACE ${GHOST_OPENBLAS_LIBRARY})
list(APPEND CMAKE_BUILD_RPATH ${GHOST_OPENBLAS_FOLDER})
list(APPEND CMAKE_INSTALL_RPATH ${GHOST_OPENBLAS_FOLDER})
# DT_RPATH, not DT_RUNPATH: it also serves the libraries between us and OpenBLAS.
add_link_options(-Wl,--disable-new-dtags)

find_path(GHOST_STB_INCLUDE stb_image.h PATH_SUFFIXES stb REQUIRED)
add_library(ghost_stb INTERFACE)
target_include_directories(ghost_stb SYSTEM INTERFACE $<BUILD_INTERFACE:${GHOST_STB_INCLUDE}>)
# What damaged pictures make of stb_image (see the source) must be the same in every run.
set_source_files_properties(${CMAKE_SOURCE_DIR}/data/stb_image.cpp PROPERTIES COMPILE_OPTIONS
  "-w;-O3;-fwrapv;-ftrivial-auto-var-init=zero;-fno-sanitize=undefined")
