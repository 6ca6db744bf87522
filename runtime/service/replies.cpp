#include "runtime/service/replies.hpp"

#include "runtime/protocol/error_json.hpp"
#include "runtime/protocol/json_writer.hpp"

namespace sandfleet::service {

namespace {

using handling = boost::asio::awaitable<void>;

handling send_json(transport::http_exchange& exchange, int status, std::string body,
                   std::string retry_after) {
  transport::header_list headers;
  headers.emplace_back("Content-Type", "application/json");
  if (!retry_after.empty())
    headers.emplace_back("Retry-After", std::move(retry_after));
  (void)co_await exchange.reply(status, std::move(headers), std::move(body));
}

/// In seconds; empty: another time will not help.
std::string retry_after(int status, const error& why) {
  if (status != 429 && status != 503)
    return {};
  for (const auto& [name, value] : why.evidence)
    if (const auto* seconds = std::get_if<std::int64_t>(&value); seconds && name == "retry_after_s")
      return std::to_string(*seconds);
  return "1";
}

} // namespace

handling reply_json(transport::http_exchange& exchange, int status, std::string body) {
  return send_json(exchange, status, std::move(body), {});
}

handling reply_failure(transport::http_exchange& exchange, int status, error why) {
  protocol::json_writer out;
  out.begin_object().member("detail", why.to_string()).key("error");
  protocol::write_error(out, why);
  out.end_object();
  return send_json(exchange, status, std::move(out).take(), retry_after(status, why));
}

int status_of(const error& why) noexcept {
  switch (why.code) {
  case errc::not_found:
    return 404;
  case errc::invalid_argument:
  case errc::invalid_configuration:
  case errc::unsupported:
    return 422;
  case errc::already_exists:
    return 409;
  case errc::permission_denied:
    return 403;
  case errc::limit_exceeded:
    return 429;
  case errc::timed_out:
    return 504;
  case errc::shutting_down:
    return 503;
  default:
    return 500;
  }
}

int status_of_lost(const error& why) noexcept {
  switch (why.code) {
  case errc::not_found:
    return 404;
  case errc::sandbox_paused:
  case errc::shutting_down:
  case errc::connection_failed: // it starts, or does not answer at this moment
    return 503;
  case errc::timed_out:
    return 504;
  default:
    return 502;
  }
}

} // namespace sandfleet::service
