#include <sandfleet/spec.hpp>

#include <cmath>

namespace sandfleet {

namespace {

bool is_absolute(const std::string& path) {
  return !path.empty() && path.front() == '/';
}

bool has_nul(const std::string& text) {
  return text.find('\0') != std::string::npos;
}

result<void> validate_env(const std::map<std::string, std::string>& env) {
  for (const auto& [name, value] : env) {
    if (name.empty() || name.find('=') != std::string::npos || has_nul(name))
      return fail(errc::invalid_argument,
                  "env: the name '" + name + "' is empty or holds '=' or a NUL byte");
    if (has_nul(value))
      return fail(errc::invalid_argument, "env: the value of '" + name + "' holds a NUL byte");
  }
  return {};
}

constexpr std::string_view letters_and_digits =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
constexpr std::size_t longest_session_id = 128;

constexpr std::size_t shortest_key = 16;
constexpr std::size_t longest_key = 128;

result<void> validate_names(const sandbox_spec& spec) {
  const auto& key = spec.session_key;
  if (!spec.id.empty() && !is_sandbox_id(spec.id.str()))
    return fail(errc::invalid_argument,
                "id: '" + spec.id.str() + "' is not 'sb-' and 16 hex digits");
  if (!key.empty() && (key.size() < shortest_key || key.size() > longest_key ||
                       key.find_first_not_of(letters_and_digits) != std::string::npos))
    return fail(errc::invalid_argument, "session_key: it is not 16 to 128 letters and digits");
  const auto& id = spec.session_id;
  const bool fits =
      id.empty() ||
      (id.size() <= longest_session_id && id.front() != '.' && id.front() != '-' &&
       id.find_first_not_of(std::string(letters_and_digits) + "_.-") == std::string::npos);
  if (fits)
    return {};
  return fail(make_error(errc::invalid_argument, "session_id: '" + id + "' is no session id")
                  .with_hint("letters, digits, '.', '_' and '-', at most 128, neither '.' nor '-' "
                             "first"));
}

/// Docker's rule: [a-zA-Z0-9][a-zA-Z0-9_.-]+
bool is_volume_name(const std::string& text) {
  return text.size() > 1 && letters_and_digits.find(text.front()) != std::string_view::npos &&
         text.find_first_not_of(std::string(letters_and_digits) + "_.-") == std::string::npos;
}

result<void> validate_volume(const volume& v) {
  if (v.kind == volume_kind::named && !is_volume_name(v.host_path))
    return fail(errc::invalid_argument,
                "volumes: '" + v.host_path + "' is neither an absolute path nor a volume's name");
  for (const auto* path : {&v.host_path, &v.sandbox_path})
    if ((path != &v.host_path || v.kind != volume_kind::named) &&
        (!is_absolute(*path) || has_nul(*path)))
      return fail(errc::invalid_argument, "volumes: '" + *path + "' is not an absolute path");
  if (v.sandbox_path == "/")
    return fail(errc::invalid_argument, "volumes: nothing can be mounted over '/'");
  return {};
}

result<void> at_least(const char* key, const std::optional<std::int64_t>& value,
                      std::int64_t minimum) {
  if (value && *value < minimum)
    return fail(errc::invalid_argument, std::string("resources.") + key + ": " +
                                            std::to_string(*value) + " is below the minimum of " +
                                            std::to_string(minimum));
  return {};
}

} // namespace

result<void> validate(const sandbox_spec& spec) {
  if (auto checked = validate_names(spec); !checked)
    return checked;
  if (!is_absolute(spec.workspace) || has_nul(spec.workspace))
    return fail(errc::invalid_argument,
                "workspace: '" + spec.workspace + "' is not an absolute path");
  if (has_nul(spec.image) || has_nul(spec.network))
    return fail(errc::invalid_argument, "image or network: the name holds a NUL byte");
  if (auto checked = validate_env(spec.env); !checked)
    return checked;
  if (spec.provider.str() == "local" && spec.network != "none" && spec.network != "host")
    return fail(make_error(errc::invalid_argument,
                           "network: the local provider has none called '" + spec.network + "'")
                    .with_cause("allowed: none, host"));
  for (const auto& v : spec.volumes)
    if (auto checked = validate_volume(v); !checked)
      return checked;
  if (spec.limits.cpus && !(std::isfinite(*spec.limits.cpus) && *spec.limits.cpus > 0))
    return fail(errc::invalid_argument, "resources.cpus: must be a number above 0");
  for (auto checked :
       {at_least("memory_mb", spec.limits.memory_mb, 16), at_least("pids", spec.limits.pids, 8),
        at_least("disk_mb", spec.limits.disk_mb, 1)})
    if (!checked)
      return checked;
  if (spec.start_timeout <= std::chrono::milliseconds::zero())
    return fail(errc::invalid_argument, "start_timeout: must be above 0");
  return {};
}

result<volume> parse_volume(const std::string& text) {
  const auto bad = [&](const char* why) {
    return fail(make_error(errc::invalid_argument, "volume '" + text + "': " + why)
                    .with_hint("write HOST:SANDBOX or HOST:SANDBOX:ro, both absolute paths, or "
                               "NAME:SANDBOX for a named volume"));
  };
  const auto first = text.find(':');
  if (first == std::string::npos)
    return bad("the path inside the sandbox is missing");
  const auto second = text.find(':', first + 1);
  volume v;
  v.host_path = text.substr(0, first);
  v.sandbox_path =
      text.substr(first + 1, second == std::string::npos ? second : second - first - 1);
  if (second != std::string::npos) {
    const auto mode = text.substr(second + 1);
    if (mode != "ro" && mode != "rw" && mode != "overlay")
      return bad("the mode is neither ro nor rw nor overlay");
    v.read_only = mode == "ro";
    if (mode == "overlay")
      v.kind = volume_kind::overlay;
  }
  if (!is_absolute(v.host_path)) {
    if (v.kind == volume_kind::overlay)
      return bad("only a path can be an overlay's lower layer");
    v.kind = volume_kind::named;
  }
  if (auto checked = validate_volume(v); !checked)
    return fail(checked.error());
  return v;
}

} // namespace sandfleet
