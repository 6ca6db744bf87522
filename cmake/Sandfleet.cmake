# The three kinds of target, so that each folder says only what it holds.

# sandfleet_library(name SOURCES a.cpp ... DEPS target ...)
function(sandfleet_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPS" ${ARGN})
  add_library(${name} STATIC ${ARG_SOURCES})
  target_include_directories(${name} PUBLIC "${PROJECT_SOURCE_DIR}"
                                            "${PROJECT_SOURCE_DIR}/runtime/include")
  target_link_libraries(${name} PUBLIC ${ARG_DEPS} PRIVATE sandfleet_warnings)
endfunction()

# sandfleet_program(name [STATIC] SOURCES main.cpp ... DEPS target ...)
# STATIC: no shared library at all, and stripped; ignored under a sanitizer, which needs them.
function(sandfleet_program name)
  cmake_parse_arguments(ARG "STATIC" "" "SOURCES;DEPS" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_include_directories(${name} PRIVATE "${PROJECT_SOURCE_DIR}"
                                             "${PROJECT_SOURCE_DIR}/runtime/include")
  target_link_libraries(${name} PRIVATE ${ARG_DEPS} sandfleet_warnings)
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/bin")
  if(ARG_STATIC AND NOT SANDFLEET_SANITIZE)
    target_link_options(${name} PRIVATE -static -Wl,--gc-sections)
    if(CMAKE_BUILD_TYPE STREQUAL "Release")
      target_link_options(${name} PRIVATE -s)
    endif()
  endif()
endfunction()

# sandfleet_test(name [ISOLATED] [DOCKER|WITH_DOCKER] SOURCES a_test.cpp ... DEPS target ... [LABELS l ...] [TIMEOUT s] [SLOW pattern])
# Tests of one binary share no state; those labelled "slow" run only under `tools/dev test --all`.
# ISOLATED: they start isolated sandboxes, and are skipped where there can be none.
# DOCKER: they want a Docker engine (tests/support/docker_engine.py), and are skipped where there is
# none. WITH_DOCKER: they run once more, in containers. SLOW: those of that pattern are labelled "slow".
function(sandfleet_test name)
  cmake_parse_arguments(ARG "ISOLATED;DOCKER;WITH_DOCKER" "TIMEOUT;SLOW" "SOURCES;DEPS;LABELS" ${ARGN})
  if(ARG_ISOLATED)
    list(APPEND ARG_SOURCES "${PROJECT_SOURCE_DIR}/tests/support/needs_namespaces.cpp")
  endif()
  if(ARG_DOCKER OR ARG_WITH_DOCKER)
    list(APPEND ARG_SOURCES "${PROJECT_SOURCE_DIR}/tests/support/needs_docker.cpp")
  endif()
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 60)
  endif()
  add_executable(${name} ${ARG_SOURCES})
  target_include_directories(${name} PRIVATE "${PROJECT_SOURCE_DIR}"
                                             "${PROJECT_SOURCE_DIR}/runtime/include")
  target_link_libraries(${name} PRIVATE ${ARG_DEPS} GTest::gtest GTest::gtest_main
                                        sandfleet_warnings)
  # What a test costs is its compilation.
  target_compile_options(${name} PRIVATE $<$<CONFIG:Release>:-O0>)
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/tests")
  set(properties TIMEOUT ${ARG_TIMEOUT} ENVIRONMENT "SANDFLEET_BIN=${CMAKE_BINARY_DIR}/bin")
  if(ARG_LABELS)
    list(APPEND properties LABELS "${ARG_LABELS}")
  endif()
  if(ARG_SLOW)
    gtest_discover_tests(${name} TEST_PREFIX "${name}." TEST_LIST ${name}_slow TEST_FILTER "${ARG_SLOW}"
      DISCOVERY_MODE PRE_TEST NO_PRETTY_VALUES PROPERTIES ${properties} LABELS slow)
    set(quick TEST_FILTER "-${ARG_SLOW}")
  endif()
  if(NOT ARG_DOCKER)
    gtest_discover_tests(${name} TEST_PREFIX "${name}." DISCOVERY_MODE PRE_TEST NO_PRETTY_VALUES
      ${quick} PROPERTIES ${properties})
  endif()
  if(ARG_DOCKER OR ARG_WITH_DOCKER)
    gtest_discover_tests(${name} TEST_PREFIX "${name}.docker." TEST_LIST ${name}_with_docker
      DISCOVERY_MODE PRE_TEST NO_PRETTY_VALUES
      PROPERTIES TIMEOUT 300 LABELS docker FIXTURES_REQUIRED docker_engine
      ENVIRONMENT SANDFLEET_TEST_PROVIDER=docker) # a list of two would arrive as one
  endif()
endfunction()

# sandfleet_test_as_plain_user(name [ARGS a ...]): the tests of `name` once more, all in one, as a user
# without privilege, and as one with subordinate ids.
function(sandfleet_test_as_plain_user name)
  cmake_parse_arguments(ARG "" "" "ARGS" ${ARGN})
  set(script "${PROJECT_SOURCE_DIR}/tests/support/as_plain_user.sh")
  add_test(NAME ${name}.as_a_plain_user
           COMMAND "${script}" "$<TARGET_FILE:${name}>" ${ARG_ARGS})
  add_test(NAME ${name}.as_a_plain_user_with_subordinate_ids
           COMMAND "${script}" --subordinate-ids "$<TARGET_FILE:${name}>" ${ARG_ARGS})
  set_tests_properties(${name}.as_a_plain_user ${name}.as_a_plain_user_with_subordinate_ids PROPERTIES
    TIMEOUT 180 SKIP_RETURN_CODE 77 ENVIRONMENT "SANDFLEET_BIN=${CMAKE_BINARY_DIR}/bin")
endfunction()
