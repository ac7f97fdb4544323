# The target `reference`: build/<preset>/reference/html/index.html, the public headers by Doxygen. A warning is an error.
# tools/install-dependencies --with-docs installs Doxygen; nothing else needs it.
find_package(Doxygen QUIET)
if(NOT DOXYGEN_FOUND)
  add_custom_target(reference VERBATIM
    COMMAND ${CMAKE_COMMAND} -E echo "The reference needs Doxygen: run tools/install-dependencies --with-docs, then cmake --preset release"
    COMMAND ${CMAKE_COMMAND} -E false)
  return()
endif()

set(DOXYGEN_PROJECT_NAME Ghost)
set(DOXYGEN_PROJECT_BRIEF "trains convolutional networks on CPUs")
set(DOXYGEN_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/reference)
set(DOXYGEN_USE_MDFILE_AS_MAINPAGE README.md)
set(DOXYGEN_FILE_PATTERNS *.h *.md)
set(DOXYGEN_EXCLUDE_PATTERNS "*/kernels/isa/*" "*/docs/img/*")
set(DOXYGEN_IMAGE_PATH docs docs/img)
set(DOXYGEN_FILTER_PATTERNS "*.h=awk -f ${CMAKE_SOURCE_DIR}/cmake/doxygen-comments.awk"
  "*.md=awk -f ${CMAKE_SOURCE_DIR}/cmake/doxygen-pages.awk")
set(DOXYGEN_STRIP_FROM_PATH ${CMAKE_SOURCE_DIR})
set(DOXYGEN_STRIP_FROM_INC_PATH ${CMAKE_SOURCE_DIR})
set(DOXYGEN_JAVADOC_AUTOBRIEF YES)  # the first sentence is the short description
set(DOXYGEN_EXTRACT_ALL YES)
set(DOXYGEN_EXTRACT_STATIC YES)
set(DOXYGEN_HIDE_FRIEND_COMPOUNDS YES)
set(DOXYGEN_SORT_MEMBER_DOCS NO)  # in the order of the header
set(DOXYGEN_BUILTIN_STL_SUPPORT YES)
set(DOXYGEN_MACRO_EXPANSION YES)
set(DOXYGEN_EXPAND_ONLY_PREDEF YES)
set(DOXYGEN_HAVE_DOT NO)
set(DOXYGEN_GENERATE_LATEX NO)
set(DOXYGEN_HTML_EXTRA_STYLESHEET ${CMAKE_SOURCE_DIR}/cmake/reference.css)
set(DOXYGEN_GENERATE_TREEVIEW YES)
set(DOXYGEN_TOC_INCLUDE_HEADINGS 3)
set(DOXYGEN_QUIET YES)
set(DOXYGEN_WARN_IF_UNDOCUMENTED NO)
set(DOXYGEN_WARN_AS_ERROR FAIL_ON_WARNINGS)
file(GLOB pages CONFIGURE_DEPENDS RELATIVE ${CMAKE_SOURCE_DIR} *.md)
doxygen_add_docs(reference ${pages} docs core nn data train
  WORKING_DIRECTORY ${CMAKE_SOURCE_DIR} COMMENT "Writing the reference")
