#include "sandbox_agent/server/file_viewer.hpp"

#include "runtime/protocol/base64.hpp"
#include "runtime/transport/url.hpp"
#include "sandbox_agent/bash/nonce.hpp"
#include "sandbox_agent/files/file_text.hpp"
#include "sandbox_agent/files/replacement.hpp"
#include "sandbox_agent/server/handlers.hpp"
#include "sandbox_agent/server/viewer_page.hpp"
#include "sandbox_agent/user/identity.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

namespace sandfleet::agent {

namespace {

constexpr std::size_t most_connections = 64;
constexpr std::uint64_t largest_file = std::uint64_t{64} << 20;
constexpr std::size_t piece_bytes = 3 * (std::size_t{16} << 10); // base64 takes threes

transport::header_list html_headers() {
  transport::header_list headers;
  headers.emplace_back("Content-Type", "text/html; charset=utf-8");
  headers.emplace_back("X-Content-Type-Options", "nosniff");
  return headers;
}

handling reply_page(http_exchange& exchange, int status, std::string page) {
  auto headers = html_headers();
  headers.emplace_back("Content-Security-Policy", "default-src 'none'");
  (void)co_await exchange.reply(status, std::move(headers), std::move(page));
}

/// Whether the request names this machine. A page from elsewhere whose name was made to mean it
/// (DNS rebinding) could else read files.
bool is_for_localhost(const http_exchange& exchange) {
  auto host = exchange.header("host");
  if (const auto colon = host.rfind(':'); colon != std::string_view::npos && !host.ends_with(']'))
    host = host.substr(0, colon);
  return host.empty() || host == "localhost" || host == "127.0.0.1" || host == "[::1]";
}

struct opened_file {
  unique_fd fd;
  std::uint64_t size = 0;
  int status = 200;
  std::string title; ///< of the page that says why it cannot be shown
  std::string reason;
};

opened_file refuse(int status, std::string title, std::string reason = {}) {
  opened_file refused;
  refused.status = status;
  refused.title = std::move(title);
  refused.reason = std::move(reason);
  return refused;
}

opened_file open_shown(const std::string& path) {
  if (!path.starts_with('/'))
    return refuse(400, "Error: Path must be absolute");
  const acting_as_user as_who_may_see;
  struct stat found {};
  if (path.find('\0') != std::string::npos || ::stat(path.c_str(), &found) != 0)
    return refuse(404, "Error: File not found");
  if (S_ISDIR(found.st_mode))
    return refuse(400, "Error: Path is a directory");
  constexpr const char* failed = "Error viewing file";
  if (!shown_type(path))
    return refuse(500, failed, unsupported_text(path));
  opened_file opened;
  opened.fd = unique_fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (opened.fd.get() < 0 || ::fstat(opened.fd.get(), &found) != 0)
    return refuse(500, failed, files::os_error_text(errno, path));
  if (!S_ISREG(found.st_mode))
    return refuse(500, failed, "It is not a regular file");
  opened.size = static_cast<std::uint64_t>(found.st_size);
  if (opened.size > largest_file)
    return refuse(413, failed,
                  "It has " + std::to_string(opened.size) + " bytes, more than the " +
                      std::to_string(largest_file) + " that are shown");
  return opened;
}

/// As many bytes as asked for, unless the file has become shorter.
std::string read_piece(int fd, std::size_t size) {
  std::string piece(size, '\0');
  std::size_t filled = 0;
  while (filled < size) {
    const auto got = ::read(fd, piece.data() + filled, size - filled);
    if (got < 0 && errno == EINTR)
      continue;
    if (got <= 0)
      break;
    filled += static_cast<std::size_t>(got);
  }
  piece.resize(filled);
  return piece;
}

handling show(http_exchange& exchange, const std::string path) {
  auto opened = open_shown(path);
  if (opened.status != 200) {
    auto page = error_page(opened.title, path, opened.reason);
    co_await reply_page(exchange, opened.status, std::move(page));
    co_return;
  }
  const auto nonce = make_nonce();
  if (!nonce) {
    co_await reply_error(exchange, nonce.error());
    co_return;
  }
  const auto page = page_for(path, *shown_type(path), *nonce);
  auto headers = html_headers();
  headers.emplace_back("Content-Security-Policy", page.policy);
  const auto encoded = (opened.size + 2) / 3 * 4;
  const auto length = page.before.size() + encoded + page.after.size();
  auto sent = co_await exchange.begin_reply(200, std::move(headers), length);
  if (sent)
    sent = co_await exchange.write(page.before);
  while (sent && opened.size > 0) {
    const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(opened.size, piece_bytes));
    const auto piece = read_piece(opened.fd.get(), wanted);
    if (piece.size() != wanted) { // the client must not take it for whole
      exchange.abandon();
      co_return;
    }
    opened.size -= wanted;
    const auto text = protocol::base64_encode(piece);
    sent = co_await exchange.write(text);
  }
  if (sent)
    (void)co_await exchange.write(page.after);
}

handling refuse_method(http_exchange& exchange) {
  transport::header_list headers;
  headers.emplace_back("Content-Type", "application/json");
  headers.emplace_back("Allow", "GET");
  (void)co_await exchange.reply(405, std::move(headers), R"({"detail":"Method Not Allowed"})");
}

handling redirect_to_view(http_exchange& exchange) {
  auto where = "http://" + std::string(exchange.header("host")) + "/view";
  if (const auto path = exchange.query("path"))
    where += "?path=" + transport::url_encode_path(*path);
  transport::header_list headers;
  headers.emplace_back("Location", std::move(where));
  (void)co_await exchange.reply(307, std::move(headers), {});
}

handling route_view(http_exchange& exchange) {
  const auto& path = exchange.path();
  if (path != "/" && path != "/view" && path != "/view/")
    return reply_detail(exchange, 404, "Not Found");
  if (path == "/view/")
    return redirect_to_view(exchange);
  if (exchange.method() != "GET")
    return refuse_method(exchange);
  if (path == "/")
    return reply_json(exchange, 200, R"({"status":"File viewer server is running"})");
  auto wanted = exchange.query("path");
  if (!wanted)
    return reply_json(exchange, 422,
                      R"({"detail":[{"type":"missing","loc":["query","path"],)"
                      R"("msg":"Field required","input":null}]})");
  if (!is_for_localhost(exchange))
    return reply_page(
        exchange, 403,
        error_page("Access Denied", "This endpoint is only accessible from localhost"));
  return show(exchange, std::move(*wanted));
}

transport::http_server_options viewer_options() {
  transport::http_server_options chosen;
  chosen.concurrent = false;
  chosen.max_connections = most_connections;
  return chosen;
}

} // namespace

