#include "runtime/providers/local/launch_arguments.hpp"
#include "sandbox_agent/launcher/request.hpp"
#include "tests/fuzz/holds.hpp"
#include "tests/fuzz/input.hpp"

#include <map>

namespace {

using namespace sandfleet;

/// What the launcher accepts is fit to be used as paths, names and an environment.
void check_any(std::string_view bytes) {
  const auto arguments = launcher::split_arguments(bytes);
  const auto request = launcher::parse_request(arguments);
  if (!request) {
    holds(!request.error().message.empty());
    return;
  }
  holds(!request->id.empty() && request->id.size() <= 63 &&
        request->id.find('/') == std::string::npos && request->id.find('.') == std::string::npos);
  for (const auto* path : {&request->state_dir, &request->agent_program, &request->workspace})
    holds(path->starts_with('/') && path->find('\0') == std::string::npos);
  for (const auto& one : request->volumes)
    holds(one.host_path.starts_with('/') && one.sandbox_path.starts_with('/'));
  for (const auto& one : request->env)
    holds(one.find('=') != std::string::npos && one.front() != '=');
  const auto& limits = request->limits;
  holds(limits.cpus.value_or(1) > 0 && limits.memory_mb.value_or(1) > 0 &&
        limits.pids.value_or(1) > 0 && limits.disk_mb.value_or(1) > 0);
}

sandbox_spec read_spec(fuzz_input& in) {
  sandbox_spec spec;
  spec.image = in.flag() ? "host" : "rootfs:/" + in.text(20);
  spec.workspace = "/" + in.text(20);
  spec.network = in.flag() ? "none" : "host";
  if (in.flag())
    spec.limits.cpus = static_cast<double>(in.below(64'000) + 1) / 1000;
  if (in.flag())
    spec.limits.memory_mb = static_cast<std::int64_t>(16 + in.below(60'000));
  for (auto count = in.byte() % 4; count > 0; --count)
    spec.volumes.push_back({"/" + in.text(20), "/" + in.text(20), in.flag()});
  for (auto count = in.byte() % 4; count > 0; --count)
    spec.env[in.text(20)] = in.text(40);
  return spec;
}

/// What the engine writes, the launcher reads back.
void check_round_trip(fuzz_input& in) {
  const auto spec = read_spec(in);
  if (!validate(spec))
    return;
  providers::local_settings settings;
  settings.agent_program = "/agent";
  const auto bytes =
      providers::local::launch_arguments(sandbox_id("sb-1"), spec, settings, "/state", "key", "");
  holds(bytes);
  const auto request = launcher::parse_request(launcher::split_arguments(*bytes));
  holds(request);
  holds(request->image == spec.image && request->workspace == spec.workspace &&
        request->host_network == (spec.network == "host"));
  holds(request->limits.cpus == spec.limits.cpus &&
        request->limits.memory_mb == spec.limits.memory_mb);
  holds(request->volumes == spec.volumes);
  std::map<std::string, std::string> env;
  for (const auto& one : request->env)
    env[one.substr(0, one.find('='))] = one.substr(one.find('=') + 1);
  for (const auto& [name, value] : spec.env)
    holds(env[name] == value || name == "SANDFLEET_SANDBOX" || name == "SESSION_API_KEY");
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz_input in(data, size);
  if (in.flag())
    check_round_trip(in);
  else
    check_any(in.rest());
  return 0;
}
