#include "runtime/providers/remote/verdict.hpp"

#include "runtime/core/text.hpp"

#include <algorithm>

namespace sandfleet::providers::remote {

namespace {

bool was_killed_for_memory(const protocol::runtime_object& told) {
  return std::ranges::any_of(told.restart_reasons, [](const std::string& reason) {
    return core::to_lower(reason).find("oom") != std::string::npos;
  });
}

void add_evidence(const protocol::runtime_object& told, error& failure) {
  failure.evidence.emplace_back("status", told.status);
  if (!told.pod_status.empty())
    failure.evidence.emplace_back("pod_status", told.pod_status);
  if (told.restart_count > 0)
    failure.evidence.emplace_back("restart_count", told.restart_count);
  if (!told.restart_reasons.empty()) {
    const std::vector<std::string_view> reasons(told.restart_reasons.begin(),
                                                told.restart_reasons.end());
    failure.evidence.emplace_back("restart_reasons", core::join(reasons, "; "));
  }
}

error explain_end(const sandbox_id& id, const protocol::runtime_object& told, bool was_ready) {
  if (told.failure) {
    auto failure = *told.failure;
    if (failure.cause.empty())
      failure.cause = failure.message;
    failure.message = "the sandbox " + id.str() +
                      (was_ready ? " has ended at the service" : " did not start at the service");
    add_evidence(told, failure);
    return failure;
  }
  const std::string what = "the sandbox " + id.str();
  auto failure = make_error(was_ready ? errc::sandbox_lost : errc::start_failed,
                            what + (was_ready ? " has ended" : " did not start"))
                     .blamed_on(failure_class::infrastructure);
  if (was_killed_for_memory(told)) {
    failure.code = errc::out_of_memory;
    failure.blame = was_ready ? failure_class::agent : failure_class::task;
    failure.cause = "it was killed for memory";
    failure.hint = "raise remote_runtime_resource_factor";
  } else if (told.pod_status == "crashloopbackoff") {
    failure.blame = failure_class::ambiguous;
    failure.cause = "it crashes and is started anew again and again, likely for want of memory";
    failure.hint = "raise remote_runtime_resource_factor";
  } else if (told.status == "stopped") {
    failure.cause = "somebody stopped it at the service";
  } else {
    failure.cause = "the service says that its state is '" +
                    (told.pod_status.empty() ? told.status : told.pod_status) + "'";
  }
  add_evidence(told, failure);
  return failure;
}

} // namespace

judgement judge(const sandbox_id& id, const protocol::runtime_object& told, bool was_ready) {
  auto lower = told;
  lower.status = core::to_lower(told.status);
  lower.pod_status = core::to_lower(told.pod_status);
  const auto& [status, pod] = std::tie(lower.status, lower.pod_status);
  if (status == "paused")
    return {condition::paused, std::nullopt};
  if (status == "stopped" || status == "error" || pod == "failed" || pod == "unknown" ||
      pod == "crashloopbackoff")
    return {condition::ended, explain_end(id, lower, was_ready)};
  if (pod == "ready" || (status == "running" && pod.empty()))
    return {condition::ready, std::nullopt};
  return {condition::coming, std::nullopt};
}

error vanished(const sandbox_id& id) {
  return make_error(errc::sandbox_lost, "the sandbox " + id.str() + " has gone")
      .with_cause("the runtime service knows nothing of it any more")
      .blamed_on(failure_class::infrastructure);
}

} // namespace sandfleet::providers::remote
