#include "runtime/engine/gateway_reply.hpp"

#include "runtime/protocol/remote_replies.hpp"
#include "runtime/transport/retry_after.hpp"

#include <algorithm>

namespace sandfleet::engine_detail {

namespace {

constexpr std::string_view status_fact = "http_status";
constexpr std::string_view wait_fact = "retry_after_ms";
constexpr std::string_view connected_fact = "connected";

const evidence_value* find_fact(const error& in, std::string_view name) {
  const auto found = std::ranges::find(
      in.evidence, name, [](const auto& fact) { return std::string_view(fact.first); });
  return found == in.evidence.end() ? nullptr : &found->second;
}

std::optional<std::int64_t> number_of(const error& in, std::string_view name) {
  const auto* value = find_fact(in, name);
  const auto* number = value != nullptr ? std::get_if<std::int64_t>(value) : nullptr;
  return number != nullptr ? std::optional(*number) : std::nullopt;
}

const char* meaning_of(int status) {
  switch (status) {
  case 404:
    return "nothing is known there of the sandbox";
  case 429:
    return "there are too many requests";
  case 503:
    return "the sandbox is paused, or cannot be reached at this moment";
  default:
    return "the sandbox cannot be reached";
  }
}

} // namespace

std::optional<error> gateway_refusal(const transport::http_reply& reply, const std::string& what) {
  const int status = reply.status;
  if (status != 404 && status != 429 && status != 502 && status != 503 && status != 504)
    return std::nullopt;
  auto read = protocol::read_refusal(reply.body);
  // Of a file that there is not, the agent says so itself.
  if (status == 404 && read.is_structured && !read.whole)
    return std::nullopt;
  auto refusal = make_error(errc::connection_failed, what + ": " + meaning_of(status))
                     .blamed_on(failure_class::infrastructure)
                     .with_cause(read.detail)
                     .with(std::string(status_fact), std::int64_t{status});
  bool was_passed_on = status == 502 || status == 504;
  if (read.whole) {
    refusal.blame = read.whole->blame;
    refusal.hint = std::move(read.whole->hint);
    if (number_of(*read.whole, connected_fact) == std::int64_t{0})
      was_passed_on = false;
    std::erase_if(read.whole->evidence, [](const auto& fact) {
      return fact.first == connected_fact || fact.first == status_fact || fact.first == wait_fact;
    });
    std::ranges::move(read.whole->evidence, std::back_inserter(refusal.evidence));
  }
  refusal.evidence.emplace_back(connected_fact, std::int64_t{was_passed_on});
  const auto now = std::chrono::system_clock::now();
  if (const auto wait = transport::parse_retry_after(reply.header("retry-after"), now))
    refusal.evidence.emplace_back(wait_fact, std::int64_t{wait->count()});
  return refusal;
}

std::optional<std::chrono::milliseconds> told_wait(const error& refusal) {
  const auto wait = number_of(refusal, wait_fact);
  return wait ? std::optional(std::chrono::milliseconds(*wait)) : std::nullopt;
}

std::int64_t told_status(const error& refusal) {
  return number_of(refusal, status_fact).value_or(0);
}

} // namespace sandfleet::engine_detail
