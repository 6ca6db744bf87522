#include "tools/batch/json_text.hpp"

#include "runtime/core/text.hpp"

#include <array>
#include <charconv>
#include <cmath>
#include <cstdio>

namespace sandfleet::batch {
namespace {

void append_escaped(std::string& out, char c) {
  switch (c) {
  case '"':
    out += "\\\"";
    return;
  case '\\':
    out += "\\\\";
    return;
  case '\n':
    out += "\\n";
    return;
  case '\r':
    out += "\\r";
    return;
  case '\t':
    out += "\\t";
    return;
  default:
    break;
  }
  std::array<char, 8> code{};
  std::snprintf(code.data(), code.size(), "\\u%04x", static_cast<unsigned>(c));
  out += code.data();
}

bool needs_escape(char character) {
  const auto c = static_cast<unsigned char>(character);

  return c < 0x20 || c == '"' || c == '\\' || c == 0x7f;
}

} // namespace

void json_text::separate() {
  if (!first_ && !after_key_)
    out_ += ',';
  first_ = false;
  after_key_ = false;
}

json_text& json_text::open(char bracket) {
  separate();
  out_ += bracket;
  first_ = true;
  return *this;
}

json_text& json_text::close(char bracket) {
  out_ += bracket;
  first_ = false;
  return *this;
}

json_text& json_text::key(std::string_view name) {
  text(name);
  out_ += ':';
  after_key_ = true;
  return *this;
}

json_text& json_text::text(std::string_view value) {
  separate();
  const auto valid = core::valid_utf8(value);
  const std::string_view whole(valid);
  out_ += '"';
  std::size_t copied = 0; // what stands before is in `out_`
  for (std::size_t i = 0; i < whole.size(); ++i) {
    if (!needs_escape(whole[i]))
      continue;
    out_ += whole.substr(copied, i - copied);
    append_escaped(out_, whole[i]);
    copied = i + 1;
  }
  out_ += whole.substr(copied);
  out_ += '"';
  return *this;
}

json_text& json_text::integer(std::int64_t value) {
  separate();
  out_ += std::to_string(value);
  return *this;
}

json_text& json_text::number(double value) {
  if (!std::isfinite(value))
    return null();
  separate();
  std::array<char, 64> digits{};
  const auto rounded = std::abs(value) < 1e9 ? std::round(value * 1e6) / 1e6 : value;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), rounded).ptr;
  out_.append(digits.data(), end);
  return *this;
}

json_text& json_text::boolean(bool value) {
  separate();
  out_ += value ? "true" : "false";
  return *this;
}

json_text& json_text::null() {
  separate();
  out_ += "null";
  return *this;
}

json_text& json_text::plain(std::string_view value) {
  separate();
  out_ += '"';
  out_ += value;
  out_ += '"';
  return *this;
}

} // namespace sandfleet::batch
