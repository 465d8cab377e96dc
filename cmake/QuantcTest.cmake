# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# quantc_add_unittest(NAME sources... [LINK libraries...] [INCLUDE folders...]
#                     [NO_PCH])
#
# One GoogleTest binary in build/test/unit, found there by lit (check-unit).
# NAME ends in Test or Tests.  NO_PCH is for tests of code without MLIR, such
# as the runtime: they neither see nor link the compiler's libraries.
find_package(GTest REQUIRED)
add_custom_target(QuantcUnitTests)

function(quantc_add_unittest name)
  cmake_parse_arguments(ARG "NO_PCH" "" "LINK;INCLUDE" ${ARGN})
  add_executable(${name} EXCLUDE_FROM_ALL ${ARG_UNPARSED_ARGUMENTS})
  target_include_directories(${name} PRIVATE ${ARG_INCLUDE})
  target_link_libraries(${name} PRIVATE ${ARG_LINK} GTest::gtest_main)
  set_target_properties(${name} PROPERTIES
    RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/test/unit)
  if(NOT ARG_NO_PCH)
    add_dependencies(${name} QuantcIncGen)
    mlir_target_link_libraries(${name} PRIVATE MLIRIR)
    target_link_libraries(${name} PRIVATE LLVM)
    set_target_properties(${name} PROPERTIES POSITION_INDEPENDENT_CODE OFF)
    target_compile_options(${name} PRIVATE -fPIC)
    target_precompile_headers(${name} REUSE_FROM QuantcPch)
  endif()
  add_dependencies(QuantcUnitTests ${name})
endfunction()
