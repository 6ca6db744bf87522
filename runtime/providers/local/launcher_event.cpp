#include "runtime/providers/local/launcher_event.hpp"

#include "runtime/protocol/json_object.hpp"

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include <limits>

namespace sandfleet::providers::local {

namespace {

constexpr auto max_number = std::numeric_limits<std::int64_t>::max();

std::optional<int> small_number(protocol::json_object& in, std::string_view name) {
  if (const auto number = in.optional_integer(name, 0, 255))
    return static_cast<int>(*number);
  return std::nullopt;
}

std::optional<double> amount(protocol::json_object& in, std::string_view name) {
  if (!in.has(name))
    return std::nullopt;
  return in.number_or(name, 0, 0, 1e18);
}

limits_told limits_of(protocol::json_object& in) {
  limits_told told;
  told.can_pause = in.boolean_or("can_pause", false);
  if (const auto* limits = in.find("limits"); limits != nullptr && limits->is_object())
    for (const auto& [name, state] : limits->get_object())
      if (state.is_string())
        told.limits.emplace(std::string(name), std::string(state.get_string()));
  return told;
}

/// The value of an enumeration by its name.
template <class Enum>
Enum named(std::string_view name, Enum last, Enum otherwise) {
  for (int i = 0; i <= static_cast<int>(last); ++i)
    if (to_string(static_cast<Enum>(i)) == name)
      return static_cast<Enum>(i);
  return otherwise;
}

failed_told failed_of(protocol::json_object& in) {
  failed_told told;
  auto& failure = told.failure;
  failure.code = named(in.string_or("code", ""), errc::internal, errc::start_failed);
  failure.blame =
      named(in.string("class"), failure_class::ambiguous, failure_class::infrastructure);
  failure.message = in.string_or("message", "");
  failure.cause = in.string_or("cause", "");
  failure.hint = in.string_or("hint", "");
  if (auto log = in.string_or("log", ""); !log.empty())
    failure.evidence.emplace_back("log", std::move(log));
  return told;
}

exited_told exited_of(protocol::json_object& in) {
  exited_told told;
  told.exit_code = small_number(in, "exit_code");
  told.signal = small_number(in, "signal");
  told.usage.oom_kills = in.optional_integer("oom_kills", 0, max_number);
  told.usage.cpu_seconds = amount(in, "cpu_seconds");
  told.usage.peak_memory_mb = amount(in, "peak_memory_mb");
  if (const auto* touched = in.find("touched"); touched != nullptr && touched->is_object())
    for (const auto& [limit, count] : touched->get_object())
      if (count.is_int64() && count.get_int64() >= 0)
        told.usage.touched.emplace(std::string(limit), count.get_int64());
  told.oom_victims = in.string_or("oom_victims", "");
  told.log = in.string_or("log", "");
  return told;
}

launcher_event event_of(protocol::json_object& in) {
  const auto kind = in.string("event");
  if (kind == "limits")
    return limits_of(in);
  if (kind == "warning")
    return warning_told{in.string("message")};
  if (kind == "started")
    return started_told{
        static_cast<pid_t>(in.integer("pid", 1, std::numeric_limits<pid_t>::max()))};
  if (kind == "paused" || kind == "resumed")
    return paused_told{kind == "paused"};
  if (kind == "kept")
    return kept_told{};
  if (kind == "stopping")
    return stopping_told{in.string("cause")};
  if (kind == "refused")
    return refused_told{in.string("message")};
  if (kind == "failed")
    return failed_of(in);
  if (kind == "exited")
    return exited_of(in);
  in.reject("event", "is not known");
  return text_told{};
}

} // namespace

launcher_event parse_launcher_event(std::string_view line) {
  if (line == "ready")
    return ready_told{};
  if (line.starts_with('{')) {
    protocol::json_object in(line, errc::protocol_error, "the launcher's event");
    auto event = event_of(in);
    if (!in.failure())
      return event;
  }
  return text_told{std::string(line)};
}

} // namespace sandfleet::providers::local
