#pragma once

#include "runtime/protocol/remote_api.hpp"
#include "runtime/providers/remote/refusal.hpp"
#include "runtime/transport/http_base.hpp"
#include "runtime/transport/http_client.hpp"

#include <sandfleet/error.hpp>
#include <sandfleet/remote.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sandfleet::providers::remote {

/// What a repetition of a call does that may have been heard.
enum class repetition {
  harmless,
  second_deed, ///< the call is only made again when it cannot have been heard
};

/// One call of the Remote Runtime API.
struct service_call {
  std::string what; ///< for messages: "start the sandbox x"
  std::string method = "GET";
  std::string target; ///< below the service's own path; encoded
  std::string body;
  std::string content_type = "application/json";
  repetition again = repetition::harmless;
  bool may_be_missing = false; ///< 404 is an answer
  /// Before it is made again after a 429 without Retry-After; empty: growing pauses.
  std::optional<std::chrono::milliseconds> busy_wait{};
};

/// Calls of one runtime service. Thread-safe; copies share connections. A call that fails for the
/// network's sake is made up to three times more, with growing pauses; one that is refused for the
/// moment (429, 502, 503, 504) too, after what Retry-After says; all within its patience. Errors
/// are those of refusal.hpp.
class service_api {
 public:
  using runtime_object = protocol::runtime_object;
  template <class T>
  using answered = boost::asio::awaitable<result<T>>;

  /// Errors: `invalid_configuration` for an address or a key that is none.
  [[nodiscard]] static result<service_api> open(boost::asio::any_io_executor executor,
                                                remote_options options);

  /// The same service, with less patience for each call, its repetitions included.
  [[nodiscard]] service_api within(std::chrono::milliseconds patience) const;

  /// The same service, with so much patience.
  [[nodiscard]] service_api lasting(std::chrono::milliseconds patience) const;

  /// Nothing: there is none.
  answered<std::optional<runtime_object>> find_session(std::string session) const;
  answered<std::optional<runtime_object>> find(std::string runtime_id) const;
  answered<std::vector<runtime_object>> list() const;

  /// Made once only when it may have been heard: by its session it is known whether it was.
  answered<runtime_object> start(protocol::runtime_start asked) const;

  /// False: there is none.
  answered<bool> stop(std::string runtime_id) const;
  answered<bool> pause(std::string runtime_id) const;
  answered<bool> resume(std::string runtime_id) const;

  /// The body of a success; nothing for what is missing.
  answered<std::optional<std::string>> send(service_call call) const;

  /// What `read` makes of that body.
  template <class T>
  answered<std::optional<T>> ask(service_call call, result<T> (*read)(std::string_view)) const {
    return ask_and_read<T>(*this, std::move(call), read);
  }

  /// The way to the agent behind a sandbox's url. Errors: `protocol_error`; those of TLS.
  [[nodiscard]] result<transport::http_base> way_to(const std::string& url) const;
  /// Whether that agent answers `/alive`.
  boost::asio::awaitable<bool> is_alive(transport::http_base agent, std::string session_key,
                                        std::chrono::milliseconds patience) const;

  [[nodiscard]] const std::string& url() const;
  void keep_none();

 private:
  struct shared;
  service_api(std::shared_ptr<shared> made, std::chrono::milliseconds patience);
  template <class T>
  static answered<std::optional<T>> ask_and_read(service_api self, service_call call,
                                                 result<T> (*read)(std::string_view)) {
    const auto what = call.what;
    const auto body = co_await self.send(std::move(call));
    if (!body)
      co_return fail(body.error());
    if (!*body)
      co_return std::optional<T>();
    auto told = read(**body);
    if (!told)
      co_return fail(explain_nonsense(what, std::move(told.error())));
    co_return std::optional<T>(std::move(*told));
  }
  answered<bool> act(std::string what, std::string target, std::string runtime_id) const;

  std::shared_ptr<shared> shared_;
  std::chrono::milliseconds patience_;
};

} // namespace sandfleet::providers::remote
