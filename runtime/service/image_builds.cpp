#include "runtime/service/image_builds.hpp"

#include "actors/log.hpp"
#include "runtime/docker/registry_login.hpp"
#include "runtime/protocol/base64.hpp"

#include <sandfleet/ids.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include <cerrno>

namespace sandfleet::service {

namespace asio = boost::asio;

namespace {

constexpr std::size_t most_at_once = 2;
constexpr std::size_t most_remembered = 1000;
constexpr std::size_t piece_bytes = std::size_t{256} << 10;
constexpr std::size_t tail_bytes = 4'000;
constexpr std::chrono::seconds registry_patience{10};

error io_failure() {
  return errno_error(errc::io_error, "cannot keep the build's context", errno);
}

} // namespace

result<build_context> build_context::open() {
  build_context made;
  made.file_.reset(std::tmpfile());
  if (!made.file_)
    return fail(io_failure());
  return made;
}

result<void> build_context::append(std::string_view base64) {
  for (const char c : base64)
    if (c != '\r' && c != '\n')
      held_ += c;
  const auto whole = held_.size() / 4 * 4;
  if (whole == 0)
    return {};
  const auto groups = std::string_view(held_).substr(0, whole);
  const auto bytes = padded_ ? std::nullopt : protocol::base64_decode(groups);
  if (!bytes)
    return fail(errc::invalid_argument, "context: it is not the base64 of a tar.gz");
  padded_ = groups.ends_with('=');
  bytes_ += static_cast<std::int64_t>(bytes->size());
  if (bytes_ > max_bytes)
    return fail(
        make_error(errc::limit_exceeded, "context: it is too large").with("max_bytes", max_bytes));
  if (std::fwrite(bytes->data(), 1, bytes->size(), file_.get()) != bytes->size())
    return fail(io_failure());
  held_.erase(0, whole);
  return {};
}

result<std::int64_t> build_context::finish() {
  if (!held_.empty())
    return fail(errc::invalid_argument, "context: its base64 ends too early");
  if (std::fflush(file_.get()) != 0)
    return fail(io_failure());
  std::rewind(file_.get());
  return bytes_;
}

result<std::string> build_context::read() {
  std::string piece(piece_bytes, '\0');
  piece.resize(std::fread(piece.data(), 1, piece.size(), file_.get()));
  if (piece.empty() && std::ferror(file_.get()) != 0)
    return fail(io_failure());
  return piece;
}

struct image_builds::build {
  explicit build(build_wish asked) : wish(std::move(asked)) {}

  build_wish wish;
  std::string_view status = "QUEUED";
  std::string failure;
};

asio::awaitable<result<image_answer>> image_builds::exists(std::string image) {
  image_answer answer;
  if (!engine_) {
    answer.exists = true;
    co_return answer;
  }
  auto engine = engine_->within(registry_patience);
  const auto here = co_await engine.image(image);
  if (!here)
    co_return fail(here.error());
  if (*here) {
    answer = {true, (*here)->created, (*here)->bytes};
    co_return answer;
  }
  auto auth = co_await docker::registry_auth(executor_, docker::current_surroundings(), image,
                                             registry_patience);
  if (!auth)
    co_return fail(std::move(auth.error()));
  const auto there = co_await engine.registry_has(image, std::move(*auth));
  answer.exists = there.value_or(false); // one that cannot be reached has none for us
  co_return answer;
}

result<void> image_builds::check(const std::string& target) const {
  if (!engine_)
    return fail(make_error(errc::unsupported, "this service builds no images")
                    .blamed_on(failure_class::task)
                    .with_cause("its provider has its own")
                    .with_hint("run it with --provider docker"));
  if (!target.starts_with(prefix_ + "/"))
    return fail(make_error(errc::invalid_argument,
                           "the image's name '" + target + "' does not begin with " + prefix_ + "/")
                    .with_hint("/registry_prefix says how names begin"));
  const std::lock_guard lock(mutex_);
  if (waiting_.size() >= max_waiting)
    return fail(make_error(errc::limit_exceeded, "too many builds are waiting")
                    .with("limit", static_cast<std::int64_t>(max_waiting))
                    .with("retry_after_s", std::int64_t{30}));
  return {};
}

result<std::string> image_builds::begin(build_wish wish) {
  auto id = "build-" + make_secret().substr(0, 32);
  auto one = std::make_shared<build>(std::move(wish));
  {
    const std::lock_guard lock(mutex_);
    by_id_.emplace(id, one);
    order_.push_back(id);
    if (order_.size() > most_remembered) {
      by_id_.erase(order_.front());
      order_.pop_front();
    }
    waiting_.push_back(std::move(one));
  }
  begin_next();
  return id;
}

result<build_answer> image_builds::status(const std::string& owner, const std::string& id) const {
  const std::lock_guard lock(mutex_);
  const auto found = by_id_.find(id);
  if (found == by_id_.end() || found->second->wish.owner != owner)
    return fail(errc::not_found, "there is no build '" + id + "'");
  const auto& one = *found->second;
  return build_answer{one.status, one.wish.target, one.failure};
}

void image_builds::begin_next() {
  const std::lock_guard lock(mutex_);
  while (running_ < most_at_once && !waiting_.empty()) {
    ++running_;
    auto one = std::move(waiting_.front());
    waiting_.pop_front();
    one->status = "WORKING";
    asio::co_spawn(executor_, run(shared_from_this(), std::move(one)), asio::detached);
  }
}

asio::awaitable<void> image_builds::run(std::shared_ptr<image_builds> self,
                                        std::shared_ptr<build> one) {
  docker::api::build_request request;
  request.tags = {one->wish.target};
  request.tags.insert(request.tags.end(), one->wish.tags.begin(), one->wish.tags.end());
  request.timeout = self->timeout_;
  request.next_piece = [one]() -> asio::awaitable<result<std::string>> {
    co_return one->wish.context.read();
  };
  const auto printed = std::make_shared<std::string>();
  auto take = [printed](const docker::progress_line& line) {
    *printed += line.text;
    if (printed->size() > 2 * tail_bytes)
      printed->erase(0, printed->size() - tail_bytes);
  };
  const auto built = co_await self->engine_->build(std::move(request), std::move(take));
  {
    const std::lock_guard lock(self->mutex_);
    --self->running_;
    if (built) {
      one->status = "SUCCESS";
    } else {
      const auto& why = built.error();
      one->status = why.code == errc::timed_out ? "TIMEOUT"
                    : why.code == errc::start_failed || why.code == errc::invalid_argument
                        ? "FAILURE"
                        : "INTERNAL_ERROR";
      one->failure = why.to_string();
      if (!printed->empty())
        one->failure +=
            "\n" + printed->substr(printed->size() - std::min(printed->size(), tail_bytes));
    }
    one->wish.context = {}; // its file goes
  }
  actors::log_event(built ? actors::log_level::info : actors::log_level::warning, "image_build",
                    {{"image", one->wish.target}, {"status", std::string(one->status)}});
  self->begin_next();
}

} // namespace sandfleet::service
