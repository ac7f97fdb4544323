# ghost_manuals(<program>…): manual pages and the completion of three shells, printed by the programs themselves when they
# are built, and where they are installed. As a script it makes those of one program:
# cmake -DPROGRAM=… -DNAME=… -DOUT=… -DGZIP=… -P GhostManuals.cmake
if(CMAKE_SCRIPT_MODE_FILE)
  set(ENV{GHOST_LOG} "")
  set(ENV{GHOST_ISA} "")
  function(print file)
    execute_process(COMMAND ${PROGRAM} ${ARGN} OUTPUT_FILE ${OUT}/${file} COMMAND_ERROR_IS_FATAL ANY)
  endfunction()
  string(REPLACE - _ function ${NAME})
  print(${NAME}.1 --help-man)
  execute_process(COMMAND ${GZIP} -9nf ${OUT}/${NAME}.1 COMMAND_ERROR_IS_FATAL ANY)
  print(${NAME}.bash --help-completion bash)
  print(${NAME}.fish --help-completion fish)
  print(_${function} --help-completion zsh)
  return()
endif()

set(GHOST_MANUALS_SCRIPT ${CMAKE_CURRENT_LIST_FILE})
find_program(GHOST_GZIP gzip REQUIRED)
function(ghost_manuals)
  set(out ${CMAKE_BINARY_DIR}/manuals)
  file(MAKE_DIRECTORY ${out})
  set(pages "")
  foreach(program IN LISTS ARGN)
    string(REPLACE - _ function ${program})
    set(page ${out}/${program}.1.gz)
    set(shells ${out}/${program}.bash ${out}/${program}.fish ${out}/_${function})
    add_custom_command(OUTPUT ${page} ${shells} DEPENDS ${program} ${GHOST_MANUALS_SCRIPT} VERBATIM
      COMMENT "Printing the manual page and the completion of ${program}"
      COMMAND ${CMAKE_COMMAND} -DPROGRAM=$<TARGET_FILE:${program}> -DNAME=${program} -DOUT=${out} -DGZIP=${GHOST_GZIP}
        -P ${GHOST_MANUALS_SCRIPT})
    list(APPEND pages ${page})
    install(FILES ${page} DESTINATION ${CMAKE_INSTALL_MANDIR}/man1 COMPONENT programs)
    install(FILES ${out}/${program}.bash RENAME ${program} COMPONENT programs
      DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions)
    install(FILES ${out}/${program}.fish COMPONENT programs DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d)
    # Debian's zsh looks elsewhere for what packages bring.
    install(FILES ${out}/_${function} COMPONENT zsh DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/site-functions)
    install(FILES ${out}/_${function} COMPONENT debian_programs EXCLUDE_FROM_ALL
      DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/vendor-completions)
  endforeach()
  add_custom_target(ghost-manuals ALL DEPENDS ${pages})
  add_dependencies(ghost-programs ghost-manuals)
endfunction()
