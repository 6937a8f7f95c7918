# fuzz_target(name DEPENDS module...): tests/fuzz/<name>.cpp with the seeds of tests/fuzz/seeds/<name>/.
# The ctest fuzz.<name> replays the seeds; ./check then fuzzes each target for its share of the time.
function(fuzz_target name)
  cmake_parse_arguments(F "" "" "DEPENDS" ${ARGN})
  add_executable(fuzz_${name} ${CMAKE_CURRENT_SOURCE_DIR}/${name}.cpp)
  foreach(dependency IN LISTS F_DEPENDS)
    string(REPLACE "/" "_" target ${dependency})
    target_link_libraries(fuzz_${name} PRIVATE sluice_${target})
  endforeach()
  target_link_libraries(fuzz_${name} PRIVATE sluice_warnings)
  target_link_options(fuzz_${name} PRIVATE -fsanitize=fuzzer)
  file(GLOB seeds ${CMAKE_CURRENT_SOURCE_DIR}/seeds/${name}/*)
  if(NOT seeds)
    message(FATAL_ERROR "fuzz target ${name} has no seeds in tests/fuzz/seeds/${name}")
  endif()
  add_test(NAME fuzz.${name}
    COMMAND fuzz_${name} -runs=0 -timeout=20 ${CMAKE_CURRENT_SOURCE_DIR}/seeds/${name})
  set_property(GLOBAL APPEND PROPERTY SLUICE_FUZZ_TARGETS fuzz_${name})
endfunction()
