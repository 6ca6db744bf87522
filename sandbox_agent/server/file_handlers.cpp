#include "runtime/protocol/agent_api.hpp"
#include "runtime/protocol/json_object.hpp"
#include "runtime/protocol/json_writer.hpp"
#include "runtime/transport/url.hpp"
#include "sandbox_agent/bash/pty.hpp"
#include "sandbox_agent/files/file_text.hpp"
#include "sandbox_agent/files/listing.hpp"
#include "sandbox_agent/files/replacement.hpp"
#include "sandbox_agent/files/zip.hpp"
#include "sandbox_agent/server/handlers.hpp"

#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/json/object.hpp>
#include <boost/json/string.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace sandfleet::agent {

namespace asio = boost::asio;

namespace {

constexpr std::size_t piece_bytes = 64U << 10;

result<std::string> path_parameter(const context& with, const http_exchange& exchange) {
  const auto path = exchange.query("path");
  if (!path || path->empty() || path->find('\0') != std::string::npos)
    return fail(errc::invalid_argument, "the parameter 'path' must name a file");
  return files::absolute_path(*path, with.working_dir);
}

result<std::uint32_t> mode_parameter(const http_exchange& exchange) {
  const auto text = exchange.query("mode").value_or("0644");
  std::uint32_t mode = 0;
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), mode, 8);
  if (text.empty() || ec != std::errc{} || end != text.data() + text.size() || mode > 07777)
    return fail(errc::invalid_argument, "the parameter 'mode' must be octal, at most 7777");
  return mode;
}

asio::awaitable<result<void>> receive(http_exchange& exchange, const std::string& path,
                                      std::uint32_t mode) {
  auto file = files::replacement::begin(path, mode);
  if (!file)
    co_return tl::unexpected(file.error());
  for (;;) {
    const auto piece = co_await exchange.read_piece();
    if (!piece)
      co_return tl::unexpected(piece.error());
    if (piece->empty())
      co_return file->commit();
    auto written = file->write(*piece);
    if (!written)
      co_return written;
  }
}

std::string octal(std::uint32_t mode) {
  std::string text(4, '0');
  for (auto at = text.rbegin(); at != text.rend(); ++at, mode >>= 3U)
    *at = static_cast<char>('0' + (mode & 7U));
  return text;
}

/// As RFC 6266 has it: a name with other characters than these is percent-encoded.
std::string attachment(const std::string& name) {
  const bool plain = std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("_.-~/").find(c) != std::string_view::npos;
  });
  return plain ? "attachment; filename=\"" + name + "\""
               : "attachment; filename*=utf-8''" + transport::url_encode_path(name);
}

/// `{"path": ...}`; nothing for a body that holds no object.
std::optional<std::string> listed_path(const context& with, const std::string& body) {
  const auto parsed = protocol::parse_json(body);
  const auto* members = parsed ? parsed->if_object() : nullptr;
  if (!members)
    return std::nullopt;
  const auto* path = members->if_contains("path");
  if (!path || path->is_null())
    return with.working_dir;
  const auto* text = path->if_string();
  if (!text)
    return std::nullopt;
  return files::absolute_path(std::string_view(*text), with.working_dir);
}

} // namespace

handling put_file(context& with, http_exchange& exchange) {
  const auto path = path_parameter(with, exchange);
  const auto mode = mode_parameter(exchange);
  if (!path || !mode) {
    co_await reply_error(exchange, path ? mode.error() : path.error());
    co_return;
  }
  const auto received = co_await receive(exchange, *path, *mode);
  if (received)
    (void)co_await exchange.reply(204, {}, {});
  else
    co_await reply_error(exchange, received.error());
}

