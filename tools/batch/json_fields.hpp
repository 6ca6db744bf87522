#pragma once

#include <simdjson.h>
#include <tl/expected.hpp>

#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

// Reading JSON objects whose keys are all known: every function says which key is wrong and what
// was expected of it. After a failure the document is of no more use.
namespace sandfleet::batch {

struct field_failure {
  std::string message;
  std::string hint;
};

template <class T>
using checked = tl::expected<T, field_failure>;

using json_value = simdjson::ondemand::value;

/// The key `name` of the object at `path` ("" is the line's own object), as messages show it.
[[nodiscard]] std::string below(std::string_view path, std::string_view name);

[[nodiscard]] tl::unexpected<field_failure>
wrong_value(std::string_view path, std::string_view expected, std::string_view found);
[[nodiscard]] tl::unexpected<field_failure> bad_json(simdjson::error_code code);
[[nodiscard]] tl::unexpected<field_failure> unknown_key(std::string_view path, std::string_view key,
                                                        std::span<const std::string_view> known);

/// What the value is, with its article: "a string", "null".
[[nodiscard]] std::string kind_of(json_value& value);

using field_reader = std::function<checked<void>(std::string_view key, json_value& value)>;

/// Calls `read` for each field in order; a key that comes twice is a failure.
checked<void> each_field(simdjson::ondemand::object object, std::string_view path,
                         const field_reader& read);
checked<void> each_field(json_value& value, std::string_view path, std::string_view expected,
                         const field_reader& read);

checked<std::string> read_string(json_value& value, std::string_view path);
/// For what reaches a system call or a shell: not empty, no NUL byte.
checked<std::string> read_name(json_value& value, std::string_view path,
                               std::string_view expected = "a string that is not empty");
checked<bool> read_bool(json_value& value, std::string_view path);
checked<std::int64_t> read_integer(json_value& value, std::string_view path, std::int64_t minimum,
                                   std::int64_t maximum);
/// A number in (0, maximum].
checked<double> read_positive(json_value& value, std::string_view path, double maximum);
checked<std::vector<std::string>> read_names(json_value& value, std::string_view path,
                                             bool may_be_empty);
checked<std::map<std::string, std::string>> read_environment(json_value& value,
                                                             std::string_view path);

} // namespace sandfleet::batch
