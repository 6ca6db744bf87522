#include "runtime/tls/client.hpp"
#include "runtime/tls/server.hpp"
#include "runtime/transport/http_server.hpp"
#include "runtime/transport/io_pool.hpp"
#include "tests/support/certificates.hpp"
#include "tests/support/temporary_directory.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_future.hpp>
#include <gmock/gmock.h>

#include <array>
#include <cstdio>
#include <future>
#include <memory>
#include <sys/wait.h>
#include <utility>

namespace sandfleet::tls {
namespace {

namespace asio = boost::asio;
using ::testing::HasSubstr;

/// A server on several threads, for other people's clients.
class tls_real_clients : public ::testing::Test {
 protected:
  void serve(bool wants_certificate = false) {
    server_options options;
    options.certificate_file = good_.certificate;
    options.key_file = good_.key;
    if (wants_certificate)
      options.client_ca_file = authority_.certificate();
    transport::http_server_options http;
    http.carry = server::make(options).value();
    http_ = std::make_unique<transport::http_server>(
        pool_.executor(),
        [](transport::http_exchange& exchange) -> asio::awaitable<void> {
          auto body = co_await exchange.read_body(64U << 20);
          transport::header_list headers;
          if (body && exchange.path() == "/long")
            (void)co_await exchange.reply(200, std::move(headers), std::string(5U << 20, 'x'));
          else if (body)
            (void)co_await exchange.reply(200, std::move(headers),
                                          std::to_string(body->size()) + " bytes");
        },
        http);
    ASSERT_TRUE(http_->listen(transport::tcp_endpoint{"127.0.0.1", 0}));
  }

  [[nodiscard]] std::string url(const std::string& scheme = "https") const {
    return scheme + "://localhost:" + std::to_string(http_->port());
  }

  /// What a command prints, and its exit code; 127: there is no such program.
  static std::pair<std::string, int> output_of(const std::string& command) {
    std::string printed;
    std::FILE* pipe = ::popen(("exec 2>&1; " + command).c_str(), "r");
    std::array<char, 4096> piece{};
    while (const auto n = std::fread(piece.data(), 1, piece.size(), pipe))
      printed.append(piece.data(), n);
    const int status = ::pclose(pipe);
    return {printed, WIFEXITED(status) ? WEXITSTATUS(status) : -1};
  }

  static bool has(const std::string& program) {
    return output_of("command -v " + program).second == 0;
  }

  tests::temporary_directory files_;
  tests::authority authority_{files_.path(), "authority"};
  tests::certificate_files good_ = authority_.sign("good");
  transport::io_pool pool_{2};
  std::unique_ptr<transport::http_server> http_;
};

TEST_F(tls_real_clients, curl) {
  if (!has("curl"))
    GTEST_SKIP() << "there is no curl";
  serve();
  const auto curl = "curl -sS --max-time 20 --cacert " + authority_.certificate() + " ";
  for (const auto* version : {"--tlsv1.2 --tls-max 1.2 ", "--tlsv1.3 "}) {
    const auto [said, code] = output_of(curl + version + "-d hello " + url());
    EXPECT_EQ(said, "5 bytes") << version;
    EXPECT_EQ(code, 0);
  }
  EXPECT_EQ(output_of(curl + url() + "/long | wc -c").first, "5242880\n");
  EXPECT_EQ(output_of("head -c 9000000 /dev/zero | " + curl + "--data-binary @- " + url()).first,
            "9000000 bytes");
  const auto [two, kept] = output_of(curl + "-w ' %{num_connects} ' " + url() + " " + url());
  EXPECT_EQ(two, "0 bytes 1 0 bytes 0 ") << "one connection";
  EXPECT_EQ(output_of("curl -sS --max-time 20 " + url()).second, 60) << "unknown authority";
  EXPECT_NE(output_of(curl + "--tls-max 1.1 " + url()).second, 0);
  EXPECT_THAT(output_of(curl + url("http")).first, HasSubstr("wants TLS"));
}

TEST_F(tls_real_clients, curl_with_a_certificate_of_its_own) {
  if (!has("curl"))
    GTEST_SKIP() << "there is no curl";
  serve(true);
  const auto mine = authority_.sign("mine");
  const auto curl = "curl -sS --max-time 20 --cacert " + authority_.certificate() + " ";
  EXPECT_NE(output_of(curl + url()).second, 0);
  const auto [said, code] =
      output_of(curl + "--cert " + mine.certificate + " --key " + mine.key + " " + url());
  EXPECT_EQ(said, "0 bytes");
  EXPECT_EQ(code, 0);
}

TEST_F(tls_real_clients, python) {
  if (!has("python3"))
    GTEST_SKIP() << "there is no python3";
  serve();
  const auto script = files_.write("client.py", R"(
import http.client, ssl, sys
port, ca = int(sys.argv[1]), sys.argv[2]
trust = ssl.create_default_context(cafile=ca)
one = http.client.HTTPSConnection("localhost", port, context=trust, timeout=20)
for size in (0, 1, 3_000_000):
    one.request("POST", "/", b"x" * size)
    print(one.getresponse().read().decode())
one.request("GET", "/long")
print(len(one.getresponse().read()))
one.close()
)");
  const auto [said, code] = output_of("python3 " + script + " " + std::to_string(http_->port()) +
                                      " " + authority_.certificate());
  EXPECT_EQ(said, "0 bytes\n1 bytes\n3000000 bytes\n5242880\n");
  EXPECT_EQ(code, 0);
}

TEST_F(tls_real_clients, ours_on_several_threads_at_once) {
  serve();
  client_options options;
  options.ca_file = authority_.certificate();
  transport::http_client one(pool_.executor(), transport::tcp_endpoint{"127.0.0.1", http_->port()},
                             4, make_connector(options).value());
  std::vector<std::future<result<transport::http_reply>>> replies;
  for (int i = 0; i < 64; ++i) {
    transport::http_request request;
    request.method = "POST";
    request.body = std::string(static_cast<std::size_t>(i) * 1000, 'x');
    replies.push_back(
        asio::co_spawn(pool_.executor(), one.send(std::move(request)), asio::use_future));
  }
  for (std::size_t i = 0; i < replies.size(); ++i) {
    const auto reply = replies[i].get();
    ASSERT_TRUE(reply) << reply.error().to_string();
    EXPECT_EQ(reply->body, std::to_string(i * 1000) + " bytes");
  }
}

} // namespace
} // namespace sandfleet::tls
