# Language, warnings, hardening and sanitizers, for every target of the project.
include(CheckCCompilerFlag)
include(CheckLinkerFlag)

set(CMAKE_C_STANDARD 17)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS OFF)
set(CMAKE_C_FLAGS_DEBUG "-Og -g")
set(CMAKE_C_FLAGS_RELEASE "-O2 -g1")

# Empty, as a source that says "#define _GNU_SOURCE" has it, so that the two agree.
add_compile_definitions(_GNU_SOURCE=)

# Missing initialisers are zero on purpose: tables name what they set, and so do the libraries' INIT macros.
add_compile_options(
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wvla -Wformat=2 -Wmissing-prototypes -Wstrict-prototypes
  -Wcast-qual -Wimplicit-fallthrough -Wundef -Wwrite-strings -Wpointer-arith
  -Wno-missing-field-initializers)
if(CMAKE_C_COMPILER_ID MATCHES Clang)
  add_compile_options(-Wno-string-conversion) # assert(!"why")
endif()
if(FORGE_WERROR)
  add_compile_options(-Werror)
endif()
if(FORGE_ANALYZER)
  add_compile_options(-fanalyzer)
endif()

# Functions that do not compile here are listed in one header, which every source includes first.
file(GLOB banned CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/base/banned.h)
if(banned)
  add_compile_options("SHELL:-include ${banned}")
endif()

function(forge_compile_flag flag)
  string(MAKE_C_IDENTIFIER "HAVE_CFLAG_${flag}" have)
  check_c_compiler_flag("${flag}" ${have})
  if(${have})
    add_compile_options("${flag}")
  endif()
endfunction()

function(forge_link_flag flag)
  string(MAKE_C_IDENTIFIER "HAVE_LDFLAG_${flag}" have)
  check_linker_flag(C "${flag}" ${have})
  if(${have})
    add_link_options("${flag}")
  endif()
endfunction()

add_compile_options(-fvisibility=hidden -ffunction-sections -fdata-sections -fPIE)
add_link_options(-pie)
forge_link_flag(-Wl,--gc-sections)
forge_link_flag(-Wl,--as-needed)

if(FORGE_SANITIZE)
  add_compile_options(-fsanitize=${FORGE_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${FORGE_SANITIZE})
else()
  forge_compile_flag(-fstack-protector-strong)
  forge_compile_flag(-fstack-clash-protection)
  forge_link_flag(-Wl,-z,relro)
  forge_link_flag(-Wl,-z,now)
  forge_link_flag(-Wl,-z,noexecstack)
  add_compile_options("SHELL:-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3")
endif()

if(FORGE_FUZZ)
  if(NOT CMAKE_C_COMPILER_ID MATCHES Clang)
    message(FATAL_ERROR "FORGE_FUZZ needs clang: use the preset \"fuzz\"")
  endif()
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()