handling get_file(context& with, http_exchange& exchange) {
  const auto path = path_parameter(with, exchange);
  if (!path) {
    co_await reply_error(exchange, path.error());
    co_return;
  }
  const unique_fd file(::open(path->c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  struct stat found {};
  if (file.get() < 0 || ::fstat(file.get(), &found) != 0) {
    co_await reply_error(exchange, files::os_error(errno, *path));
    co_return;
  }
  if (!S_ISREG(found.st_mode)) {
    co_await reply_detail(exchange, 403, "not a regular file: '" + *path + "'");
    co_return;
  }
  transport::header_list headers;
  headers.emplace_back("Content-Type", "application/octet-stream");
  headers.emplace_back("X-File-Mode", octal(found.st_mode & 07777U));
  auto left = static_cast<std::uint64_t>(found.st_size);
  auto sent = co_await exchange.begin_reply(200, std::move(headers), left);
  const auto piece = std::make_unique_for_overwrite<char[]>(
      static_cast<std::size_t>(std::min<std::uint64_t>(left, piece_bytes)));
  while (sent && left > 0) {
    const auto got = ::read(file.get(), piece.get(),
                            static_cast<std::size_t>(std::min<std::uint64_t>(left, piece_bytes)));
    if (got <= 0) { // it became shorter: the client must not take it for whole
      exchange.abandon();
      co_return;
    }
    left -= static_cast<std::uint64_t>(got);
    sent = co_await exchange.write({piece.get(), static_cast<std::size_t>(got)});
  }
}

handling post_glob(context& with, http_exchange& exchange) {
  const auto body = co_await read_json_body(exchange);
  if (!body)
    co_return;
  const auto pattern = protocol::decode_glob(*body);
  if (!pattern) {
    co_await reply_error(exchange, pattern.error());
    co_return;
  }
  const auto paths = files::match_glob(*pattern, with.working_dir);
  if (paths)
    co_await reply_json(exchange, 200, protocol::encode_glob_reply(*paths));
  else
    co_await reply_error(exchange, paths.error());
}

handling post_list_files(context& with, http_exchange& exchange) {
  const auto body = co_await read_json_body(exchange);
  if (!body)
    co_return;
  const auto path = listed_path(with, *body);
  if (!path) {
    co_await reply_detail(exchange, 500, unexpected_failure);
    co_return;
  }
  protocol::json_writer out;
  out.begin_array();
  for (const auto& name : files::list_files(*path))
    out.value(name);
  out.end_array();
  co_await reply_json(exchange, 200, std::move(out).take());
}

handling get_download_files(context&, http_exchange& exchange) {
  const auto given = exchange.query("path");
  if (!given) {
    co_await reply_json(exchange, 422,
                        protocol::encode_invalid_request(
                            "[{'type': 'missing', 'loc': ('query', 'path'), 'msg': 'Field "
                            "required', 'input': None}]"));
    co_return;
  }
  // The reference wraps its own answers of 400 and 404 into one of 500.
  if (!given->starts_with('/')) {
    co_await reply_detail(exchange, 500, "400: Path must be an absolute path");
    co_return;
  }
  const auto path = files::normal_path(*given);
  struct stat found {};
  if (path.find('\0') != std::string::npos || ::stat(path.c_str(), &found) != 0) {
    co_await reply_detail(exchange, 500, "404: File not found");
    co_return;
  }
  files::zip_stream zip(path);
  auto piece = zip.next();
  if (!piece) {
    co_await reply_detail(exchange, 500, piece.error().message);
    co_return;
  }
  transport::header_list headers;
  headers.emplace_back("Content-Type", "application/zip");
  headers.emplace_back("Content-Disposition",
                       attachment(path.substr(path.rfind('/') + 1) + ".zip"));
  auto sent = co_await exchange.begin_reply(200, std::move(headers));
  const auto executor = co_await asio::this_coro::executor;
  while (sent && piece) {
    sent = co_await exchange.write(*piece);
    if (zip.finished())
      break;
    co_await asio::post(executor, asio::use_awaitable); // others have their turn
    piece = zip.next();
  }
  if (!piece)
    exchange.abandon(); // too late for another answer
}

} // namespace sandfleet::agent
