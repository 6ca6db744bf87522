#include "runtime/service/specify.hpp"

namespace sandfleet::service {

namespace {

/// Of OpenHands' action execution server.
void apply(sandbox_spec& spec, const protocol::action_server_command& server) {
  if (!server.working_dir.empty())
    spec.workspace = server.working_dir;
  spec.docker.user_id = server.user_id;
  if (!server.username.empty())
    spec.docker.user_name = server.username;
}

} // namespace

result<sandbox_spec> specify(const sandbox_spec& base, const journal::sandbox_row& row,
                             const protocol::runtime_start& asked) {
  auto spec = base;
  spec.id = row.id;
  spec.session_key = row.session_key;
  // What a local sandbox is made of is for who runs the service to say.
  if (spec.provider.str() != "local")
    spec.image = asked.image;
  spec.env["RUNTIME_ID"] = row.id.str();
  for (const auto& [name, value] : asked.environment)
    spec.env[name] = value;
  auto server = protocol::read_action_server_command(asked.command);
  if (!server)
    return fail(std::move(server.error()));
  if (*server)
    apply(spec, **server);
  else if (!asked.command.empty() && !asked.working_dir.empty())
    spec.workspace = asked.working_dir;
  const auto factor = asked.resource_factor;
  if (spec.limits.cpus)
    *spec.limits.cpus *= factor;
  if (spec.limits.memory_mb)
    *spec.limits.memory_mb *= factor;
  if (!asked.runtime_class.empty())
    spec.docker.runtime = asked.runtime_class;
  if (asked.run_as_user)
    spec.docker.user = std::to_string(*asked.run_as_user) +
                       (asked.run_as_group ? ":" + std::to_string(*asked.run_as_group) : "");
  spec.labels[std::string(service_label)] = row.owner;
  spec.labels["sandfleet.session"] = row.session_id;
  if (auto checked = validate(spec); !checked)
    return fail(std::move(checked.error()));
  return spec;
}

resources resources_of(const sandbox_spec& base, const protocol::runtime_start& asked) {
  return {base.limits.cpus.value_or(0) * asked.resource_factor,
          base.limits.memory_mb.value_or(0) * asked.resource_factor};
}

} // namespace sandfleet::service
