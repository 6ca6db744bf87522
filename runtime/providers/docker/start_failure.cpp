#include "runtime/providers/docker/start_failure.hpp"

#include "runtime/core/text.hpp"

#include <array>

namespace sandfleet::providers::docker {

namespace {

/// A part of what engines say, in lower case, and what it means.
struct meaning {
  std::string_view said;
  errc code;
  failure_class blame;
  std::string_view hint;
  std::string_view also{}; ///< a further part that has to be there
};

constexpr std::string_view other_platform_hint =
    "take an image for this machine, or set 'platform' where the engine can emulate the other";

constexpr auto start_meanings = std::to_array<meaning>({
    {"exec format error", errc::unsupported, failure_class::task,
     "the image is for another kind of processor than this machine: take one for it, or set "
     "'platform' where the engine can emulate it"},
    {"does not match the specified platform", errc::not_found, failure_class::task,
     "the engine has that image for another platform: pull it for this one"},
    {"unable to find network with name or id", errc::not_found, failure_class::task,
     "'docker network ls' lists the networks"},
    {"unable to find group", errc::not_found, failure_class::task,
     "the image has no such group: name one that it has, or a number"},
    {"is not in a separate kernel namespace", errc::invalid_argument, failure_class::task,
     "look at the sysctls: a container cannot have that one of its own"},
    {"error mounting \"tmpfs\"", errc::invalid_argument, failure_class::task,
     "look at the options of tmpfs", "invalid argument"},
    {"error setting rlimit", errc::invalid_argument, failure_class::task,
     "look at the ulimits: a soft limit is at most its hard one", "invalid argument"},
    {"wrong rlimit value", errc::invalid_argument, failure_class::task,
     "look at the ulimits: their names are as in 'nofile'"},
    {"invalid mac address", errc::invalid_argument, failure_class::task, "look at mac_address"},
    {"invalid device cgroup rule", errc::invalid_argument, failure_class::task,
     "a rule is like 'c 10:229 rwm'"},
    {"stat /dev/", errc::not_found, failure_class::task,
     "look at the devices: the engine's machine has no such one", "no such file"},
    {"/cpu.rt_", errc::unsupported, failure_class::task,
     "the engine's machine has no real-time share to give: look at cpu_rt_runtime", "invalid"},
    {"no such container", errc::start_failed, failure_class::infrastructure,
     "somebody has removed the container while it was being started"},
    {"unable to find user", errc::not_found, failure_class::task,
     "the image has no such user: name one that it has, or a number"},
    {"error gathering device information", errc::not_found, failure_class::task,
     "look at the devices: the engine's machine has no such one"},
    {"decoding seccomp profile failed", errc::invalid_argument, failure_class::task,
     "seccomp= takes the profile's own text, or 'unconfined'"},
    {"--storage-opt is supported only", errc::unsupported, failure_class::task,
     "the engine's storage cannot limit a container's disk"},
    {"port is already allocated", errc::already_exists, failure_class::infrastructure,
     "another program has the port"},
    {"address already in use", errc::already_exists, failure_class::infrastructure,
     "another program has the port"},
    {"could not select device driver", errc::unsupported, failure_class::task,
     "this machine has no GPU that containers may use: install the NVIDIA container toolkit, or "
     "turn enable_gpu off"},
    {"unknown or invalid runtime name", errc::not_found, failure_class::task,
     "'docker info' lists the runtimes that the engine has"},
    {"bind source path does not exist", errc::not_found, failure_class::task,
     "does this path exist? the engine does not see it: it may be on another machine, or a snap"},
    {"invalid mount config", errc::invalid_argument, failure_class::task, "look at the volumes"},
    {"failed to mount local volume", errc::invalid_argument, failure_class::task,
     "look at the volumes: overlays need a lower layer that exists and is no overlay itself"},
    {"invalid reference format", errc::invalid_argument, failure_class::task,
     "an image is called like 'python:3.12' or 'host:5000/name:tag'"},
    {"permission denied", errc::permission_denied, failure_class::infrastructure,
     "the engine may not do this: see its log"},
});

constexpr auto pull_meanings = std::to_array<meaning>({
    {"no matching manifest", errc::unsupported, failure_class::task,
     "the image is not made for this platform: set 'platform', or take another one"},
    {"pull access denied", errc::permission_denied, failure_class::task,
     "is the name right? a private image wants 'docker login' first"},
    {"no basic auth credentials", errc::permission_denied, failure_class::task,
     "'docker login' to the registry first"},
    {"incorrect username or password", errc::permission_denied, failure_class::task,
     "the login that Docker's config.json has is wrong: 'docker login' anew"},
    {"unauthorized", errc::permission_denied, failure_class::task,
     "'docker login' to the registry first"},
    {"denied", errc::permission_denied, failure_class::task,
     "'docker login' to the registry first"},
    {"manifest unknown", errc::not_found, failure_class::task, "the registry has no such tag"},
    {"does not match the specified platform", errc::unsupported, failure_class::task,
     "the image is not made for this platform: set 'platform', or take another one"},
    {"http response to https client", errc::connection_failed, failure_class::task,
     "this registry does not speak TLS: 'insecure-registries' of the engine's daemon.json allows "
     "that"},
    {"certificate", errc::connection_failed, failure_class::task,
     "the engine does not trust the registry's certificate: put its authority below "
     "/etc/docker/certs.d"},
    {"no such host", errc::connection_failed, failure_class::infrastructure,
     "the engine finds no such registry: is the name right, and has the engine a network?"},
    {"connection refused", errc::connection_failed, failure_class::infrastructure,
     "the registry does not answer"},
    {"i/o timeout", errc::connection_failed, failure_class::infrastructure,
     "the registry does not answer the engine"},
    {"not found", errc::not_found, failure_class::task, "is the name right?"},
    {"toomanyrequests", errc::limit_exceeded, failure_class::infrastructure,
     "the registry limits pulls: log in, or wait"},
});

std::string said_by(const error& refusal) {
  for (const auto& [name, value] : refusal.evidence)
    if (name == "said_by")
      return core::to_lower(refusal.cause);
  return {};
}

bool says(const error& refusal, std::string_view part) {
  return said_by(refusal).find(part) != std::string::npos;
}

error with_meaning(error refusal, std::span<const meaning> meanings) {
  const auto said = said_by(refusal);
  for (const auto& one : meanings) {
    if (said.find(one.said) == std::string::npos || said.find(one.also) == std::string::npos)
      continue;
    refusal.code = one.code;
    refusal.blame = one.blame;
    refusal.hint = one.hint;
    break;
  }
  return refusal;
}

} // namespace

bool was_refused(const error& failure) {
  const evidence_value none(std::int64_t{0});
  bool was_answered = false;
  for (const auto& [name, value] : failure.evidence) {
    if ((name == "sent" || name == "connected") && value == none)
      return true;
    was_answered = was_answered || name == "http_status";
  }
  if (was_answered)
    return failure.code != errc::already_exists;
  return failure.code == errc::unsupported;
}

bool is_missing_image(const error& refusal) {
  return refusal.code == errc::not_found &&
         (says(refusal, "no such image") || says(refusal, "image not known"));
}

bool is_taken_port(const error& refusal) {
  return says(refusal, "port is already allocated") || says(refusal, "address already in use");
}

error explain_start(error refusal) {
  if (refusal.code == errc::not_found && said_by(refusal).starts_with("network "))
    refusal.hint = "'docker network ls' lists the networks";
  // A container that was asked for is missing by 404; by 400 it is one that is to be shared with.
  if (refusal.code == errc::invalid_argument && says(refusal, "no such container")) {
    refusal.code = errc::not_found;
    refusal.hint = "look at pid_mode, ipc_mode, links and volumes_from: the engine has no such "
                   "container to share with";
    return refusal;
  }
  return with_meaning(std::move(refusal), start_meanings);
}

error explain_pull(const std::string& image, error refusal) {
  refusal.message = "the image '" + image + "' cannot be pulled";
  // No registry was reached: it may be the network, or a name that was meant for this engine alone.
  if (!said_by(refusal).empty())
    refusal.blame = failure_class::infrastructure;
  return with_meaning(std::move(refusal), pull_meanings);
}

std::optional<error> foreign_platform(const std::string& image,
                                      const std::vector<std::string>& warnings) {
  constexpr std::string_view sign = "requested image's platform";
  for (const auto& warning : warnings)
    if (warning.find(sign) != std::string::npos)
      return make_error(errc::unsupported, "the image '" + image + "' is for another platform")
          .blamed_on(failure_class::task)
          .with_cause(warning)
          .with_hint(std::string(other_platform_hint));
  return std::nullopt;
}

error wrong_architecture(const std::string& image, const std::string& of_image,
                         const std::string& of_agent) {
  return make_error(errc::unsupported, "the image '" + image + "' is for another processor")
      .blamed_on(failure_class::task)
      .with_cause("it is made for " + of_image + ", not for " + of_agent)
      .with("architecture", of_image)
      .with_hint(std::string(other_platform_hint));
}

error not_ours(const sandbox_id& id) {
  return make_error(errc::permission_denied,
                    "the sandbox " + id.str() + " belongs to another program, which runs")
      .with_hint("it ends with that program");
}

} // namespace sandfleet::providers::docker
