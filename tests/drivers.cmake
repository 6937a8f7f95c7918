# driver_test(group file): a Python file that drives the real binary becomes the ctest <group>.<name>.
# The interpreter is the one of .venv (requirements-dev.txt); without it these tests fail with one sentence.
set(SLUICE_PYTHON ${CMAKE_SOURCE_DIR}/.venv/bin/python3 CACHE FILEPATH "Python with requirements-dev.txt installed")

function(driver_test group file)
  get_filename_component(name ${file} NAME_WE)
  string(REGEX REPLACE "^test_" "" name ${name})
  add_test(NAME ${group}.${name}
    COMMAND ${SLUICE_PYTHON} -B -m pytest -q -rfEs -p no:cacheprovider ${file} WORKING_DIRECTORY ${CMAKE_SOURCE_DIR}/tests)
  set_tests_properties(${group}.${name} PROPERTIES
    LABELS driver TIMEOUT 300 SKIP_RETURN_CODE 77
    # The plugins that come with the clients would cost every file seconds.
    ENVIRONMENT "PYTEST_DISABLE_PLUGIN_AUTOLOAD=1;SLUICE_BINARY=$<TARGET_FILE:sluice>;SLUICE_SOURCE=${CMAKE_SOURCE_DIR}")
endfunction()
