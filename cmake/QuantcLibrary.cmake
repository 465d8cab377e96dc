# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# quantc_add_library(NAME sources... [LINK libraries...] [NO_PCH])
#
# A static library of the compiler.  MLIR and LLVM always come from the two
# shared libraries (never from static parts: both would register twice), so
# add_mlir_library is not used.  All libraries share one precompiled header.
function(quantc_add_library name)
  cmake_parse_arguments(ARG "NO_PCH" "" "LINK" ${ARGN})
  add_library(${name} STATIC ${ARG_UNPARSED_ARGUMENTS})
  add_dependencies(${name} QuantcIncGen)
  target_link_libraries(${name} PUBLIC ${ARG_LINK})
  mlir_target_link_libraries(${name} PUBLIC MLIRIR)
  target_link_libraries(${name} PUBLIC LLVM)
  if(NOT ARG_NO_PCH)
    target_precompile_headers(${name} REUSE_FROM QuantcPch)
  endif()
endfunction()

# quantc_add_tool(NAME sources... [LINK libraries...]): a binary in build/bin.
function(quantc_add_tool name)
  cmake_parse_arguments(ARG "NO_PCH" "" "LINK" ${ARGN})
  add_executable(${name} ${ARG_UNPARSED_ARGUMENTS})
  add_dependencies(${name} QuantcIncGen)
  target_link_libraries(${name} PRIVATE ${ARG_LINK})
  mlir_target_link_libraries(${name} PRIVATE MLIRIR)
  target_link_libraries(${name} PRIVATE LLVM)
  # The precompiled header is built with -fPIC, and must match.
  set_target_properties(${name} PROPERTIES POSITION_INDEPENDENT_CODE OFF)
  target_compile_options(${name} PRIVATE -fPIC)
  if(NOT ARG_NO_PCH)
    target_precompile_headers(${name} REUSE_FROM QuantcPch)
  endif()
endfunction()

# quantc_reference_sources(sources...): files that docs/numerics.md binds.  They
# include no MLIR header; products and sums are never contracted, and std::fma
# is one instruction.
function(quantc_reference_sources)
  set(options -O2 -ffp-contract=off)
  if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
    list(APPEND options -march=x86-64-v3)
  endif()
  set_source_files_properties(${ARGN} PROPERTIES
    COMPILE_OPTIONS "${options}" SKIP_PRECOMPILE_HEADERS ON)
endfunction()
