#pragma once

#include "sandbox_agent/bash/pty.hpp"

#include <sandfleet/error.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace sandfleet::agent::files {

/// A file that is written beside its target and takes its place at once, so that nobody sees half
/// of it. Without `commit` nothing is left. Errors as those of `load`.
class replacement {
 public:
  /// Makes missing parents. A link is followed, and what it points at replaced.
  static result<replacement> begin(const std::string& target, std::uint32_t mode);

  replacement(replacement&& other) noexcept;
  replacement& operator=(replacement&&) = delete;
  ~replacement();

  result<void> write(std::string_view bytes);
  result<void> commit();

 private:
  replacement(unique_fd file, std::string temporary, std::string target)
      : file_(std::move(file)), temporary_(std::move(temporary)), target_(std::move(target)) {}

  int take_a_name();

  unique_fd file_;
  std::string temporary_; ///< its name until it takes the target's; empty: it has none
  std::string target_;
};

/// Writes all of it; the errno of a failure, or 0.
[[nodiscard]] int write_fully(int fd, std::string_view bytes);

} // namespace sandfleet::agent::files
