#pragma once

#include <compare>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

namespace sandfleet {

/// A string that names one kind of thing and cannot be mistaken for a name of another kind.
template <class Tag>
class strong_id {
 public:
  strong_id() = default;
  explicit strong_id(std::string value) : value_(std::move(value)) {}

  [[nodiscard]] const std::string& str() const noexcept { return value_; }
  [[nodiscard]] bool empty() const noexcept { return value_.empty(); }

  friend auto operator<=>(const strong_id&, const strong_id&) = default;

  template <class Inspector>
  friend auto inspect(Inspector& f, strong_id& x) {
    return f(x.value_);
  }

 private:
  std::string value_;
};

/// Names a sandbox on this machine for ever: 'sb-' and 16 hex digits of randomness.
using sandbox_id = strong_id<struct sandbox_id_tag>;

/// Names a provider: "local" and, later, "docker", "remote", "modal".
using provider_name = strong_id<struct provider_name_tag>;

/// Names a bash session inside one sandbox; "default" unless the caller says otherwise.
using session_name = strong_id<struct session_name_tag>;

[[nodiscard]] sandbox_id make_sandbox_id();
[[nodiscard]] bool is_sandbox_id(std::string_view text) noexcept;

/// 256 random bits as 64 hex digits, from the kernel's generator.
[[nodiscard]] std::string make_secret();

} // namespace sandfleet

template <class Tag>
struct std::hash<sandfleet::strong_id<Tag>> {
  std::size_t operator()(const sandfleet::strong_id<Tag>& id) const noexcept {
    return std::hash<std::string>{}(id.str());
  }
};
