#include <sandfleet/error.hpp>

#include <system_error>

namespace sandfleet {

error&& error::with_cause(std::string text) && {
  cause = std::move(text);
  return std::move(*this);
}

error&& error::with_hint(std::string text) && {
  hint = std::move(text);
  return std::move(*this);
}

error&& error::with(std::string name, evidence_value value) && {
  evidence.emplace_back(std::move(name), std::move(value));
  return std::move(*this);
}

error&& error::blamed_on(failure_class who) && {
  blame = who;
  return std::move(*this);
}

std::string error::to_string() const {
  std::string text = message;
  if (!cause.empty())
    text += ": " + cause;
  if (!evidence.empty()) {
    text += " (";
    const char* separator = "";
    for (const auto& [name, value] : evidence) {
      text += separator + name + "=";
      if (const auto* number = std::get_if<std::int64_t>(&value))
        text += std::to_string(*number);
      else
        text += std::get<std::string>(value);
      separator = ", ";
    }
    text += ")";
  }
  if (!hint.empty())
    text += "; " + hint;
  return text;
}

error make_error(errc code, std::string message) {
  error failure;
  failure.code = code;
  failure.blame = default_blame(code);
  failure.message = std::move(message);
  return failure;
}

tl::unexpected<error> fail(errc code, std::string message) {
  return tl::unexpected(make_error(code, std::move(message)));
}

tl::unexpected<error> fail(error failure) {
  return tl::unexpected(std::move(failure));
}

error errno_error(errc code, std::string message, int error_number) {
  return make_error(code, std::move(message))
      .with_cause(std::generic_category().message(error_number))
      .with("errno", std::int64_t{error_number});
}

failure_class default_blame(errc code) noexcept {
  switch (code) {
  case errc::invalid_argument:
  case errc::invalid_configuration:
  case errc::not_found:
  case errc::already_exists:
  case errc::unsupported:
    return failure_class::task;
  case errc::out_of_memory:
    return failure_class::agent;
  case errc::permission_denied:
  case errc::limit_exceeded:
  case errc::timed_out:
  case errc::cancelled:
    return failure_class::ambiguous;
  case errc::shutting_down:
  case errc::start_failed:
  case errc::sandbox_lost:
  case errc::sandbox_paused:
  case errc::connection_failed:
  case errc::protocol_error:
  case errc::io_error:
  case errc::internal:
    return failure_class::infrastructure;
  }
  return failure_class::ambiguous;
}

bool may_be_retried(const error& failure) noexcept {
  return failure.blame == failure_class::infrastructure && failure.code != errc::unsupported;
}

std::string_view to_string(errc code) noexcept {
  switch (code) {
  case errc::invalid_argument:
    return "invalid_argument";
  case errc::invalid_configuration:
    return "invalid_configuration";
  case errc::not_found:
    return "not_found";
  case errc::already_exists:
    return "already_exists";
  case errc::permission_denied:
    return "permission_denied";
  case errc::limit_exceeded:
    return "limit_exceeded";
  case errc::timed_out:
    return "timed_out";
  case errc::cancelled:
    return "cancelled";
  case errc::shutting_down:
    return "shutting_down";
  case errc::start_failed:
    return "start_failed";
  case errc::sandbox_lost:
    return "sandbox_lost";
  case errc::sandbox_paused:
    return "sandbox_paused";
  case errc::out_of_memory:
    return "out_of_memory";
  case errc::connection_failed:
    return "connection_failed";
  case errc::protocol_error:
    return "protocol_error";
  case errc::unsupported:
    return "unsupported";
  case errc::io_error:
    return "io_error";
  case errc::internal:
    return "internal";
  }
  return "unknown";
}

std::string_view to_string(failure_class value) noexcept {
  switch (value) {
  case failure_class::agent:
    return "agent";
  case failure_class::task:
    return "task";
  case failure_class::infrastructure:
    return "infrastructure";
  case failure_class::ambiguous:
    return "ambiguous";
  }
  return "unknown";
}

} // namespace sandfleet
