# forge_room(NAME FOLDER LIBRARIES...): the library forge_NAME, made of all of FOLDER's .c files but main.c.
# A room that has no source yet only passes on what it links, so the tree builds at any stage.
# A file named *_main.c is a program of its own, described where it is built, and is left out as well.
function(forge_room name folder)
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/${folder}/*.c)
  list(FILTER sources EXCLUDE REGEX "[/_]main\\.c$")
  if(sources)
    add_library(forge_${name} STATIC ${sources})
    target_link_libraries(forge_${name} PUBLIC ${ARGN})
  else()
    add_library(forge_${name} INTERFACE)
    target_link_libraries(forge_${name} INTERFACE ${ARGN})
  endif()
endfunction()

# forge_program(NAME ROOM): the program NAME from the room's main.c.
function(forge_program name room)
  file(GLOB main CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/reconciler/${room}/main.c)
  if(main)
    add_executable(${name} ${main})
    target_link_libraries(${name} PRIVATE forge_${room})
  else()
    message(STATUS "${name}: reconciler/${room}/main.c is not there yet")
  endif()
endfunction()
