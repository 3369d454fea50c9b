# SPDX-License-Identifier: Apache-2.0
# What is installed: the program with its pages; and the engine for others to link, as libstrata.a with its headers,
# a CMake package (find_package(strata), target strata::strata) and a pkg-config file.
include(CMakePackageConfigHelpers)

set(layer_objects "")
foreach(layer base hash codec tar oci driver store archive registry)
  if(TARGET strata_${layer})
    list(APPEND layer_objects $<TARGET_OBJECTS:strata_${layer}>)
    install(DIRECTORY src/${layer} DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/strata COMPONENT devel
      FILES_MATCHING PATTERN "*.h" PATTERN "test_*.h" EXCLUDE)
  endif()
endforeach()
add_library(strata_lib STATIC ${layer_objects})
set_target_properties(strata_lib PROPERTIES OUTPUT_NAME strata LINKER_LANGUAGE CXX
  ARCHIVE_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR})
install(TARGETS strata_lib ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT devel)

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/strata)
configure_package_config_file(cmake/strataConfig.cmake.in strataConfig.cmake INSTALL_DESTINATION ${package_dir}
  PATH_VARS CMAKE_INSTALL_INCLUDEDIR CMAKE_INSTALL_LIBDIR)
write_basic_package_version_file(strataConfigVersion.cmake COMPATIBILITY SameMinorVersion)
file(RELATIVE_PATH PC_TO_PREFIX /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
configure_file(cmake/strata.pc.in strata.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/strataConfig.cmake ${PROJECT_BINARY_DIR}/strataConfigVersion.cmake
  DESTINATION ${package_dir} COMPONENT devel)
install(FILES ${PROJECT_BINARY_DIR}/strata.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig COMPONENT devel)

if(TARGET strata)
  install(TARGETS strata RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT runtime)
endif()
if(EXISTS ${PROJECT_SOURCE_DIR}/docs/man)
  install(DIRECTORY docs/man/ DESTINATION ${CMAKE_INSTALL_MANDIR}/man1 COMPONENT runtime FILES_MATCHING PATTERN "*.1")
endif()
if(EXISTS ${PROJECT_SOURCE_DIR}/docs/completion/strata.bash)
  install(FILES docs/completion/strata.bash DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions
    RENAME strata COMPONENT runtime)
endif()

# `make deb`: two packages, strata and libstrata-dev.
set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_CONTACT "strata developers <strata@localhost>")
set(CPACK_PACKAGE_VENDOR "strata")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_COMPONENTS_ALL runtime devel)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_ENABLE_COMPONENT_DEPENDS OFF)
set(CPACK_DEBIAN_RUNTIME_PACKAGE_NAME strata)
set(CPACK_DEBIAN_RUNTIME_PACKAGE_SECTION admin)
set(CPACK_DEBIAN_RUNTIME_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_RUNTIME_PACKAGE_DEPENDS "libcurl4")  # opened at run time: dpkg-shlibdeps does not see it
set(CPACK_DEBIAN_DEVEL_PACKAGE_NAME libstrata-dev)
set(CPACK_DEBIAN_DEVEL_PACKAGE_SECTION libdevel)
set(CPACK_DEBIAN_DEVEL_PACKAGE_DEPENDS
  "libssl-dev, libisal-dev, libdeflate-dev, libzstd-dev, liblzma-dev, libbz2-dev, libboost-json1.81-dev, libfmt-dev, libcurl4-openssl-dev")
set(CPACK_COMPONENT_RUNTIME_DESCRIPTION "Loads, saves, lists, inspects and removes container images in the data root of
 dockerd's overlay2 driver, while no daemon runs.")
set(CPACK_COMPONENT_DEVEL_DESCRIPTION "The engine of strata as a static library, with its headers.")
include(CPack)
