#pragma once

#include "sandbox_agent/exec/bell.hpp"

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

namespace sandfleet::agent {

/// What a process is to read, while it still comes. For the one thread; between who has it
/// (`give`, `end`) and who writes it to the process (the rest).
class input_feed {
 public:
  explicit input_feed(const boost::asio::any_io_executor& executor, std::string begins_with = {})
      : taken_(executor), waiting_(std::move(begins_with)) {}

  /// Completes when all of it is written, or nobody reads any more.
  boost::asio::awaitable<void> give(std::string_view bytes) {
    waiting_.append(bytes);
    tell();
    while (!waiting_.empty() && !closed_)
      co_await taken_.wait();
  }
  void end() {
    ended_ = true;
    tell();
  }

  void on_news(std::function<void()> call) { news_ = std::move(call); }
  [[nodiscard]] std::string_view waiting() const {
    return std::string_view(waiting_).substr(taken_bytes_);
  }
  [[nodiscard]] bool ended() const { return ended_; }
  void took(std::size_t count) {
    taken_bytes_ += count;
    if (waiting().empty())
      drop_all();
  }
  /// Nobody reads any more.
  void close() {
    closed_ = true;
    news_ = nullptr;
    drop_all();
  }

 private:
  void drop_all() {
    std::string().swap(waiting_);
    taken_bytes_ = 0;
    taken_.ring();
  }
  void tell() {
    if (closed_)
      drop_all();
    else if (news_)
      news_();
  }

  bell taken_;
  std::string waiting_;
  std::size_t taken_bytes_ = 0; ///< at the beginning of those
  std::function<void()> news_;
  bool ended_ = false;
  bool closed_ = false;
};

} // namespace sandfleet::agent
