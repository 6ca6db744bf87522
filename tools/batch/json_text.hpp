#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace sandfleet::batch {

/// Appends JSON to a string, on one line. Separators are set by itself; the caller only opens and
/// closes in the right order.
class json_text {
 public:
  json_text& open_object() { return open('{'); }
  json_text& close_object() { return close('}'); }
  json_text& open_array() { return open('['); }
  json_text& close_array() { return close(']'); }
  json_text& key(std::string_view name);
  /// Bytes that are not part of well-formed UTF-8 become U+FFFD.
  json_text& text(std::string_view value);
  json_text& integer(std::int64_t value);
  /// Microseconds are kept. What JSON has no number for becomes null.
  json_text& number(double value);
  json_text& boolean(bool value);
  json_text& null();
  /// The same as `text` for what is known to need no escapes.
  json_text& plain(std::string_view value);

  [[nodiscard]] std::string take() { return std::move(out_); }

 private:
  json_text& open(char bracket);
  json_text& close(char bracket);
  void separate();

  std::string out_;
  bool first_ = true; ///< no element stands in the innermost bracket yet
  bool after_key_ = false;
};

} // namespace sandfleet::batch
