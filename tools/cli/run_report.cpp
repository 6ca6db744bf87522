#include "tools/cli/run_report.hpp"

#include "runtime/protocol/utf8.hpp"

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

namespace sandfleet::cli {

namespace {

namespace json = boost::json;

template <class T>
json::value or_null(const std::optional<T>& given) {
  return given ? json::value(*given) : json::value(nullptr);
}

json::object verdict_of(const run_report& report) {
  json::object evidence;
  if (report.failure) {
    const auto& failure = *report.failure;
    evidence["code"] = to_string(failure.code);
    if (!failure.cause.empty())
      evidence["cause"] = protocol::to_utf8(failure.cause);
    for (const auto& [name, fact] : failure.evidence)
      evidence[name] = std::holds_alternative<std::int64_t>(fact)
                           ? json::value(std::get<std::int64_t>(fact))
                           : json::value(protocol::to_utf8(std::get<std::string>(fact)));
    return {{"class", to_string(failure.blame)},
            {"cause", protocol::to_utf8(failure.message)},
            {"evidence", std::move(evidence)}};
  }
  const auto& outcome = *report.result;
  const bool killed_for_memory = report.usage.oom_kills.value_or(0) > 0;
  if (killed_for_memory)
    evidence["oom_kills"] = *report.usage.oom_kills;
  if (outcome.exit_code == 0)
    return {{"class", "ok"}, {"cause", ""}, {"evidence", std::move(evidence)}};
  std::string cause = "ended by a signal";
  if (outcome.timed_out)
    cause = "timed out";
  else if (killed_for_memory)
    cause = "out of memory";
  else if (outcome.exit_code)
    cause = "exit code is not 0";
  if (outcome.exit_code)
    evidence["exit_code"] = *outcome.exit_code;
  if (outcome.signal)
    evidence["signal"] = *outcome.signal;
  return {{"class", to_string(failure_class::agent)},
          {"cause", std::move(cause)},
          {"evidence", std::move(evidence)}};
}

json::object limits_of(const limits_report& report) {
  json::object limits;
  for (const auto& [limit, state] : report)
    limits[limit] = state;
  return limits;
}

} // namespace

std::string started_json(const sandbox_id& id, const limits_report& limits) {
  const json::object all{{"sandbox", json::object{{"id", id.str()}, {"kept", true}}},
                         {"limits", limits_of(limits)}};
  return json::serialize(all);
}

std::string to_json(const run_report& report, int status) {
  const auto outcome = report.result.value_or(exec_result{});
  const json::object all{
      {"exit_status", status},
      {"exit_code", or_null(outcome.exit_code)},
      {"signal", or_null(outcome.signal)},
      {"timed_out", outcome.timed_out},
      {"stdout", protocol::to_utf8(outcome.out)},
      {"stderr", protocol::to_utf8(outcome.err)},
      {"stdout_truncated", outcome.out_truncated},
      {"stderr_truncated", outcome.err_truncated},
      {"verdict", verdict_of(report)},
      {"seconds", json::object{{"start", report.start_seconds},
                               {"run", report.run_seconds},
                               {"stop", report.stop_seconds}}},
      {"usage", json::object{{"cpu_seconds", or_null(report.usage.cpu_seconds)},
                             {"peak_memory_mb", or_null(report.usage.peak_memory_mb)},
                             {"oom_kills", or_null(report.usage.oom_kills)}}},
      {"limits", limits_of(report.limits)},
      {"sandbox", json::object{{"provider", report.spec.provider.str()},
                               {"id", report.id.str()},
                               {"kept", report.kept},
                               {"image", report.spec.image}}},
  };
  return json::serialize(all);
}

} // namespace sandfleet::cli
