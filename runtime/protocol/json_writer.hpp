#pragma once

#include <concepts>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sandfleet::protocol {

/// Appends `bytes` as a JSON string, quotes included; ill-formed UTF-8 becomes U+FFFD. Escapes are
/// those of Python's json.dumps with ensure_ascii=False.
void append_json_string(std::string& out, std::string_view bytes);

/// Appends the shortest decimal text that reads back as the same number; null unless finite.
void append_json_number(std::string& out, double number);

/// Writes JSON without blanks, members in the order of the calls.
class json_writer {
 public:
  json_writer& begin_object() { return open('{'); }
  json_writer& end_object() { return close('}'); }
  json_writer& begin_array() { return open('['); }
  json_writer& end_array() { return close(']'); }
  json_writer& key(std::string_view name);

  json_writer& value(std::string_view text);
  json_writer& value(const char* text) { return value(std::string_view(text)); }
  json_writer& value(const std::string& text) { return value(std::string_view(text)); }
  json_writer& value(std::same_as<bool> auto truth) { return raw(truth ? "true" : "false"); }
  json_writer& value(std::same_as<double> auto number) {
    separate();
    append_json_number(text_, number);
    return *this;
  }
  template <std::integral Number>
  requires(!std::same_as<Number, bool>) json_writer& value(Number number) {
    return raw(std::to_string(number));
  }
  json_writer& null() { return raw("null"); }
  template <class T>
  json_writer& value(const std::optional<T>& maybe) {
    return maybe ? value(*maybe) : null();
  }

  template <class T>
  json_writer& member(std::string_view name, const T& what) {
    return key(name).value(what);
  }

  [[nodiscard]] std::string take() && { return std::move(text_); }

 private:
  json_writer& open(char bracket);
  json_writer& close(char bracket);
  json_writer& raw(std::string_view text);
  void separate();

  std::string text_;
  bool first_ = true; ///< nothing stands before in this object or array, or a key does
};

} // namespace sandfleet::protocol
