# What cmake --install lays down besides the programs: headers under include/ghost, where they have the paths by which they
# include each other, static libraries, configurations, documents, manual pages, completion, and the package that
# find_package(ghost) finds: ghost::core, nn, data, train and cli (the programs as functions), and ghost::ghost for all
# of them. No installed file names the prefix: the whole tree may be moved.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)
set(ghost_headers ${CMAKE_INSTALL_INCLUDEDIR}/ghost)
set(ghost_package ${CMAKE_INSTALL_LIBDIR}/cmake/ghost)

add_library(ghost_ghost INTERFACE)
set(ghost_installed ghost_ghost)
foreach(name core nn data train cli)
  target_link_libraries(ghost_ghost INTERFACE ghost_${name})
  list(APPEND ghost_installed ghost_${name})
endforeach()
foreach(target IN LISTS ghost_installed)
  string(REPLACE ghost_ "" name ${target})
  set_target_properties(${target} PROPERTIES EXPORT_NAME ${name})
endforeach()
install(TARGETS ${ghost_installed} EXPORT ghost COMPONENT development INCLUDES DESTINATION ${ghost_headers})
install(EXPORT ghost NAMESPACE ghost:: FILE ghostTargets.cmake DESTINATION ${ghost_package} COMPONENT development)
install(DIRECTORY core nn data train DESTINATION ${ghost_headers} COMPONENT development
  FILES_MATCHING PATTERN *.h PATTERN isa EXCLUDE PATTERN assets EXCLUDE)

configure_package_config_file(cmake/ghostConfig.cmake.in ${CMAKE_BINARY_DIR}/ghostConfig.cmake
  INSTALL_DESTINATION ${ghost_package})
write_basic_package_version_file(${CMAKE_BINARY_DIR}/ghostConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_BINARY_DIR}/ghostConfig.cmake ${CMAKE_BINARY_DIR}/ghostConfigVersion.cmake
  cmake/GhostOpenBLAS.cmake DESTINATION ${ghost_package} COMPONENT development)

# README.md and docs/ link to each other, to LICENSE and to the examples.
install(DIRECTORY configs DESTINATION ${CMAKE_INSTALL_DATADIR}/ghost COMPONENT programs)
install(PROGRAMS tools/pth-to-safetensors DESTINATION ${CMAKE_INSTALL_DATADIR}/ghost/tools COMPONENT programs)
install(FILES README.md LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT programs)
install(FILES CHANGELOG.md CONTRIBUTING.md DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT programs OPTIONAL)
install(DIRECTORY docs DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT programs)
install(DIRECTORY examples DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT development)
include(GhostManuals)
ghost_manuals(${ghost_program_names})

# Takes away what the last `cmake --install` laid down.
add_custom_target(uninstall VERBATIM COMMENT "Removing what was installed"
  COMMAND ${CMAKE_COMMAND} -DMANIFEST=${CMAKE_BINARY_DIR}/install_manifest.txt
    -P ${CMAKE_SOURCE_DIR}/cmake/GhostUninstall.cmake)
include(GhostDebian)
