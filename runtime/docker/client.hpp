#pragma once

#include "runtime/docker/host.hpp"
#include "runtime/transport/http_client.hpp"

#include <sandfleet/error.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sandfleet::docker {

/// One call of the Engine API.
struct api_call {
  std::string what; ///< for messages: "create the container x"
  std::string method = "GET";
  std::string path; ///< without the version: "/containers/json"; encoded
  std::vector<std::pair<std::string, std::string>> query; ///< not encoded
  transport::header_list headers;
  std::string body;
  /// As of `transport::http_request`, in the place of `body`.
  std::function<boost::asio::awaitable<result<std::string>>()> next_piece{};
  std::string content_type = "application/json";
  std::chrono::milliseconds timeout{60'000};
  /// Takes the body of a success, piece by piece; the first, maybe empty, when its head has come.
  std::function<void(std::string_view)> on_body{};
};

/// What an engine's refusal means: its code by the status, what it says as the cause, of
/// which the evidence {"said_by", "engine"} tells; and "http_status". Class `task` for 400 and 404,
/// else `infrastructure`.
[[nodiscard]] error explain_refusal(const std::string& what, int status, std::string_view body);

/// What an engine says, by whatever way, when its disk is full: then this is what the error means.
[[nodiscard]] error explain_full_disk(error failure, std::string_view said);

/// What it means that no engine answers: with what to do about a socket that is missing, that may
/// not be used, or that nobody listens on, and about TLS.
[[nodiscard]] error explain_silence(const engine_host& host, error failure);

/// Calls of one Docker engine, of the highest API version that both sides know. Thread-safe; copies
/// share connections. Errors: those above; `timed_out`, `protocol_error`, `cancelled`. The evidence
/// "sent" is 0 where the engine cannot have seen the call.
class client {
 public:
  /// With TLS where `host` has it, whose files are read now. Errors: `invalid_configuration`,
  /// naming the file and what is wrong with it.
  [[nodiscard]] static result<client> open(boost::asio::any_io_executor executor, engine_host host);

  /// The reply's body; empty when the call takes it. A status below 400 is a success.
  boost::asio::awaitable<result<std::string>> send(api_call call);

  /// Whether the engine takes a new connection and answers on it within two seconds. One that is
  /// about to stop still serves those that it has.
  boost::asio::awaitable<bool> answers();

  /// Whether it has ever answered this program.
  [[nodiscard]] bool was_reached() const;

  /// The version that is spoken, such as "1.41"; asks the engine the first time, for so long at
  /// most and 10 s.
  boost::asio::awaitable<result<std::string>>
  version(std::chrono::milliseconds patience = std::chrono::seconds{10});

  /// As of `transport::http_client`.
  void keep_none();

  [[nodiscard]] const engine_host& host() const;

  /// Whether it is podman's service; asked once.
  boost::asio::awaitable<result<bool>> is_podman();

 private:
  struct shared;
  explicit client(std::shared_ptr<shared> made);
  std::shared_ptr<shared> shared_;
};

} // namespace sandfleet::docker
