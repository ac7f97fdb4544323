# ghost_embed(<target> <namespace> NAME=FILE …): each file becomes `const std::string_view <namespace>::NAME` in the target.
# As a script it writes that source: cmake -DOUT=… -DNAMESPACE=… -DFILES=NAME=FILE;… -P GhostEmbed.cmake
if(CMAKE_SCRIPT_MODE_FILE)
  set(text "#include <string_view>\nnamespace ${NAMESPACE} {\n")
  foreach(entry IN LISTS FILES)
    string(REGEX MATCH "^([^=]+)=(.*)$" ignored "${entry}")
    set(name ${CMAKE_MATCH_1})
    file(READ "${CMAKE_MATCH_2}" bytes HEX)
    string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${bytes}")
    string(APPEND text "static const unsigned char ${name}_bytes[] = {${bytes}0};\nextern const std::string_view ${name};\n"
      "const std::string_view ${name}(reinterpret_cast<const char*>(${name}_bytes), sizeof ${name}_bytes - 1);\n")
  endforeach()
  file(WRITE "${OUT}" "${text}}  // namespace ${NAMESPACE}\n")
  return()
endif()

set(GHOST_EMBED_SCRIPT ${CMAKE_CURRENT_LIST_FILE})
function(ghost_embed target namespace)
  set(files "")
  foreach(entry IN LISTS ARGN)
    string(REGEX REPLACE "^[^=]+=" "" file "${entry}")
    list(APPEND files ${file})
  endforeach()
  set(source ${CMAKE_BINARY_DIR}/${target}_embedded.cpp)
  add_custom_command(OUTPUT ${source} DEPENDS ${files} ${GHOST_EMBED_SCRIPT} VERBATIM
    COMMAND ${CMAKE_COMMAND} -DOUT=${source} -DNAMESPACE=${namespace} "-DFILES=${ARGN}" -P ${GHOST_EMBED_SCRIPT})
  target_sources(${target} PRIVATE ${source})
endfunction()
