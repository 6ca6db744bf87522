#include "sandbox_agent/bash/quoting.hpp"

namespace sandfleet::agent {

namespace {

bool is_octal(char byte) {
  return byte >= '0' && byte <= '7';
}

int hex_value(char byte) {
  if (byte >= '0' && byte <= '9')
    return byte - '0';
  if (byte >= 'a' && byte <= 'f')
    return byte - 'a' + 10;
  if (byte >= 'A' && byte <= 'F')
    return byte - 'A' + 10;
  return -1;
}

/// One escape of $'...', `at` standing behind the backslash; moves `at` behind it.
void append_unescaped(std::string& out, std::string_view text, std::size_t& at) {
  const char kind = text[at++];
  switch (kind) {
  case 'a':
    out += '\a';
    return;
  case 'b':
    out += '\b';
    return;
  case 'e':
  case 'E':
    out += '\x1b';
    return;
  case 'f':
    out += '\f';
    return;
  case 'n':
    out += '\n';
    return;
  case 'r':
    out += '\r';
    return;
  case 't':
    out += '\t';
    return;
  case 'v':
    out += '\v';
    return;
  case 'x': {
    int value = 0;
    int digits = 0;
    for (; digits < 2 && at < text.size() && hex_value(text[at]) >= 0; ++digits)
      value = value * 16 + hex_value(text[at++]);
    if (digits == 0)
      out += "\\x";
    else
      out += static_cast<char>(value);
    return;
  }
  default:
    break;
  }
  if (is_octal(kind)) {
    int value = kind - '0';
    for (int digits = 1; digits < 3 && at < text.size() && is_octal(text[at]); ++digits)
      value = value * 8 + (text[at++] - '0');
    out += static_cast<char>(value);
    return;
  }
  if (kind != '\\' && kind != '\'' && kind != '"' && kind != '?')
    out += '\\';
  out += kind;
}

} // namespace

void append_ansi_c(std::string& out, char byte) {
  const auto code = static_cast<unsigned char>(byte);
  switch (byte) {
  case '\0':
    return;
  case '\n':
    out += "\\n";
    return;
  case '\t':
    out += "\\t";
    return;
  case '\\':
    out += "\\\\";
    return;
  case '\'':
    out += "\\'";
    return;
  default:
    break;
  }
  if (code >= 0x20 && code != 0x7f) {
    out += byte;
    return;
  }
  out += '\\';
  out += static_cast<char>('0' + (code >> 6U));
  out += static_cast<char>('0' + ((code >> 3U) & 7U));
  out += static_cast<char>('0' + (code & 7U));
}

std::string quote_ansi_c(std::string_view text) {
  std::string out = "$'";
  for (const char byte : text)
    append_ansi_c(out, byte);
  out += '\'';
  return out;
}

std::optional<std::string> unquote_word(std::string_view text, std::string_view stops,
                                        std::size_t& used) {
  std::string out;
  std::size_t at = 0;
  while (at < text.size()) {
    const char byte = text[at];
    if (stops.find(byte) != std::string_view::npos)
      break;
    if (byte == '\\' && at + 1 < text.size()) {
      out += text[at + 1];
      at += 2;
    } else if (byte == '\'') {
      const auto end = text.find('\'', at + 1);
      if (end == std::string_view::npos)
        return std::nullopt;
      out.append(text.substr(at + 1, end - at - 1));
      at = end + 1;
    } else if (byte == '$' && at + 1 < text.size() && text[at + 1] == '\'') {
      at += 2;
      while (at < text.size() && text[at] != '\'') {
        if (text[at] != '\\' || at + 1 == text.size())
          out += text[at++];
        else
          append_unescaped(out, text, ++at);
      }
      if (at == text.size())
        return std::nullopt;
      ++at;
    } else {
      out += byte;
      ++at;
    }
  }
  used = at;
  return out;
}

} // namespace sandfleet::agent
