#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace sandfleet::launcher {

enum class file_kind : std::uint8_t { missing, file, directory, symlink, other };

/// What the plan of a root looks at on the machine; an interface so that plans can be tested.
class host_view {
 public:
  host_view() = default;
  host_view(const host_view&) = delete;
  host_view& operator=(const host_view&) = delete;
  virtual ~host_view() = default;

  /// Of the path itself, a link not followed.
  [[nodiscard]] virtual file_kind kind(const std::string& path) const = 0;
  [[nodiscard]] virtual std::int64_t size(const std::string& path) const = 0;
  [[nodiscard]] virtual std::string link_target(const std::string& path) const = 0;
  [[nodiscard]] virtual std::string text(const std::string& path) const = 0;
  /// Names in a directory, sorted; empty when it cannot be read.
  [[nodiscard]] virtual std::vector<std::string> names(const std::string& dir) const = 0;
};

/// The machine that the launcher runs on.
class real_host final : public host_view {
 public:
  [[nodiscard]] file_kind kind(const std::string& path) const override;
  [[nodiscard]] std::int64_t size(const std::string& path) const override;
  [[nodiscard]] std::string link_target(const std::string& path) const override;
  [[nodiscard]] std::string text(const std::string& path) const override;
  [[nodiscard]] std::vector<std::string> names(const std::string& dir) const override;
};

} // namespace sandfleet::launcher
