#include "runtime/service/replies.hpp"

#include "runtime/protocol/error_json.hpp"
#include "runtime/protocol/json_writer.hpp"

namespace sandfleet::service {

namespace {
constexpr const char* retry_after_seconds = "1";
}

boost::asio::awaitable<void> reply_json(transport::http_exchange& exchange, int status,
                                        std::string body) {
  transport::header_list headers;
  headers.emplace_back("Content-Type", "application/json");
  if (status == 429 || status == 503)
    headers.emplace_back("Retry-After", retry_after_seconds);
  (void)co_await exchange.reply(status, std::move(headers), std::move(body));
}

boost::asio::awaitable<void> reply_failure(transport::http_exchange& exchange, int status,
                                           error why) {
  protocol::json_writer out;
  out.begin_object().member("detail", why.to_string()).key("error");
  protocol::write_error(out, why);
  out.end_object();
  return reply_json(exchange, status, std::move(out).take());
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
