#include "tools/batch/json_fields.hpp"

#include "runtime/core/text.hpp"

#include <cmath>
#include <set>

namespace sandfleet::batch {
namespace {

namespace od = simdjson::ondemand;

// The kernel's limit for each "NAME=TEXT" with its NUL (MAX_ARG_STRLEN).
constexpr std::size_t longest_variable = (128U << 10) - 2;

bool has_nul(std::string_view text) {
  return text.find('\0') != std::string_view::npos;
}

} // namespace

std::string below(std::string_view path, std::string_view name) {
  // A long name (a path of a thousand characters, or garbage) would hide the rest of the message.
  constexpr std::size_t shown = 80;
  std::string text(path);
  if (!text.empty())
    text += '.';
  text += name.substr(0, shown);
  if (name.size() > shown)
    text += "…";
  return text;
}

tl::unexpected<field_failure> wrong_value(std::string_view path, std::string_view expected,
                                          std::string_view found) {
  std::string message = path.empty() ? "" : "key \"" + std::string(path) + "\": ";
  message += "expected " + std::string(expected) + ", found " + std::string(found);
  return tl::unexpected(field_failure{std::move(message), {}});
}

tl::unexpected<field_failure> bad_json(simdjson::error_code code) {
  return tl::unexpected(
      field_failure{std::string("not valid JSON: ") + simdjson::error_message(code), {}});
}

tl::unexpected<field_failure> unknown_key(std::string_view path, std::string_view key,
                                          std::span<const std::string_view> known) {
  field_failure failure{"unknown key \"" + below(path, key) + "\"", {}};
  // The distance to a key of megabytes takes minutes to compute, and helps nobody.
  constexpr std::size_t longest_typo = 64;
  const auto near = key.size() <= longest_typo ? core::nearest(key, known) : std::nullopt;
  if (near) {
    failure.hint = "did you mean \"" + std::string(*near) + "\"?";
  } else {
    failure.hint = "known keys:";
    for (const auto name : known)
      failure.hint += (name == known.front() ? " " : ", ") + std::string(name);
  }
  return tl::unexpected(std::move(failure));
}

std::string kind_of(json_value& value) {
  od::json_type type{};
  if (value.type().get(type) != simdjson::SUCCESS)
    return "something that is not JSON";
  switch (type) {
  case od::json_type::array:
    return "a list";
  case od::json_type::object:
    return "an object";
  case od::json_type::number:
    return "a number";
  case od::json_type::string:
    return "a string";
  case od::json_type::boolean:
    return "true or false";
  case od::json_type::null:
    return "null";
  }
  return "something that is not JSON";
}

checked<void> each_field(od::object object, std::string_view path, const field_reader& read) {
  std::set<std::string, std::less<>> seen;
  for (auto item : object) {
    od::field field;
    if (const auto code = std::move(item).get(field); code != simdjson::SUCCESS)
      return bad_json(code);
    std::string_view key;
    if (const auto code = field.unescaped_key().get(key); code != simdjson::SUCCESS)
      return bad_json(code);
    const auto [name, fresh] = seen.emplace(key);
    if (!fresh)
      return tl::unexpected(field_failure{"key \"" + below(path, *name) + "\" is given twice", {}});
    json_value value = field.value();
    if (auto done = read(*name, value); !done)
      return done;
  }
  return {};
}

checked<void> each_field(json_value& value, std::string_view path, std::string_view expected,
                         const field_reader& read) {
  od::object object;
  if (const auto code = value.get_object().get(object); code == simdjson::INCORRECT_TYPE)
    return wrong_value(path, expected, kind_of(value));
  else if (code != simdjson::SUCCESS)
    return bad_json(code);
  return each_field(object, path, read);
}

checked<std::string> read_string(json_value& value, std::string_view path) {
  std::string_view text;
  if (const auto code = value.get_string().get(text); code == simdjson::INCORRECT_TYPE)
    return wrong_value(path, "a string", kind_of(value));
  else if (code != simdjson::SUCCESS)
    return bad_json(code);
  return std::string(text);
}

checked<std::string> read_name(json_value& value, std::string_view path,
                               std::string_view expected) {
  std::string_view text;
  if (const auto code = value.get_string().get(text); code == simdjson::INCORRECT_TYPE)
    return wrong_value(path, expected, kind_of(value));
  else if (code != simdjson::SUCCESS)
    return bad_json(code);
  if (text.empty())
    return wrong_value(path, expected, "an empty one");
  if (has_nul(text))
    return wrong_value(path, expected, "one with a NUL character");
  return std::string(text);
}

checked<bool> read_bool(json_value& value, std::string_view path) {
  bool flag = false;
  if (value.get_bool().get(flag) != simdjson::SUCCESS)
    return wrong_value(path, "true or false", kind_of(value));
  return flag;
}

checked<std::int64_t> read_integer(json_value& value, std::string_view path, std::int64_t minimum,
                                   std::int64_t maximum) {
  const auto expected =
      "a whole number from " + std::to_string(minimum) + " to " + std::to_string(maximum);
  od::json_type type{};
  if (value.type().get(type) != simdjson::SUCCESS || type != od::json_type::number)
    return wrong_value(path, expected, kind_of(value));
  std::int64_t number = 0;
  if (value.get_int64().get(number) != simdjson::SUCCESS)
    return wrong_value(path, expected, "another number");
  if (number < minimum || number > maximum)
    return wrong_value(path, expected, std::to_string(number));
  return number;
}

checked<double> read_positive(json_value& value, std::string_view path, double maximum) {
  const auto expected = "a number above 0 and up to " + core::number_text(maximum);
  od::json_type type{};
  if (value.type().get(type) != simdjson::SUCCESS || type != od::json_type::number)
    return wrong_value(path, expected, kind_of(value));
  double number = 0;
  if (value.get_double().get(number) != simdjson::SUCCESS || !std::isfinite(number))
    return wrong_value(path, expected, "another number");
  if (number <= 0 || number > maximum)
    return wrong_value(path, expected, core::number_text(number));
  return number;
}

checked<std::vector<std::string>> read_names(json_value& value, std::string_view path,
                                             bool may_be_empty) {
  const std::string_view expected =
      may_be_empty ? "a list of strings" : "a list of at least one string";
  od::array array;
  if (const auto code = value.get_array().get(array); code == simdjson::INCORRECT_TYPE)
    return wrong_value(path, expected, kind_of(value));
  else if (code != simdjson::SUCCESS)
    return bad_json(code);
  std::vector<std::string> names;
  for (auto item : array) {
    json_value element;
    if (const auto code = std::move(item).get(element); code != simdjson::SUCCESS)
      return bad_json(code);
    auto name = read_name(element, std::string(path) + "[" + std::to_string(names.size()) + "]");
    if (!name)
      return tl::unexpected(std::move(name.error()));
    names.push_back(std::move(*name));
  }
  if (names.empty() && !may_be_empty)
    return wrong_value(path, expected, "an empty list");
  return names;
}

checked<std::map<std::string, std::string>> read_environment(json_value& value,
                                                             std::string_view path) {
  std::map<std::string, std::string> variables;
  auto done =
      each_field(value, path, "an object of strings",
                 [&](std::string_view name, json_value& field) -> checked<void> {
                   if (name.empty() || name.find('=') != std::string_view::npos || has_nul(name))
                     return tl::unexpected(field_failure{"key \"" + below(path, name) +
                                                             "\" cannot be the name of a variable",
                                                         "a name is not empty and has no '='"});
                   auto text = read_string(field, below(path, name));
                   if (!text)
                     return tl::unexpected(std::move(text.error()));
                   if (has_nul(*text))
                     return wrong_value(below(path, name), "a string", "one with a NUL character");
                   if (name.size() + text->size() > longest_variable)
                     return wrong_value(below(path, name), "at most 128 KiB",
                                        std::to_string(text->size()) + " bytes");
                   variables.emplace(name, std::move(*text));
                   return {};
                 });
  if (!done)
    return tl::unexpected(std::move(done.error()));
  return variables;
}

} // namespace sandfleet::batch
