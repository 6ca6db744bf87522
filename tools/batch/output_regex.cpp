#include "tools/batch/output_regex.hpp"

#include <boost/regex.hpp>

#include <stdexcept>

// Boost.Regex and not std::regex: libstdc++'s matcher recurses once a character and overflows the
// stack on an output of some hundred kilobytes; Boost's keeps its state on the heap and gives up
// after a bounded number of steps.
namespace sandfleet::batch {
namespace {

result<boost::regex> compile(const std::string& pattern) {
  try {
    return boost::regex(pattern, boost::regex::perl);
  } catch (const std::exception& bad) { // boost::regex_error, or runtime_error when too complex
    return fail(make_error(errc::invalid_argument, "not a regular expression")
                    .with_cause(bad.what())
                    .blamed_on(failure_class::task));
  }
}

} // namespace

result<bool> regex_found(const std::string& pattern, std::string_view text) {
  auto compiled = compile(pattern);
  if (!compiled)
    return tl::unexpected(compiled.error());
  try {
    return boost::regex_search(text.begin(), text.end(), *compiled,
                               boost::regex_constants::match_not_dot_newline);
  } catch (const std::runtime_error&) {
    return fail(make_error(errc::limit_exceeded, "the regular expression takes too many steps")
                    .with_hint("avoid nested repetitions such as (a+)+")
                    .blamed_on(failure_class::task));
  }
}

result<void> check_regex(const std::string& pattern) {
  auto compiled = compile(pattern);
  if (!compiled)
    return tl::unexpected(compiled.error());
  return {};
}

} // namespace sandfleet::batch
