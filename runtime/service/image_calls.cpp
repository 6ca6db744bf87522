#include "runtime/service/image_calls.hpp"

#include "runtime/protocol/json_writer.hpp"
#include "runtime/service/replies.hpp"
#include "runtime/transport/form_body.hpp"

namespace sandfleet::service {

namespace asio = boost::asio;
using handling = asio::awaitable<void>;
using transport::http_exchange;

namespace {

constexpr std::size_t longest_name = 512;
constexpr std::size_t most_tags = 64;

/// Takes the form's fields one after another.
class build_form {
 public:
  explicit build_form(build_wish& into) : wish_(into) {}

  result<bool> begin(const std::string& name) {
    field_ = name == "context"        ? field::context
             : name == "target_image" ? field::target
             : name == "tags"         ? field::tag
                                      : field::other;
    if (field_ == field::context)
      seen_context_ = true;
    if (field_ == field::tag) {
      if (wish_.tags.size() == most_tags)
        return fail(errc::invalid_argument, "tags: there are more than 64");
      wish_.tags.emplace_back();
    }
    return field_ != field::other;
  }

  result<void> take(std::string_view bytes) {
    if (field_ == field::context)
      return wish_.context.append(bytes);
    auto& text = field_ == field::target ? wish_.target : wish_.tags.back();
    text += bytes;
    if (text.size() > longest_name)
      return fail(errc::invalid_argument, "target_image or tags: a name is too long");
    return {};
  }

  [[nodiscard]] result<void> finish() {
    if (!seen_context_ || wish_.target.empty())
      return fail(errc::invalid_argument, "the form lacks context or target_image");
    auto bytes = wish_.context.finish();
    return bytes ? result<void>() : fail(std::move(bytes.error()));
  }

 private:
  enum class field { other, context, target, tag };
  build_wish& wish_;
  field field_ = field::other;
  bool seen_context_ = false;
};

asio::awaitable<result<void>> read_wish(http_exchange& exchange, build_wish& into) {
  build_form form(into);
  protocol::multipart_reader::sink sink;
  sink.begin = [&form](const std::string& name, const std::string&) { return form.begin(name); };
  sink.data = [&form](std::string_view bytes) { return form.take(bytes); };
  auto read = co_await transport::read_form(exchange, std::move(sink));
  co_return read ? form.finish() : read;
}

handling refuse(http_exchange& exchange, const error& why) {
  const int status =
      why.code == errc::limit_exceeded && why.message.starts_with("context") ? 413 : status_of(why);
  return reply_failure(exchange, status, why);
}

} // namespace

handling reply_image_exists(image_builds& images, http_exchange& exchange) {
  const auto image = exchange.query("image").value_or("");
  if (image.empty()) {
    co_await refuse(exchange, make_error(errc::invalid_argument, "image: it is missing"));
    co_return;
  }
  const auto found = co_await images.exists(image);
  if (!found) {
    co_await refuse(exchange, found.error());
    co_return;
  }
  protocol::json_writer out;
  out.begin_object().member("exists", found->exists);
  if (found->exists)
    out.key("image")
        .begin_object()
        .member("upload_time", found->created)
        .member("image_size_bytes", found->bytes)
        .end_object();
  out.end_object();
  co_await reply_json(exchange, 200, std::move(out).take());
}

handling reply_build(image_builds& images, std::string owner, http_exchange& exchange) {
  auto context = build_context::open();
  if (!context) {
    co_await refuse(exchange, context.error());
    co_return;
  }
  build_wish wish{std::move(owner), {}, {}, std::move(*context)};
  auto read = co_await read_wish(exchange, wish);
  if (read)
    read = images.check(wish.target);
  for (const auto& tag : wish.tags)
    if (read)
      read = images.check(tag);
  auto id = read ? images.begin(std::move(wish)) : fail(std::move(read.error()));
  if (!id) {
    co_await refuse(exchange, id.error());
    co_return;
  }
  protocol::json_writer out;
  out.begin_object().member("build_id", *id).end_object();
  co_await reply_json(exchange, 200, std::move(out).take());
}

handling reply_build_status(const image_builds& images, std::string owner,
                            http_exchange& exchange) {
  const auto now = images.status(owner, exchange.query("build_id").value_or(""));
  if (!now) {
    co_await refuse(exchange, now.error());
    co_return;
  }
  protocol::json_writer out;
  out.begin_object().member("status", now->status).member("image", now->image);
  if (!now->failure.empty())
    out.member("error", now->failure);
  out.end_object();
  co_await reply_json(exchange, 200, std::move(out).take());
}

} // namespace sandfleet::service
