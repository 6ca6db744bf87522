#pragma once

#include "runtime/docker/api.hpp"

#include <sandfleet/error.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sandfleet::service {

/// A build's context as a client sends it: the base64 of a tar.gz, in any pieces. It waits in a
/// nameless file. Errors: `invalid_argument` (no base64), `limit_exceeded`, `io_error`.
class build_context {
 public:
  static constexpr std::int64_t max_bytes = std::int64_t{1} << 30; ///< decoded

  static result<build_context> open();
  result<void> append(std::string_view base64);
  /// To be called at its end; how many bytes there are.
  result<std::int64_t> finish();
  /// From the beginning on; empty at the end.
  result<std::string> read();

 private:
  struct closer {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };

  std::unique_ptr<std::FILE, closer> file_;
  std::string held_; ///< what makes no group of four yet
  bool padded_ = false;
  std::int64_t bytes_ = 0;
};

struct image_answer {
  bool exists = false;
  std::string created; ///< RFC 3339; empty: unknown
  std::int64_t bytes = 0;
};

struct build_answer {
  std::string_view status; ///< QUEUED, WORKING, SUCCESS, FAILURE, INTERNAL_ERROR, TIMEOUT
  std::string image;
  std::string failure;
};

struct build_wish {
  std::string owner;
  std::string target;
  std::vector<std::string> tags;
  build_context context;
};

/// Images that clients ask for and have built, in a Docker engine. Builds run two at a time, in the
/// order of their coming; the last thousand are remembered. Thread-safe.
class image_builds : public std::enable_shared_from_this<image_builds> {
 public:
  static constexpr std::size_t max_waiting = 100;

  /// Without an engine every image is said to exist, because the provider has its own, and none can
  /// be built (`unsupported`). `prefix`: what names of built images have to begin with.
  image_builds(boost::asio::any_io_executor executor, std::optional<docker::api> engine,
               std::string prefix, std::chrono::milliseconds timeout)
      : executor_(std::move(executor)), engine_(std::move(engine)), prefix_(std::move(prefix)),
        timeout_(timeout) {}

  /// In the engine or the registry that it would be pulled from.
  boost::asio::awaitable<result<image_answer>> exists(std::string image);

  /// Whether a build of that name may be asked for: `unsupported`, `invalid_argument`,
  /// `limit_exceeded` while too many wait.
  [[nodiscard]] result<void> check(const std::string& target) const;
  /// Its id.
  result<std::string> begin(build_wish wish);
  [[nodiscard]] result<build_answer> status(const std::string& owner, const std::string& id) const;

 private:
  struct build;
  void begin_next();
  static boost::asio::awaitable<void> run(std::shared_ptr<image_builds> self,
                                          std::shared_ptr<build> one);

  boost::asio::any_io_executor executor_;
  std::optional<docker::api> engine_;
  std::string prefix_;
  std::chrono::milliseconds timeout_;
  mutable std::mutex mutex_;
  std::map<std::string, std::shared_ptr<build>> by_id_;
  std::deque<std::string> order_;
  std::deque<std::shared_ptr<build>> waiting_;
  std::size_t running_ = 0;
};

} // namespace sandfleet::service
