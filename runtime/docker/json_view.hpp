#pragma once

#include <sandfleet/error.hpp>

#include <simdjson.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace sandfleet::docker {

/// A place in a JSON text that an engine sent. What is missing or of another type reads as nothing:
/// engines differ in what they leave out.
class json_view {
 public:
  json_view() = default;
  explicit json_view(simdjson::dom::element element) : element_(element) {}

  /// A member by its path, such as {"State", "Status"}.
  template <class... Names>
  [[nodiscard]] json_view at(std::string_view name, Names... further) const {
    const auto found = member(name);
    if constexpr (sizeof...(further) == 0)
      return found;
    else
      return found.at(further...);
  }

  [[nodiscard]] bool present() const { return element_.has_value(); } ///< null is not
  [[nodiscard]] std::string text() const;                             ///< empty when it is none
  [[nodiscard]] std::int64_t number(std::int64_t fallback = 0) const;
  [[nodiscard]] bool truth() const;

  /// Of an array, or of an object with the names; of another value nothing.
  void each(const std::function<void(const json_view& value)>& visit) const;
  void each_member(
      const std::function<void(std::string_view name, const json_view& value)>& visit) const;

 private:
  [[nodiscard]] json_view member(std::string_view name) const;

  std::optional<simdjson::dom::element> element_;
};

/// A text and its reading, at most 64 MiB.
class json_text {
 public:
  /// `protocol_error`, naming `what`, for a text that is not JSON.
  static result<json_text> parse(std::string_view text, std::string_view what);

  [[nodiscard]] const json_view& root() const { return root_; }

 private:
  std::unique_ptr<simdjson::dom::parser> parser_; ///< holds what the view shows, in its place
  json_view root_;
};

} // namespace sandfleet::docker
