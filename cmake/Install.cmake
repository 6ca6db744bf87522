# What `cmake --install` and CPack deliver: the programs, their manual and completions, and the library
# as one archive behind the target sandfleet::sandfleet.

include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

# The same name within this build, for those that add_subdirectory() it.
add_library(sandfleet::sandfleet ALIAS sandfleet_engine)

# One archive of all that the engine is made of, so that nobody has to know its parts.
set(parts sandfleet_core sandfleet_protocol sandfleet_transport sandfleet_tls sandfleet_journal
          sandfleet_docker
          sandfleet_providers sandfleet_actors
          sandfleet_agent_client sandfleet_engine)
list(TRANSFORM parts REPLACE "(.+)" "$<TARGET_OBJECTS:\\1>" OUTPUT_VARIABLE objects)
add_library(sandfleet_installed STATIC ${objects})
set_target_properties(sandfleet_installed PROPERTIES
  OUTPUT_NAME sandfleet EXPORT_NAME sandfleet LINKER_LANGUAGE CXX)
target_compile_features(sandfleet_installed INTERFACE cxx_std_20)
target_include_directories(sandfleet_installed INTERFACE
  "$<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>")
target_link_libraries(sandfleet_installed INTERFACE
  tl::expected Boost::headers Threads::Threads $<LINK_ONLY:spdlog::spdlog> $<LINK_ONLY:CAF::core>
  $<LINK_ONLY:simdjson::simdjson> $<LINK_ONLY:archive> $<LINK_ONLY:sqlite3>
  $<LINK_ONLY:OpenSSL::SSL> $<LINK_ONLY:OpenSSL::Crypto>)

set(package_dir "${CMAKE_INSTALL_LIBDIR}/cmake/sandfleet")
install(TARGETS sandfleet_installed EXPORT sandfleet_targets
        ARCHIVE DESTINATION "${CMAKE_INSTALL_LIBDIR}")
install(EXPORT sandfleet_targets NAMESPACE sandfleet:: FILE sandfleet-targets.cmake
        DESTINATION "${package_dir}")
install(DIRECTORY "${PROJECT_SOURCE_DIR}/runtime/include/sandfleet"
        DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}" FILES_MATCHING PATTERN "*.hpp")
configure_package_config_file("${PROJECT_SOURCE_DIR}/cmake/sandfleet-config.cmake.in"
  "${PROJECT_BINARY_DIR}/package/sandfleet-config.cmake"
  INSTALL_DESTINATION "${package_dir}" PATH_VARS CMAKE_INSTALL_LIBEXECDIR)
# Before 1.0 a minor version may break what was.
write_basic_package_version_file("${PROJECT_BINARY_DIR}/package/sandfleet-config-version.cmake"
  COMPATIBILITY SameMinorVersion)
install(FILES "${PROJECT_BINARY_DIR}/package/sandfleet-config.cmake"
              "${PROJECT_BINARY_DIR}/package/sandfleet-config-version.cmake"
              "${PROJECT_SOURCE_DIR}/cmake/FindCAF.cmake"
        DESTINATION "${package_dir}")

# What is found beside `sandfleet` or here needs no setting (runtime/engine/programs.cpp).
install(TARGETS sandfleet RUNTIME DESTINATION "${CMAKE_INSTALL_BINDIR}")
install(TARGETS sandfleet-agent sandfleet-launcher
        RUNTIME DESTINATION "${CMAKE_INSTALL_LIBEXECDIR}/sandfleet")

# The program writes these itself, from the definition of its command line.
set(texts "${PROJECT_BINARY_DIR}/package/texts")
add_custom_command(
  OUTPUT "${texts}/sandfleet.1.gz" "${texts}/sandfleet" "${texts}/_sandfleet" "${texts}/sandfleet.fish"
  COMMAND "${CMAKE_COMMAND}" -E make_directory "${texts}"
  COMMAND sandfleet manual > "${texts}/sandfleet.1"
  COMMAND gzip -9 -n -f "${texts}/sandfleet.1"
  COMMAND sandfleet completion bash > "${texts}/sandfleet"
  COMMAND sandfleet completion zsh > "${texts}/_sandfleet"
  COMMAND sandfleet completion fish > "${texts}/sandfleet.fish"
  DEPENDS sandfleet COMMENT "Writing the manual and the completions" VERBATIM)
add_custom_target(sandfleet_texts ALL DEPENDS
  "${texts}/sandfleet.1.gz" "${texts}/sandfleet" "${texts}/_sandfleet" "${texts}/sandfleet.fish")
install(FILES "${texts}/sandfleet.1.gz" DESTINATION "${CMAKE_INSTALL_MANDIR}/man1")
install(FILES "${texts}/sandfleet"
        DESTINATION "${CMAKE_INSTALL_DATADIR}/bash-completion/completions")
install(FILES "${texts}/_sandfleet" DESTINATION "${CMAKE_INSTALL_DATADIR}/zsh/vendor-completions")
install(FILES "${texts}/sandfleet.fish" DESTINATION "${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d")
install(FILES "${PROJECT_SOURCE_DIR}/LICENSE" DESTINATION "${CMAKE_INSTALL_DOCDIR}" RENAME copyright)
install(FILES "${PROJECT_SOURCE_DIR}/README.md" "${PROJECT_SOURCE_DIR}/docs/security.md"
              "${PROJECT_SOURCE_DIR}/docs/service.md" "${PROJECT_SOURCE_DIR}/docs/operating.md"
        DESTINATION "${CMAKE_INSTALL_DOCDIR}")
# Debian looks for units there whatever the architecture's library directory is; what its
# administrator may change is an example until it is copied.
install(FILES "${PROJECT_SOURCE_DIR}/tools/packaging/sandfleet.service"
        DESTINATION lib/systemd/system)
install(FILES "${PROJECT_SOURCE_DIR}/tools/packaging/sandfleet.default"
              "${PROJECT_SOURCE_DIR}/tools/packaging/Dockerfile"
        DESTINATION "${CMAKE_INSTALL_DOCDIR}/examples")

# `cpack -G DEB` in the build directory makes sandfleet_VERSION_ARCH.deb of all that.
set(CMAKE_SKIP_INSTALL_ALL_DEPENDENCY ON) # tests are not needed for it
set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME sandfleet)
set(CPACK_PACKAGE_VENDOR "Sandfleet")
set(CPACK_PACKAGE_CONTACT "Sandfleet maintainers <maintainers@sandfleet.invalid>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "sandboxes for AI agents and evaluations")
set(CPACK_PACKAGE_DESCRIPTION
"Starts sandboxes for AI agents and for evaluation systems, runs commands in
them, watches over them, and takes them away again. The package holds the
command line sandfleet, the agent and the launcher that it needs, and the C++
library with its headers and its CMake package.")
set(CPACK_STRIP_FILES ON)
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION devel)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_RECOMMENDS "bash, uidmap")
set(CPACK_DEBIAN_PACKAGE_SUGGESTS
    "cmake, g++, libcaf-dev, libboost1.81-dev | libboost-dev, libspdlog-dev, libexpected-dev, libssl-dev, libsqlite3-dev")
include(CPack)
