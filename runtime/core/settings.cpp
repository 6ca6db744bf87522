#include <sandfleet/settings.hpp>

#include <array>
#include <string_view>

namespace sandfleet {

namespace {

using std::chrono::milliseconds;

/// sun_path holds 108 bytes; what is below the state directory needs the rest.
constexpr std::size_t max_state_dir_bytes = 60;

tl::unexpected<error> bad(std::string_view setting, const std::string& given,
                          const std::string& allowed) {
  return fail(make_error(errc::invalid_configuration,
                         std::string(setting) + ": '" + given + "' is not acceptable")
                  .with_cause("allowed: " + allowed)
                  .with("setting", std::string(setting)));
}

result<void> within(std::string_view setting, std::int64_t given, std::int64_t minimum,
                    std::int64_t maximum, std::string_view unit = {}) {
  if (given >= minimum && given <= maximum)
    return {};
  return bad(setting, std::to_string(given) + std::string(unit),
             std::to_string(minimum) + " to " + std::to_string(maximum) + std::string(unit));
}

result<void> check_image(const std::string& image) {
  constexpr std::string_view prefix = "rootfs:/";
  if (image == "host" || image.starts_with(prefix))
    return {};
  return bad("image", image, "host, or rootfs:/PATH, with the provider local");
}

result<void> check_path(std::string_view setting, const std::string& path) {
  if (path.empty() || (path.front() == '/' && path.find('\0') == std::string::npos))
    return {};
  return bad(setting, path, "an absolute path, or nothing for the default");
}

} // namespace

result<void> validate(const settings& s) {
  const bool is_local = s.provider.str() == "local";
  if (!is_local && s.provider.str() != "docker" && s.provider.str() != "remote")
    return bad("provider", s.provider.str(), "local, docker, remote");
  if (s.state_dir.size() > max_state_dir_bytes)
    return bad("state_dir", s.state_dir,
               "at most " + std::to_string(max_state_dir_bytes) +
                   " bytes, because sockets are made below it");
  constexpr std::int64_t day = milliseconds(std::chrono::hours(24)).count();
  const std::array checks = {
      is_local ? check_image(s.image) : result<void>{},
      check_path("state_dir", s.state_dir),
      check_path("agent_program", s.agent_program),
      check_path("launcher_program", s.launcher_program),
      within("io_threads", s.io_threads, 1, 64),
      within("max_parallel_starts", s.max_parallel_starts, 0, 10'000),
      within("start_attempts", s.start_attempts, 1, 20),
      within("start_backoff_base", s.start_backoff_base.count(), 1, day, " ms"),
      within("start_backoff_cap", s.start_backoff_cap.count(), 1, day, " ms"),
      within("health_interval", s.health_interval.count(), 0, day, " ms"),
      within("health_timeout", s.health_timeout.count(), 1, day, " ms"),
      within("remote_runtime_api_timeout", s.remote.api_timeout.count(), 1, day, " ms"),
  };
  for (const auto& check : checks)
    if (!check)
      return check;
  const auto factor = s.remote.resource_factor;
  if (factor != 1 && factor != 2 && factor != 4 && factor != 8)
    return bad("remote_runtime_resource_factor", std::to_string(factor), "1, 2, 4 or 8");
  if (s.start_backoff_cap < s.start_backoff_base)
    return bad("start_backoff_cap", std::to_string(s.start_backoff_cap.count()) + " ms",
               "at least start_backoff_base, " + std::to_string(s.start_backoff_base.count()) +
                   " ms");
  return {};
}

} // namespace sandfleet
