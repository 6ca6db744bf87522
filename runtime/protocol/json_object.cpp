#include "runtime/protocol/json_object.hpp"

#include "runtime/protocol/utf8.hpp"

#include <boost/json/error.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/parser.hpp>

#include <cmath>
#include <utility>

namespace sandfleet::protocol {

namespace json = boost::json;

tl::expected<json::value, std::string> parse_json(std::string_view text, std::size_t max_depth) {
  std::string repaired;
  if (!is_utf8(text)) {
    repaired = to_utf8(text);
    text = repaired;
  }
  json::parse_options options;
  options.max_depth = max_depth;
  json::parser parser({}, options);
  boost::system::error_code ec;
  const auto used = parser.write_some(text.data(), text.size(), ec);
  if (!ec && text.find_first_not_of(" \t\r\n", used) != std::string_view::npos)
    ec = json::error::extra_data;
  if (ec)
    return tl::unexpected(
        (ec == json::error::too_deep ? std::string(json_too_deep) : ec.message()) + " at byte " +
        std::to_string(used));
  return parser.release();
}

json_object::json_object(std::string_view text, errc code, std::string what)
    : code_(code), what_(std::move(what)) {
  auto parsed = parse_json(text);
  if (!parsed) {
    failure_ = make_error(code_, what_ + ": not JSON").with_cause(parsed.error());
    return;
  }
  value_ = std::move(*parsed);
  members_ = value_.if_object();
  if (!members_)
    failure_ = make_error(code_, what_ + ": not a JSON object");
}

void json_object::reject(std::string_view name, std::string_view why) {
  if (!failure_)
    failure_ = make_error(code_, what_ + ": '" + std::string(name) + "' " + std::string(why));
}

const json::value* json_object::find(std::string_view name) const {
  return members_ ? members_->if_contains(name) : nullptr;
}

bool json_object::has(std::string_view name) const {
  const auto* found = find(name);
  return found && !found->is_null();
}

std::optional<std::string> json_object::optional_string(std::string_view name) {
  if (!has(name))
    return std::nullopt;
  if (const auto* text = find(name)->if_string())
    return std::string(*text);
  reject(name, "must be a string");
  return std::nullopt;
}

std::string json_object::string(std::string_view name) {
  if (!has(name))
    reject(name, "is missing");
  return optional_string(name).value_or("");
}

std::string json_object::string_or(std::string_view name, std::string fallback) {
  return optional_string(name).value_or(std::move(fallback));
}

bool json_object::boolean_or(std::string_view name, bool fallback) {
  if (!has(name))
    return fallback;
  if (const auto* truth = find(name)->if_bool())
    return *truth;
  reject(name, "must be true or false");
  return fallback;
}

std::optional<std::int64_t> json_object::optional_integer(std::string_view name, std::int64_t low,
                                                          std::int64_t high) {
  if (!has(name))
    return std::nullopt;
  const auto* number = find(name)->if_int64();
  if (number && *number >= low && *number <= high)
    return *number;
  reject(name, "must be an integer from " + std::to_string(low) + " to " + std::to_string(high));
  return std::nullopt;
}

std::int64_t json_object::integer(std::string_view name, std::int64_t low, std::int64_t high) {
  if (!has(name))
    reject(name, "is missing");
  return optional_integer(name, low, high).value_or(low);
}

std::int64_t json_object::integer_or(std::string_view name, std::int64_t fallback, std::int64_t low,
                                     std::int64_t high) {
  return optional_integer(name, low, high).value_or(fallback);
}

double json_object::number_or(std::string_view name, double fallback, double low, double high) {
  if (!has(name))
    return fallback;
  const auto& found = *find(name);
  if (found.is_number()) {
    const double number = found.to_number<double>();
    if (number >= low && number <= high)
      return number;
  }
  reject(name, "must be a number from " + std::to_string(static_cast<std::int64_t>(low)) + " to " +
                   std::to_string(static_cast<std::int64_t>(high)));
  return fallback;
}

} // namespace sandfleet::protocol
