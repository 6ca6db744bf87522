#include "runtime/config/layers.hpp"

#include "runtime/config/literal.hpp"
#include "runtime/core/text.hpp"

#include <algorithm>
#include <cmath>
#include <filesystem>

namespace sandfleet::config {

namespace {

using std::chrono::milliseconds;

/// One value on its way in, with what its error message needs.
struct reading {
  const setting_info& setting;
  const raw_data& raw;
  const origin& from;
  const surroundings& where;

  [[nodiscard]] tl::unexpected<error> bad(std::string_view given, std::string_view why = {}) const {
    std::string message(setting.name);
    message += ": ";
    message += given.empty() ? "the value" : "'" + std::string(given) + "'";
    message += " (" + from.to_string() + ") is not acceptable";
    std::string cause = why.empty() ? "" : std::string(why) + "; ";
    return fail(make_error(errc::invalid_configuration, std::move(message))
                    .with_cause(std::move(cause) + "allowed: " + allowed_values(setting))
                    .with("setting", std::string(setting.name)));
  }
};

std::string text_of(const raw_data& raw) {
  if (const auto* text = std::get_if<std::string>(&raw))
    return *text;
  if (const auto* whole = std::get_if<std::int64_t>(&raw))
    return std::to_string(*whole);
  if (const auto* number = std::get_if<double>(&raw))
    return core::number_text(*number);
  if (const auto* flag = std::get_if<bool>(&raw))
    return *flag ? "true" : "false";
  return {};
}

bool in_bounds(const setting_info& setting, double number) {
  return std::isfinite(number) && (!setting.minimum || number >= *setting.minimum) &&
         (!setting.maximum || number <= *setting.maximum);
}

result<value> read_text(const reading& r) {
  const auto* text = std::get_if<std::string>(&r.raw);
  if (!text)
    return r.bad(r.setting.kind == value_kind::secret ? std::string() : text_of(r.raw),
                 "it is not a text");
  if (text->find('\0') != std::string::npos)
    return r.bad({}, "it holds a NUL byte");
  if (r.setting.kind == value_kind::text && text->empty())
    return r.bad({}, "it is empty");
  if (r.setting.kind == value_kind::sandbox_path && !text->starts_with('/'))
    return r.bad(*text);
  return *text;
}

std::string absolute_path(const std::string& path, const surroundings& where) {
  std::filesystem::path full(path);
  if (path == "~" || path.starts_with("~/"))
    full = where.home + path.substr(1);
  return (std::filesystem::path(where.directory) / full).lexically_normal().string();
}

result<value> read_path(const reading& r) {
  auto text = read_text(r);
  if (!text || std::get<std::string>(*text).empty())
    return text;
  return absolute_path(std::get<std::string>(*text), r.where);
}

result<value> read_choice(const reading& r) {
  const auto* text = std::get_if<std::string>(&r.raw);
  auto word = text ? core::to_lower(*text) : std::string{};
  if (std::ranges::find(r.setting.choices, word) == r.setting.choices.end())
    return r.bad(text_of(r.raw));
  return word;
}

result<value> read_integer(const reading& r) {
  const auto text = text_of(r.raw);
  if (std::ranges::find(r.setting.choices, core::to_lower(text)) != r.setting.choices.end())
    return core::to_lower(text);
  const auto number = core::parse_integer(text);
  if (!number || !in_bounds(r.setting, static_cast<double>(*number)))
    return r.bad(text);
  return *number;
}

result<value> read_number(const reading& r) {
  const auto text = text_of(r.raw);
  const auto number = core::parse_number(text);
  if (!number || !in_bounds(r.setting, *number))
    return r.bad(text);
  return *number;
}

/// Seconds, by the number and unit of a text or by a plain number.
std::optional<double> seconds_of(const raw_data& raw) {
  if (const auto* whole = std::get_if<std::int64_t>(&raw))
    return static_cast<double>(*whole);
  if (const auto* number = std::get_if<double>(&raw))
    return *number;
  const auto text = text_of(raw);
  const auto end = std::min(text.find_first_not_of("0123456789."), text.size());
  const auto number = core::parse_number(std::string_view(text).substr(0, end));
  const auto unit = core::trim(std::string_view(text).substr(end));
  if (!number)
    return std::nullopt;
  if (unit.empty() || unit == "s")
    return number;
  if (unit == "ms")
    return *number / 1000;
  if (unit == "m")
    return *number * 60;
  if (unit == "h")
    return *number * 3600;
  return std::nullopt;
}

result<value> read_duration(const reading& r) {
  const auto seconds = seconds_of(r.raw);
  if (!seconds || !in_bounds(r.setting, *seconds))
    return r.bad(text_of(r.raw));
  return milliseconds(std::llround(*seconds * 1000));
}

result<value> read_truth(const reading& r) {
  auto holds = read_boolean(r.setting.name, r.raw, r.from);
  if (!holds)
    return fail(std::move(holds.error()));
  return *holds;
}

/// ["A", "B"], or A,B.
result<value> read_list(const reading& r) {
  if (const auto* list = std::get_if<std::vector<std::string>>(&r.raw))
    return *list;
  const auto* text = std::get_if<std::string>(&r.raw);
  if (!text)
    return r.bad(text_of(r.raw));
  if (core::trim(*text).starts_with('{'))
    return r.bad(*text, "a list of texts is wanted, such as [\"a\", \"b\"], not an object");
  if (core::trim(*text).starts_with('[')) {
    auto read = read_list_literal(*text);
    if (!read)
      return r.bad(*text, read.error().message);
    return std::move(*read);
  }
  std::vector<std::string> items;
  for (const auto item : core::split(*text, ','))
    if (const auto bare = core::trim(item); !bare.empty())
      items.emplace_back(bare);
  return items;
}

/// A path of this machine, unless it is a bare word: then it is the name of an engine's volume.
bool is_host_path(std::string_view host) {
  return host.find('/') != std::string_view::npos || host.starts_with('.') || host.starts_with('~');
}

result<value> read_volumes(const reading& r) {
  std::vector<std::string> items;
  if (const auto* text = std::get_if<std::string>(&r.raw)) {
    for (const auto item : core::split(*text, ','))
      items.emplace_back(core::trim(item));
  } else if (const auto* list = std::get_if<std::vector<std::string>>(&r.raw)) {
    items = *list;
  } else {
    return r.bad(text_of(r.raw));
  }
  std::vector<volume> volumes;
  std::map<std::string, std::string> said; // by the place inside
  for (const auto& item : items) {
    const auto colon = item.find(':');
    auto parsed = parse_volume(
        colon == std::string::npos || colon == 0 || !is_host_path(item.substr(0, colon))
            ? item
            : absolute_path(item.substr(0, colon), r.where) + item.substr(colon));
    if (!parsed)
      return r.bad(item, parsed.error().message);
    const auto [first, is_new] = said.emplace(parsed->sandbox_path, item);
    if (!is_new && first->second != item)
      return fail(make_error(errc::invalid_configuration,
                             std::string(r.setting.name) + ": '" + first->second + "' and '" +
                                 item + "' (" + r.from.to_string() + ") have the same place inside")
                      .with_hint("leave one of them out")
                      .with("setting", std::string(r.setting.name)));
    if (is_new)
      volumes.push_back(std::move(*parsed));
  }
  return volumes;
}

result<value> read_env(const reading& r) {
  std::map<std::string, std::string> pairs;
  std::vector<std::string> items;
  if (const auto* map = std::get_if<std::map<std::string, std::string>>(&r.raw)) {
    pairs = *map;
  } else if (const auto* list = std::get_if<std::vector<std::string>>(&r.raw)) {
    items = *list;
  } else if (const auto* text = std::get_if<std::string>(&r.raw);
             text && core::trim(*text).starts_with('{')) {
    auto literal = read_map_literal(*text);
    if (!literal)
      return r.bad({}, literal.error().message);
    pairs = std::move(*literal);
  } else if (text) {
    for (const auto item : core::split(*text, ','))
      items.emplace_back(core::trim(item));
  } else {
    return r.bad({}, "it is not a table of texts");
  }
  for (const auto& item : items) {
    const auto equals = item.find('=');
    if (equals == std::string::npos)
      return r.bad({}, "a pair has no '='");
    pairs[item.substr(0, equals)] = item.substr(equals + 1);
  }
  for (const auto& [name, text] : pairs)
    if (name.empty() || name.find('=') != std::string::npos ||
        (name + text).find('\0') != std::string::npos)
      return r.bad({}, "a name is empty or holds '=', or a NUL byte is in a pair");
  return pairs;
}

/// By name the JSON of each value.
result<value> read_object(const reading& r) {
  const auto* text = std::get_if<std::string>(&r.raw);
  if (!text)
    return r.bad({}, "it is not an object");
  auto members = read_object_literal(*text);
  if (!members)
    return r.bad({}, members.error().message);
  return std::move(*members);
}

} // namespace

std::string origin::to_string() const {
  switch (layer) {
  case layer_kind::builtin:
    return "default";
  case layer_kind::file:
    return "file " + where;
  case layer_kind::environment:
    return "environment " + where;
  case layer_kind::flag:
    return "flag " + where;
  }
  return where;
}

result<value> read_value(const setting_info& setting, const raw_data& raw, const origin& from,
                         const surroundings& where) {
  const reading r{setting, raw, from, where};
  switch (setting.kind) {
  case value_kind::text:
  case value_kind::secret:
  case value_kind::sandbox_path:
    return read_text(r);
  case value_kind::path:
    return read_path(r);
  case value_kind::choice:
    return read_choice(r);
  case value_kind::integer:
    return read_integer(r);
  case value_kind::number:
    return read_number(r);
  case value_kind::duration:
    return read_duration(r);
  case value_kind::truth:
    return read_truth(r);
  case value_kind::list:
    return read_list(r);
  case value_kind::volumes:
    return read_volumes(r);
  case value_kind::env:
    return read_env(r);
  case value_kind::object:
    return read_object(r);
  }
  return fail(errc::internal, "a setting of no known kind");
}

result<bool> read_boolean(std::string_view name, const raw_data& raw, const origin& from) {
  const auto text = core::to_lower(text_of(raw));
  if (text == "true" || text == "1" || text == "yes" || text == "on")
    return true;
  if (text == "false" || text == "0" || text == "no" || text == "off")
    return false;
  return fail(make_error(errc::invalid_configuration, std::string(name) + ": '" + text + "' (" +
                                                          from.to_string() + ") is not acceptable")
                  .with_cause("allowed: true or false")
                  .with("setting", std::string(name)));
}

bool merge(value& weaker, value stronger) {
  auto* old_pairs = std::get_if<std::map<std::string, std::string>>(&weaker);
  if (auto* pairs = std::get_if<std::map<std::string, std::string>>(&stronger);
      pairs && old_pairs) {
    const auto count = pairs->size();
    pairs->merge(*old_pairs);
    const bool kept = pairs->size() > count;
    weaker = std::move(stronger);
    return kept;
  }
  auto* old_volumes = std::get_if<std::vector<volume>>(&weaker);
  if (auto* volumes = std::get_if<std::vector<volume>>(&stronger); volumes && old_volumes) {
    std::erase_if(*old_volumes, [&](const volume& old) {
      return std::ranges::find(*volumes, old.sandbox_path, &volume::sandbox_path) != volumes->end();
    });
    const bool kept = !old_volumes->empty();
    old_volumes->insert(old_volumes->end(), volumes->begin(), volumes->end());
    return kept;
  }
  weaker = std::move(stronger);
  return false;
}

} // namespace sandfleet::config
