# One static library per top-level folder. A folder sees its own headers and those of the folders it depends on, and no
# others: each has an include root of its own, build/include/<folder>, that holds one link to the source folder. So
# `#include "train/loop/trainer.h"` from nn/ does not compile. Sources in cli/ and kernels/isa/ are built elsewhere.
add_library(ghost_options INTERFACE)
target_compile_options(ghost_options INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -Wconversion
  -Wno-sign-conversion)
if(GHOST_WARNINGS_AS_ERRORS)
  target_compile_options(ghost_options INTERFACE -Werror)
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  target_compile_options(ghost_options INTERFACE -Wno-restrict)  # GCC bug 105651: "text" + std::string
endif()
if(GHOST_SANITIZE)
  target_compile_options(ghost_options INTERFACE -fsanitize=${GHOST_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  target_link_options(ghost_options INTERFACE -fsanitize=${GHOST_SANITIZE})
endif()

function(ghost_library folder)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "DEPENDS")
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/${folder}/*.cpp)
  list(FILTER sources EXCLUDE REGEX "/(cli|kernels/isa)/")
  set(root ${CMAKE_BINARY_DIR}/include/${folder})
  file(MAKE_DIRECTORY ${root})
  file(CREATE_LINK ${CMAKE_SOURCE_DIR}/${folder} ${root}/${folder} SYMBOLIC)
  add_library(ghost_${folder} STATIC ${sources})
  add_library(ghost::${folder} ALIAS ghost_${folder})
  target_include_directories(ghost_${folder} PUBLIC $<BUILD_INTERFACE:${root}>)
  target_compile_features(ghost_${folder} PUBLIC cxx_std_20)
  target_link_libraries(ghost_${folder} PRIVATE $<BUILD_INTERFACE:ghost_options> ${arg_DEPENDS})
endfunction()

# Every <folder>/ghost_<name>.cpp is the main file of the program ghost-<name>; the others are what the programs share.
# Sets ghost_program_names.
add_custom_target(ghost-programs)
function(ghost_programs folder)
  file(GLOB mains CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/${folder}/ghost_*.cpp)
  file(GLOB shared CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/${folder}/*.cpp)
  list(REMOVE_ITEM shared ${mains})
  add_library(ghost_cli STATIC ${shared})
  target_link_libraries(ghost_cli PRIVATE $<BUILD_INTERFACE:ghost_options> PUBLIC ghost_train CLI11::CLI11 spdlog::spdlog
    nlohmann_json::nlohmann_json)
  ghost_commit(ghost_cli)
  set(names "")
  foreach(main IN LISTS mains)
    get_filename_component(name ${main} NAME_WE)
    string(REPLACE _ - program ${name})
    add_executable(${program} ${main})
    target_link_libraries(${program} PRIVATE ghost_options ghost_cli)
    add_dependencies(ghost-programs ${program})
    install(TARGETS ${program} COMPONENT programs)
    list(APPEND names ${program})
  endforeach()
  set(ghost_program_names ${names} PARENT_SCOPE)
endfunction()
