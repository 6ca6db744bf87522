#include "runtime/protocol/python_repr.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/string.hpp>

#include <array>
#include <charconv>

namespace sandfleet::protocol {

namespace json = boost::json;

namespace {

void append_string(std::string& out, std::string_view text) {
  constexpr std::string_view hex = "0123456789abcdef";
  const bool single = text.find('\'') == std::string_view::npos;
  const char quote = single || text.find('"') != std::string_view::npos ? '\'' : '"';
  out += quote;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == quote || c == '\\') {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\r') {
      out += "\\r";
    } else if (c == '\t') {
      out += "\\t";
    } else if (byte < 0x20 || byte == 0x7f) {
      out += "\\x";
      out += hex[byte >> 4U];
      out += hex[byte & 15U];
    } else {
      out += c;
    }
  }
  out += quote;
}

void append_double(std::string& out, double number) {
  std::array<char, 32> text{};
  const auto end = std::to_chars(text.data(), text.data() + text.size(), number).ptr;
  const std::string_view digits(text.data(), static_cast<std::size_t>(end - text.data()));
  out += digits;
  if (digits.find_first_of(".en") == std::string_view::npos)
    out += ".0";
}

void append(std::string& out, const json::value& value) {
  switch (value.kind()) {
  case json::kind::null:
    out += "None";
    break;
  case json::kind::bool_:
    out += value.get_bool() ? "True" : "False";
    break;
  case json::kind::int64:
    out += std::to_string(value.get_int64());
    break;
  case json::kind::uint64:
    out += std::to_string(value.get_uint64());
    break;
  case json::kind::double_:
    append_double(out, value.get_double());
    break;
  case json::kind::string:
    append_string(out, value.get_string());
    break;
  case json::kind::array: {
    out += '[';
    bool first = true;
    for (const auto& element : value.get_array()) {
      if (!std::exchange(first, false))
        out += ", ";
      append(out, element);
    }
    out += ']';
    break;
  }
  case json::kind::object: {
    out += '{';
    bool first = true;
    for (const auto& [name, member] : value.get_object()) {
      if (!std::exchange(first, false))
        out += ", ";
      append_string(out, name);
      out += ": ";
      append(out, member);
    }
    out += '}';
    break;
  }
  }
}

} // namespace

std::string python_repr(const json::value& value) {
  std::string out;
  append(out, value);
  return out;
}

std::string python_repr(std::string_view text) {
  std::string out;
  append_string(out, text);
  return out;
}

} // namespace sandfleet::protocol
