#include "runtime/providers/docker/argument_values.hpp"

#include "runtime/core/text.hpp"
#include "runtime/providers/docker/container.hpp"

#include <cmath>
#include <optional>
#include <utility>

namespace sandfleet::providers::docker {

namespace json = boost::json;

namespace {

std::string_view view(const json::string& text) {
  return {text.data(), text.size()};
}

/// As Python's str() writes a plain value.
std::optional<std::string> plain_text(const json::value& value) {
  if (const auto* text = value.if_string())
    return std::string(view(*text));
  if (const auto* whole = value.if_int64())
    return std::to_string(*whole);
  if (const auto* number = value.if_double())
    return core::number_text(*number);
  if (const auto* truth = value.if_bool())
    return *truth ? "True" : "False";
  return std::nullopt;
}

/// Where the agent and its sockets lie, nothing else may.
bool hides_the_agent(std::string_view place) {
  return place == inside_dir || place.starts_with(std::string(inside_dir) + "/");
}

tl::unexpected<error> hidden_agent(const argument& from) {
  return fail(make_error(errc::invalid_argument,
                         "docker_runtime_kwargs: '" + std::string(from.name) + "' must leave " +
                             std::string(inside_dir) + " alone: the agent lies there"));
}

/// A member under docker-py's name or the API's.
const json::value* either(const json::object& of, std::string_view python, std::string_view api) {
  const auto* found = of.if_contains(python);
  return found != nullptr ? found : of.if_contains(api);
}

template <class Read>
json_result each_item(const argument& from, std::string_view wanted, Read read) {
  const auto* items = from.given.if_array();
  if (items == nullptr)
    return from.misfit(wanted);
  json::array made;
  for (const auto& item : *items) {
    std::optional<json::value> one = read(item);
    if (!one)
      return from.misfit(wanted);
    made.push_back(std::move(*one));
  }
  return made;
}

std::optional<json::object> binding_of(const json::value& given, std::string_view address) {
  json::object made{{"HostIp", address}, {"HostPort", ""}};
  const auto set_port = [&](const json::value& port) {
    const auto text = port.is_bool() ? std::nullopt : plain_text(port);
    const auto number = core::parse_integer(text.value_or(""));
    if (!port.is_null() && text != "" && (!number || *number < 0 || *number > 65535))
      return false;
    if (number && *number != 0)
      made["HostPort"] = *text;
    return true;
  };
  if (const auto* object = given.if_object()) {
    const auto* port = object->if_contains("HostPort");
    const auto* host = object->if_contains("HostIp");
    if (port == nullptr || !set_port(*port) || (host != nullptr && !host->is_string()))
      return std::nullopt;
    if (host != nullptr)
      made["HostIp"] = *host;
    return made;
  }
  return set_port(given) ? std::optional(made) : std::nullopt;
}

/// (ADDRESS, PORT), which is a list here, where it is not a list of ports.
bool is_address_and_port(const json::array& items) {
  return !items.empty() && items.size() <= 2 && items[0].is_string() &&
         !core::parse_integer(view(items[0].get_string())) && !view(items[0].get_string()).empty();
}

std::optional<json::array> bindings_of(const json::value& given, std::string_view address) {
  json::array made;
  const auto* items = given.if_array();
  if (items != nullptr && is_address_and_port(*items)) {
    auto one = binding_of(items->size() == 2 ? (*items)[1] : json::value(nullptr),
                          view((*items)[0].get_string()));
    return one ? std::optional(json::array{std::move(*one)}) : std::nullopt;
  }
  if (items == nullptr) {
    auto one = binding_of(given, address);
    return one ? std::optional(json::array{std::move(*one)}) : std::nullopt;
  }
  for (const auto& item : *items) {
    auto one = binding_of(item, address);
    if (!one)
      return std::nullopt;
    made.push_back(std::move(*one));
  }
  return made;
}

std::optional<std::string> port_name(std::string_view given) {
  const auto slash = given.find('/');
  const auto number = core::parse_integer(given.substr(0, slash));
  const auto protocol = slash == std::string_view::npos ? "tcp" : given.substr(slash + 1);
  if (!number || *number < 1 || *number > 65535 ||
      (protocol != "tcp" && protocol != "udp" && protocol != "sctp"))
    return std::nullopt;
  return std::to_string(*number) + "/" + std::string(protocol);
}

std::optional<std::string> bind_of(std::string_view host, const json::value& given) {
  if (const auto* text = given.if_string())
    return std::string(host) + ":" + std::string(view(*text)) + ":rw";
  const auto* object = given.if_object();
  const auto* inside = object == nullptr ? nullptr : object->if_contains("bind");
  if (inside == nullptr || !inside->is_string())
    return std::nullopt;
  const auto* read_only = object->if_contains("ro");
  const auto* mode = object->if_contains("mode");
  const auto* propagation = object->if_contains("propagation");
  if ((read_only != nullptr && (!read_only->is_bool() || mode != nullptr)) ||
      (mode != nullptr && !mode->is_string()) ||
      (propagation != nullptr && !propagation->is_string()))
    return std::nullopt;
  std::string options = mode != nullptr ? std::string(view(mode->get_string()))
                        : read_only != nullptr && read_only->get_bool() ? "ro"
                                                                        : "rw";
  if (propagation != nullptr)
    options += (options.empty() ? "" : ",") + std::string(view(propagation->get_string()));
  return std::string(host) + ":" + std::string(view(inside->get_string())) + ":" + options;
}

} // namespace

tl::unexpected<error> argument::misfit(std::string_view wanted) const {
  return fail(make_error(errc::invalid_argument,
                         "docker_runtime_kwargs: '" + std::string(name) + "' has a wrong value")
                  .with_cause("allowed: " + std::string(wanted)));
}

json_result read_text(const argument& from) {
  return from.given.is_string() ? json_result(from.given) : from.misfit("a text");
}

json_result read_truth(const argument& from) {
  return from.given.is_bool() ? json_result(from.given) : from.misfit("true or false");
}

json_result read_whole(const argument& from) {
  return from.given.is_int64() ? json_result(from.given) : from.misfit("a whole number");
}

json_result read_bytes(const argument& from) {
  constexpr double most = 9e18;
  constexpr std::string_view wanted = "bytes, or a number with b, k, m, g or t, such as \"512m\"";
  constexpr std::string_view units = "bkmgt";
  if (from.given.is_int64())
    return from.given;
  const auto* given = from.given.if_string();
  auto text = core::to_lower(given == nullptr ? "" : view(*given));
  if (text.size() > 2 && text.ends_with('b') && units.find(text[text.size() - 2]) != units.npos)
    text.pop_back(); // "512mb"
  if (text.empty())
    return from.misfit(wanted);
  const auto unit = units.find(text.back());
  if (unit != units.npos)
    text.pop_back();
  const auto number = core::parse_number(text);
  const auto bytes =
      number.value_or(-1) * std::pow(1024.0, unit == units.npos ? 0 : static_cast<double>(unit));
  if (!number || bytes < -1 || bytes > most)
    return from.misfit(wanted);
  return static_cast<std::int64_t>(bytes);
}

json_result read_texts(const argument& from) {
  return each_item(from, "a list of texts", [](const json::value& item) {
    return item.is_string() ? std::optional(item) : std::nullopt;
  });
}

json_result read_names(const argument& from) {
  return each_item(from, "a list of names or numbers",
                   [](const json::value& item) -> std::optional<json::value> {
                     if (const auto text = plain_text(item); text && !item.is_bool())
                       return json::value(*text);
                     return std::nullopt;
                   });
}

json_result read_pairs(const argument& from) {
  constexpr std::string_view wanted = "{\"NAME\": \"VALUE\"}, or [\"NAME=VALUE\"]";
  json::object made;
  if (const auto* object = from.given.if_object()) {
    for (const auto& [name, value] : *object) {
      const auto text = plain_text(value);
      if (!text || name.empty())
        return from.misfit(wanted);
      made[name] = *text;
    }
    return made;
  }
  const auto texts = read_texts(from);
  if (!texts)
    return from.misfit(wanted);
  for (const auto& item : texts->get_array()) {
    const auto text = view(item.get_string());
    const auto equals = text.find('=');
    if (text.empty() || equals == 0)
      return from.misfit(wanted);
    made[text.substr(0, equals)] =
        equals == std::string_view::npos ? std::string_view() : text.substr(equals + 1);
  }
  return made;
}

json_result read_colon_pairs(const argument& from) {
  const auto* object = from.given.if_object();
  if (object == nullptr)
    return read_texts(from);
  json::array made;
  for (const auto& [name, value] : *object) {
    const auto text = value.is_null() ? "" : plain_text(value);
    if (!text)
      return from.misfit("{\"NAME\": \"OTHER\"}, or [\"NAME:OTHER\"]");
    made.emplace_back(text->empty() ? std::string(name) : std::string(name) + ":" + *text);
  }
  return made;
}

json_result read_tmpfs(const argument& from) {
  constexpr std::string_view wanted = "[\"/PLACE:OPTIONS\"], or {\"/PLACE\": \"OPTIONS\"}";
  json::object made;
  if (const auto* object = from.given.if_object()) {
    for (const auto& [place, options] : *object) {
      if (!options.is_string() && !options.is_null())
        return from.misfit(wanted);
      made[place] = options.is_null() ? json::value("") : options;
    }
  } else {
    const auto texts = read_texts(from);
    if (!texts)
      return from.misfit(wanted);
    for (const auto& item : texts->get_array()) {
      const auto text = view(item.get_string());
      const auto colon = text.find(':');
      made[text.substr(0, colon)] =
          colon == std::string_view::npos ? std::string_view() : text.substr(colon + 1);
    }
  }
  for (const auto& [place, options] : made)
    if (hides_the_agent(place))
      return hidden_agent(from);
  return made;
}

json_result read_text_or_texts(const argument& from) {
  const auto* text = from.given.if_string();
  if (text == nullptr)
    return read_texts(from);
  json::array made;
  for (const auto part : core::split(view(*text), ','))
    made.emplace_back(part);
  return made;
}

json_result read_objects(const argument& from) {
  return each_item(from, "a list of objects, as the engine's API has them",
                   [](const json::value& item) {
                     return item.is_object() ? std::optional(item) : std::nullopt;
                   });
}

json_result read_devices(const argument& from) {
  return each_item(from, "[\"/dev/NAME:/dev/INSIDE:rwm\"]",
                   [](const json::value& item) -> std::optional<json::value> {
                     if (item.is_object())
                       return item;
                     if (!item.is_string())
                       return std::nullopt;
                     const auto parts = core::split(view(item.get_string()), ':');
                     return json::object{
                         {"PathOnHost", parts[0]},
                         {"PathInContainer", parts.size() > 1 ? parts[1] : parts[0]},
                         {"CgroupPermissions", parts.size() > 2 ? parts[2] : "rwm"}};
                   });
}

json_result read_device_requests(const argument& from) {
  using names = std::pair<std::string_view, std::string_view>;
  constexpr names members[] = {{"driver", "Driver"},
                               {"count", "Count"},
                               {"device_ids", "DeviceIDs"},
                               {"capabilities", "Capabilities"},
                               {"options", "Options"}};
  return each_item(from, "[{\"count\": -1, \"capabilities\": [[\"gpu\"]]}]",
                   [&](const json::value& item) -> std::optional<json::value> {
                     if (!item.is_object())
                       return std::nullopt;
                     json::object made;
                     for (const auto& [python, api] : members)
                       if (const auto* value = either(item.get_object(), python, api);
                           value != nullptr && !value->is_null())
                         made[api] = *value;
                     return made;
                   });
}

json_result read_ulimits(const argument& from) {
  return each_item(from, "[{\"name\": \"nofile\", \"soft\": N, \"hard\": N}]",
                   [](const json::value& item) -> std::optional<json::value> {
                     if (!item.is_object())
                       return std::nullopt;
                     const auto& object = item.get_object();
                     const auto* name = either(object, "name", "Name");
                     const auto* soft = either(object, "soft", "Soft");
                     const auto* hard = either(object, "hard", "Hard");
                     const auto is_number = [](const json::value* value) {
                       return value == nullptr || value->is_int64();
                     };
                     if (name == nullptr || !name->is_string() || !is_number(soft) ||
                         !is_number(hard) || (soft == nullptr && hard == nullptr))
                       return std::nullopt;
                     return json::object{{"Name", *name},
                                         {"Soft", soft != nullptr ? *soft : *hard},
                                         {"Hard", hard != nullptr ? *hard : *soft}};
                   });
}

json_result read_log_config(const argument& from) {
  const auto* object = from.given.if_object();
  const auto* type = object == nullptr ? nullptr : either(*object, "type", "Type");
  const auto* options = object == nullptr ? nullptr : either(*object, "config", "Config");
  if (type == nullptr || !type->is_string() || type->get_string() == "none" ||
      (options != nullptr && !options->is_object()))
    return from.misfit("{\"type\": \"json-file\", \"config\": {...}}, and no type 'none': what a "
                       "container has written is read when its start fails");
  json::object made{{"Type", *type}};
  if (options != nullptr)
    made["Config"] = *options;
  return made;
}

json_result read_mounts(const argument& from) {
  auto made = each_item(
      from, "[{\"Type\": \"bind\", \"Source\": \"/HOST\", \"Target\": \"/INSIDE\"}]",
      [](const json::value& item) -> std::optional<json::value> {
        const auto* target = item.is_object() ? item.get_object().if_contains("Target") : nullptr;
        return target != nullptr && target->is_string() ? std::optional(item) : std::nullopt;
      });
  if (made)
    for (const auto& item : made->get_array())
      if (hides_the_agent(view(item.at("Target").get_string())))
        return hidden_agent(from);
  return made;
}

json_result read_binds(const argument& from) {
  json::array made;
  if (const auto* object = from.given.if_object()) {
    for (const auto& [host, given] : *object) {
      const auto bind = bind_of(host, given);
      if (!bind)
        return from.misfit("{\"/HOST\": {\"bind\": \"/INSIDE\", \"mode\": \"ro\"}}, or "
                           "[\"/HOST:/INSIDE:ro\"]");
      made.emplace_back(*bind);
    }
  } else {
    auto texts = read_texts(from);
    if (!texts)
      return texts;
    made = std::move(texts->get_array());
  }
  for (const auto& item : made) {
    const auto parts = core::split(view(item.get_string()), ':');
    if (hides_the_agent(parts.size() > 1 ? parts[1] : parts[0]))
      return hidden_agent(from);
  }
  return made;
}

json_result read_ports(const argument& from) {
  constexpr std::string_view wanted =
      "{\"INSIDE/tcp\": OUTSIDE}, with null for any port, [\"ADDRESS\", PORT], or several";
  const auto* object = from.given.if_object();
  if (object == nullptr)
    return from.misfit(wanted);
  json::object made;
  for (const auto& [port, given] : *object) {
    const auto name = port_name(port);
    auto bindings = bindings_of(given, from.binding_address);
    if (!name || !bindings)
      return from.misfit(wanted);
    made[*name] = std::move(*bindings);
  }
  return made;
}

} // namespace sandfleet::providers::docker
