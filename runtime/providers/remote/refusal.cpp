#include "runtime/providers/remote/refusal.hpp"

#include "runtime/protocol/remote_replies.hpp"

#include <algorithm>

namespace sandfleet::providers::remote {

namespace {

struct meaning {
  errc code;
  failure_class blame;
  const char* hint;
};

meaning meaning_of(int status) {
  using enum failure_class;
  switch (status) {
  case 400:
  case 422:
    return {errc::invalid_argument, task, ""};
  case 401:
  case 403:
    return {errc::permission_denied, task, "set SANDBOX_API_KEY to a key that the service knows"};
  case 404:
    return {errc::not_found, task,
            "is SANDBOX_REMOTE_RUNTIME_API_URL the address of a runtime service?"};
  case 409:
    return {errc::already_exists, task, ""};
  case 429:
    return {errc::limit_exceeded, infrastructure,
            "the quota of the key is used up: stop sandboxes, or try again later"};
  default:
    return {status < 500 ? errc::protocol_error : errc::connection_failed, infrastructure, ""};
  }
}

} // namespace

error explain_refusal(const std::string& what, int status, std::string_view body) {
  auto read = protocol::read_refusal(body);
  const auto usual = meaning_of(status);
  auto refusal =
      make_error(usual.code, "remote: cannot " + what)
          .blamed_on(usual.blame)
          .with_cause(read.detail.empty() ? "the service answered " + std::to_string(status)
                                          : read.detail)
          .with_hint(usual.hint)
          .with("http_status", std::int64_t{status});
  if (!read.whole)
    return refusal;
  refusal.cause = std::move(read.whole->message);
  if (!read.whole->cause.empty())
    refusal.cause += ": " + read.whole->cause;
  if (status != 401 && status != 403 && status != 429) { // of which it is known what they mean
    if (status < 500)
      refusal.code = read.whole->code;
    refusal.blame = read.whole->blame;
    refusal.hint = std::move(read.whole->hint);
  }
  std::ranges::move(read.whole->evidence, std::back_inserter(refusal.evidence));
  return refusal;
}

error explain_silence(const std::string& what, const std::string& url, error failure) {
  failure.message = "remote: cannot " + what + ": " + failure.message;
  failure.blame = failure.code == errc::cancelled ? failure.blame : failure_class::infrastructure;
  if (failure.hint.empty() && failure.code != errc::cancelled)
    failure.hint =
        "does the runtime service at " + url + " run? see SANDBOX_REMOTE_RUNTIME_API_URL";
  return failure;
}

error explain_nonsense(const std::string& what, error failure) {
  failure.cause = failure.cause.empty() ? failure.message : failure.message + ": " + failure.cause;
  failure.message = "remote: cannot " + what + ": the service's answer makes no sense";
  failure.blame = failure_class::infrastructure;
  failure.hint = "is SANDBOX_REMOTE_RUNTIME_API_URL the address of a runtime service?";
  return failure;
}

bool is_passing(int status) noexcept {
  return status == 429 || status == 502 || status == 503 || status == 504;
}

bool was_never_sent(const error& failure) {
  return std::ranges::any_of(failure.evidence, [](const auto& fact) {
    return fact.first == "connected" && fact.second == evidence_value{std::int64_t{0}};
  });
}

} // namespace sandfleet::providers::remote