file_viewer::file_viewer(boost::asio::any_io_executor executor)
    : http_(std::move(executor), route_view, viewer_options()) {}

result<std::uint16_t> file_viewer::listen(unsigned first, unsigned last) {
  for (auto port = first; port <= last; ++port) {
    const auto listening =
        http_.listen(transport::tcp_endpoint{"127.0.0.1", static_cast<std::uint16_t>(port)});
    if (listening)
      return static_cast<std::uint16_t>(port);
    if (listening.error().code != errc::already_exists)
      return tl::unexpected(listening.error());
  }
  return fail(errc::io_error,
              "no port from " + std::to_string(first) + " to " + std::to_string(last) + " is free");
}

result<void> announce(const std::string& url, const std::string& path) {
  ::mkdir(path.substr(0, path.rfind('/')).c_str(), 0777);
  auto temporary = path + "-XXXXXX";
  const unique_fd file(::mkostemp(temporary.data(), O_CLOEXEC));
  if (file.get() < 0)
    return fail(files::os_error(errno, path));
  int failed = files::write_fully(file.get(), url);
  if (failed == 0 &&
      (::fchmod(file.get(), 0644) != 0 || ::rename(temporary.c_str(), path.c_str()) != 0))
    failed = errno;
  if (failed == 0)
    return {};
  ::unlink(temporary.c_str());
  return fail(files::os_error(failed, path));
}

} // namespace sandfleet::agent
