# ghost::openblas: the OpenBLAS build with OpenMP threads, found by its own folder. All builds share one SONAME and the
# alternatives system may hand out another, so the folder, GHOST_OPENBLAS_FOLDER, belongs in the rpath of everything that
# links it. Used by the build and by the installed package.
find_path(GHOST_OPENBLAS_INCLUDE cblas.h PATH_SUFFIXES ${CMAKE_LIBRARY_ARCHITECTURE}/openblas-openmp openblas-openmp
  ${CMAKE_LIBRARY_ARCHITECTURE} openblas REQUIRED)
find_library(GHOST_OPENBLAS_LIBRARY openblas PATH_SUFFIXES ${CMAKE_LIBRARY_ARCHITECTURE}/openblas-openmp openblas-openmp
  NO_CMAKE_SYSTEM_PATH PATHS /usr/lib /usr/local/lib REQUIRED)
get_filename_component(GHOST_OPENBLAS_FOLDER ${GHOST_OPENBLAS_LIBRARY} DIRECTORY)
if(NOT TARGET ghost::openblas)
  add_library(ghost::openblas INTERFACE IMPORTED GLOBAL)
  set_target_properties(ghost::openblas PROPERTIES INTERFACE_INCLUDE_DIRECTORIES ${GHOST_OPENBLAS_INCLUDE})
  # OpenMP only to tell OpenBLAS that it runs alone; nothing is compiled with it.
  target_link_libraries(ghost::openblas INTERFACE ${GHOST_OPENBLAS_LIBRARY} ${OpenMP_CXX_LIBRARIES})
endif()
