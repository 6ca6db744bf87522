#pragma once

#include "runtime/tls/client.hpp"
#include "runtime/tls/server.hpp"
#include "runtime/transport/http_client.hpp"
#include "runtime/transport/http_server.hpp"
#include "tests/support/certificates.hpp"
#include "tests/support/temporary_directory.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_future.hpp>
#include <gmock/gmock.h>

#include <algorithm>
#include <filesystem>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace sandfleet::tls {

namespace asio = boost::asio;
using namespace std::chrono_literals;

/// The kind of a failure of TLS; empty when it is none.
inline std::string kind_of(const error& why) {
  for (const auto& [name, value] : why.evidence)
    if (name == "tls")
      return std::get<std::string>(value);
  return {};
}

/// Both sides on one thread, and an authority that signs for them.
class tls_fixture : public ::testing::Test {
 protected:
  static transport::http_server::handler answering() {
    return [](transport::http_exchange& exchange) -> asio::awaitable<void> {
      auto body = co_await exchange.read_body(64U << 20);
      transport::header_list headers;
      if (body)
        (void)co_await exchange.reply(200, std::move(headers), "got " + *body);
    };
  }

  /// Listens on a port of 127.0.0.1.
  void serve(server_options options, std::size_t max_connections = 1024) {
    options.on_failed_handshake = [this](const error& why) { failed_.push_back(why); };
    secure_.emplace(server::make(std::move(options)).value());
    transport::http_server_options http;
    http.concurrent = false;
    http.max_connections = max_connections;
    http.carry = [this](asio::generic::stream_protocol::socket accepted) {
      ++accepted_;
      return (*secure_)(std::move(accepted));
    };
    http_ = std::make_unique<transport::http_server>(context_.get_executor(), answering(), http);
    ASSERT_TRUE(http_->listen(transport::tcp_endpoint{"127.0.0.1", 0}));
  }

  void serve() { serve(options_of(good_)); }

  static server_options options_of(const tests::certificate_files& files) {
    server_options options;
    options.certificate_file = files.certificate;
    options.key_file = files.key;
    return options;
  }

  [[nodiscard]] client_options trusting() const {
    client_options options;
    options.ca_file = authority_.certificate();
    return options;
  }

  transport::http_client client(client_options options, const std::string& host = "127.0.0.1",
                                std::uint16_t port = 0) {
    return {context_.get_executor(),
            transport::tcp_endpoint{host, port != 0 ? port : http_->port()}, 4,
            make_connector(std::move(options)).value()};
  }

  template <class T>
  T run(asio::awaitable<T> work) {
    return wait_for(asio::co_spawn(context_, std::move(work), asio::use_future));
  }

  template <class T>
  T wait_for(std::future<T> done) {
    context_.restart();
    while (done.wait_for(0s) != std::future_status::ready)
      context_.run_one();
    return done.get();
  }

  result<transport::http_reply> post(transport::http_client& with, std::string body = "it",
                                     std::chrono::milliseconds timeout = 20s) {
    transport::http_request request;
    request.method = "POST";
    request.body = std::move(body);
    request.timeout = timeout;
    return run(with.send(std::move(request)));
  }

  /// The failure of one request by a client of its own.
  error failure_of(client_options options, const std::string& host = "127.0.0.1",
                   std::uint16_t port = 0) {
    auto one = client(std::move(options), host, port);
    const auto reply = post(one);
    EXPECT_FALSE(reply);
    return reply ? error{} : reply.error();
  }

  static std::size_t descriptors() {
    const std::filesystem::directory_iterator all("/proc/self/fd");
    return static_cast<std::size_t>(std::distance(begin(all), end(all)));
  }

  /// Until all that goes on for connections that are closed has ended.
  void wait_for_descriptors(std::size_t count) {
    context_.restart();
    while (descriptors() > count && context_.run_one() > 0) {
    }
    EXPECT_EQ(descriptors(), count);
  }

  tests::temporary_directory files_;
  tests::authority authority_{files_.path(), "authority"};
  tests::certificate_files good_ = authority_.sign("good");
  asio::io_context context_;
  asio::steady_timer early_{context_}; ///< a context opens its descriptors when they are first used
  std::optional<server> secure_;
  std::unique_ptr<transport::http_server> http_;
  int accepted_ = 0;
  std::vector<error> failed_; ///< handshakes, as the server saw them
};

} // namespace sandfleet::tls
