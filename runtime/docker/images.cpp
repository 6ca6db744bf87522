#include "runtime/core/line_splitter.hpp"
#include "runtime/docker/api.hpp"
#include "runtime/transport/url.hpp"

#include <memory>

namespace sandfleet::docker {

namespace asio = boost::asio;

namespace {

constexpr std::size_t longest_line = 1U << 20;

std::string image_path(const std::string& name, std::string_view call) {
  return "/images/" + transport::url_encode_path(name) + std::string(call);
}

} // namespace

asio::awaitable<result<std::optional<image_info>>> api::image(std::string name) {
  api_call call;
  call.what = "look at the image '" + name + "'";
  call.path = image_path(name, "/json");
  const auto reply = co_await send(std::move(call));
  if (!reply && reply.error().code == errc::not_found)
    co_return std::optional<image_info>();
  if (!reply)
    co_return fail(reply.error());
  auto read = read_image(*reply);
  if (!read)
    co_return fail(std::move(read.error()));
  co_return std::optional(std::move(*read));
}

/// A failure in mid-stream comes with status 200, as a message.
asio::awaitable<result<void>> api::follow_progress(api_call call, progress_sink take) {
  const auto lines = std::make_shared<core::line_splitter>(longest_line);
  const auto failure = std::make_shared<std::optional<std::string>>();
  const auto what = call.what;
  call.on_body = [lines, failure, take = std::move(take)](std::string_view piece) {
    lines->feed(piece, [&](std::string_view line) {
      const auto read = read_progress(line);
      if (!read)
        return;
      if (read->failure)
        *failure = read->failure;
      take(*read);
    });
  };
  const auto reply = co_await calls_.send(std::move(call));
  if (!reply)
    co_return fail(reply.error());
  if (*failure)
    co_return fail(explain_full_disk(make_error(errc::start_failed, "docker: cannot " + what)
                                         .with_cause(**failure)
                                         .with("said_by", "engine"),
                                     **failure));
  co_return result<void>{};
}

asio::awaitable<result<void>> api::pull(std::string name, std::string platform, std::string auth,
                                        std::chrono::milliseconds timeout, progress_sink take) {
  const auto [repository, tag] = split_image_name(name);
  api_call call;
  call.what = "pull the image '" + name + "'";
  call.method = "POST";
  call.path = "/images/create";
  call.query = {{"fromImage", repository}, {"tag", tag}};
  if (!platform.empty())
    call.query.emplace_back("platform", std::move(platform));
  if (!auth.empty())
    call.headers.emplace_back("X-Registry-Auth", std::move(auth));
  call.timeout = timeout;
  return follow_progress(std::move(call), std::move(take));
}

asio::awaitable<result<void>> api::import_image(import_request request) {
  auto [repository, tag] = split_image_name(request.name);
  api_call call;
  call.what = "import the image '" + request.name + "'";
  call.method = "POST";
  call.path = "/images/create";
  call.query = {{"fromSrc", "-"},
                {"repo", std::move(repository)},
                {"tag", std::move(tag)},
                {"message", std::move(request.message)}};
  for (auto& change : request.changes)
    call.query.emplace_back("changes", std::move(change));
  call.content_type = "application/x-tar";
  call.next_piece = std::move(request.next_piece);
  call.timeout = request.timeout;
  return follow_progress(std::move(call), [](const progress_line&) {});
}

asio::awaitable<result<void>> api::tag(std::string image, std::string name) {
  const auto [repository, tag] = split_image_name(name);
  api_call call;
  call.what = "tag the image '" + image + "' as '" + name + "'";
  call.method = "POST";
  call.path = image_path(image, "/tag");
  call.query = {{"repo", repository}, {"tag", tag}};
  const auto reply = co_await send(std::move(call));
  co_return reply ? result<void>() : fail(reply.error());
}

asio::awaitable<result<bool>> api::registry_has(std::string image, std::string auth) {
  api_call call;
  call.what = "ask the registry for the image '" + image + "'";
  call.path = "/distribution/" + transport::url_encode_path(image) + "/json";
  if (!auth.empty())
    call.headers.emplace_back("X-Registry-Auth", std::move(auth));
  const auto reply = co_await send(std::move(call));
  if (reply)
    co_return true;
  // A registry does not say whether it lacks an image or keeps it from us.
  const auto code = reply.error().code;
  if (code == errc::not_found || code == errc::permission_denied)
    co_return false;
  co_return fail(reply.error());
}

asio::awaitable<result<void>> api::build(build_request request, progress_sink take) {
  api_call call;
  call.what = "build the image '" + (request.tags.empty() ? "" : request.tags.front()) + "'";
  call.method = "POST";
  call.path = "/build";
  for (auto& tag : request.tags)
    call.query.emplace_back("t", std::move(tag));
  if (!request.platform.empty())
    call.query.emplace_back("platform", std::move(request.platform));
  call.query.emplace_back("forcerm", "1");
  std::move(request.options.begin(), request.options.end(), std::back_inserter(call.query));
  call.content_type = "application/x-tar";
  call.body = std::move(request.context);
  call.next_piece = std::move(request.next_piece);
  call.timeout = request.timeout;
  return follow_progress(std::move(call), std::move(take));
}

} // namespace sandfleet::docker
