# The engine as a library for C programs: what `cmake -DHUB=OFF` builds and installs. One set of objects becomes
# libsluice.so, which shows sluice_* and nothing else, and libsluice.a.
include(GNUInstallDirs)

set(modules base vlm_tensor vlm_formats vlm_kernels vlm_tokenizer vlm_image vlm_models vlm_generation vlm_c)
set(objects)
foreach(module IN LISTS modules)
  list(APPEND objects $<TARGET_OBJECTS:sluice_${module}>)
endforeach()
set(needed fmt::fmt simdjson::simdjson Threads::Threads PkgConfig::xxhash PkgConfig::utf8proc PkgConfig::libjpeg
  PkgConfig::libpng PkgConfig::libwebp)

add_library(sluice_shared SHARED ${objects})
target_link_libraries(sluice_shared PRIVATE ${needed})
target_link_options(sluice_shared PRIVATE -Wl,--version-script=${CMAKE_CURRENT_LIST_DIR}/package/sluice.map
  -Wl,--no-undefined)
set_property(TARGET sluice_shared APPEND PROPERTY LINK_DEPENDS ${CMAKE_CURRENT_LIST_DIR}/package/sluice.map)
add_library(sluice_static STATIC ${objects})
set_target_properties(sluice_shared sluice_static PROPERTIES OUTPUT_NAME sluice LINKER_LANGUAGE CXX)
set_target_properties(sluice_shared PROPERTIES VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR})

foreach(file sluice.pc sluice-config.cmake)
  configure_file(${CMAKE_CURRENT_LIST_DIR}/package/${file}.in ${CMAKE_BINARY_DIR}/package/${file} @ONLY)
endforeach()
include(CMakePackageConfigHelpers)
write_basic_package_version_file(${CMAKE_BINARY_DIR}/package/sluice-config-version.cmake
  COMPATIBILITY SameMinorVersion)

install(TARGETS sluice_shared sluice_static LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}
  ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(FILES ${CMAKE_SOURCE_DIR}/src/vlm/c/sluice.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(FILES ${CMAKE_BINARY_DIR}/package/sluice.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
install(FILES ${CMAKE_BINARY_DIR}/package/sluice-config.cmake
  ${CMAKE_BINARY_DIR}/package/sluice-config-version.cmake DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/sluice)
