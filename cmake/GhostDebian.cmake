# `cmake --build build/release --target package` makes two Debian packages beside the build's files: ghost, the programs
# with their documents, and ghost-dev, what programs of one's own are built with. Debian has no package of either name.
# CPack's own target of that name would first build everything, tests included; it exists only if CPack's configuration
# has its usual name.
set(CPACK_OUTPUT_CONFIG_FILE ${CMAKE_BINARY_DIR}/GhostCPack.cmake)
set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME ghost)
set(CPACK_PACKAGE_VENDOR "Ghost project")
set(CPACK_PACKAGE_CONTACT "Ghost project <ghost@localhost>")  # the project is reached by no address
set(CPACK_PACKAGE_DIRECTORY ${CMAKE_BINARY_DIR})
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ
  WORLD_EXECUTE)
set(CPACK_COMPONENTS_ALL programs development debian_programs debian_development)
set(CPACK_COMPONENTS_GROUPING ONE_PER_GROUP)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)

set(CPACK_DEBIAN_GHOST_PACKAGE_NAME ghost)
set(CPACK_DEBIAN_GHOST_PACKAGE_SECTION science)
set(CPACK_DEBIAN_GHOST_PACKAGE_SHLIBDEPS ON)
# The programs look for OpenBLAS in the folder of this build of it; any build would do for what dpkg-shlibdeps writes.
set(CPACK_DEBIAN_GHOST_PACKAGE_DEPENDS libopenblas0-openmp)
set(CPACK_DEBIAN_GHOST_PACKAGE_SUGGESTS "ghost-dev, dataset-fashion-mnist, python3")
set(CPACK_COMPONENT_GHOST_DESCRIPTION "trains convolutional networks on CPUs
Ghost trains, tests, compares and examines convolutional networks for pictures
on ordinary processors: GhostNet, ResNet, ResNeXt, VGG, MobileNet and networks
with cheap convolutions in place of their own. A network is described by one
YAML file; weights are exchanged with PyTorch as safetensors.")

set(CPACK_DEBIAN_DEV_PACKAGE_NAME ghost-dev)
set(CPACK_DEBIAN_DEV_PACKAGE_SECTION libdevel)
# What ghostConfig.cmake looks for.
set(CPACK_DEBIAN_DEV_PACKAGE_DEPENDS "libopenblas-openmp-dev, libfmt-dev, libspdlog-dev, libyaml-cpp-dev, libcli11-dev, nlohmann-json3-dev, libjpeg-dev, libutf8proc-dev, zlib1g-dev")
set(CPACK_DEBIAN_DEV_PACKAGE_SUGGESTS "ghost, g++, cmake")
set(CPACK_COMPONENT_DEV_DESCRIPTION "libraries and headers for networks of one's own in Ghost
Ghost trains convolutional networks on ordinary processors. This package holds
its static libraries, headers and the CMake package by which a program of
one's own registers a network and has all commands of Ghost for it.")

# What Debian wants of a package, and no other installation has.
string(TIMESTAMP ghost_build_date "%a, %d %b %Y %H:%M:%S +0000" UTC)
configure_file(cmake/debian/changelog.in ${CMAKE_BINARY_DIR}/debian/changelog @ONLY)
add_custom_command(OUTPUT ${CMAKE_BINARY_DIR}/debian/changelog.gz DEPENDS ${CMAKE_BINARY_DIR}/debian/changelog VERBATIM
  COMMAND ${GHOST_GZIP} -9nkf ${CMAKE_BINARY_DIR}/debian/changelog)
foreach(package_component ghost:debian_programs ghost-dev:debian_development)
  string(REGEX MATCH "^(.*):(.*)$" ignored ${package_component})
  set(package ${CMAKE_MATCH_1})
  set(component ${CMAKE_MATCH_2})
  install(FILES cmake/debian/copyright ${CMAKE_BINARY_DIR}/debian/changelog.gz COMPONENT ${component} EXCLUDE_FROM_ALL
    DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/${package})
  install(FILES cmake/debian/${package}.lintian-overrides RENAME ${package} COMPONENT ${component} EXCLUDE_FROM_ALL
    DESTINATION ${CMAKE_INSTALL_DATADIR}/lintian/overrides)
endforeach()

include(CPack)
cpack_add_component(programs GROUP ghost)
cpack_add_component(debian_programs GROUP ghost)
cpack_add_component(development GROUP dev)
cpack_add_component(debian_development GROUP dev)

# Without these two CPack would leave out the libraries that the programs need.
find_program(GHOST_SHLIBDEPS dpkg-shlibdeps)
find_program(GHOST_FILE file)
if(NOT GHOST_SHLIBDEPS OR NOT GHOST_FILE)
  add_custom_target(package VERBATIM
    COMMAND ${CMAKE_COMMAND} -E echo "The package needs dpkg-shlibdeps and file: run tools/install-dependencies --with-package, then cmake --preset release"
    COMMAND ${CMAKE_COMMAND} -E false)
  return()
endif()
add_custom_target(package VERBATIM USES_TERMINAL DEPENDS ${CMAKE_BINARY_DIR}/debian/changelog.gz
  COMMAND ${CMAKE_CPACK_COMMAND} --config ${CPACK_OUTPUT_CONFIG_FILE})
add_dependencies(package ghost-programs ${ghost_installed})
