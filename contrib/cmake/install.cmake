# What "cmake --install" copies. Pages, completions and units are taken as far as they exist.
include(GNUInstallDirs)

foreach(program forge-ctl forged)
  if(TARGET ${program})
    install(TARGETS ${program} RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
  endif()
endforeach()

foreach(section 1 5 7 8)
  file(GLOB pages CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/contrib/man/*.${section})
  install(FILES ${pages} DESTINATION ${CMAKE_INSTALL_MANDIR}/man${section})
endforeach()

# forge_install_optional(PATTERN FOLDER [NAME]): the files that match, if any.
function(forge_install_optional pattern folder)
  file(GLOB files CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/contrib/${pattern})
  if(files)
    if(ARGC GREATER 2)
      install(FILES ${files} DESTINATION ${folder} RENAME ${ARGV2})
    else()
      install(FILES ${files} DESTINATION ${folder})
    endif()
  endif()
endfunction()

forge_install_optional(systemd/*.service lib/systemd/system)
forge_install_optional(systemd/*.socket lib/systemd/system)
forge_install_optional(completions/forge-ctl.bash ${CMAKE_INSTALL_DATADIR}/bash-completion/completions forge-ctl)
forge_install_optional(completions/forge-ctl.zsh ${CMAKE_INSTALL_DATADIR}/zsh/site-functions _forge-ctl)
forge_install_optional(completions/forge-ctl.fish ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d forge-ctl.fish)
install(FILES ${CMAKE_SOURCE_DIR}/LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})
