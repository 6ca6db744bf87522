#pragma once

#include <cstdio>
#include <cstdlib>

/// Ends the process, as a sanitizer would, when a property does not hold.
inline void check_that(bool condition, const char* text, const char* file, int line) {
  if (condition)
    return;
  std::fprintf(stderr, "%s:%d: does not hold: %s\n", file, line, text);
  std::abort();
}
#define holds(condition) check_that(static_cast<bool>(condition), #condition, __FILE__, __LINE__)
