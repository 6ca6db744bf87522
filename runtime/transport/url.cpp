#include "runtime/transport/url.hpp"

#include <algorithm>

namespace sandfleet::transport {

std::string url_encode_path(std::string_view text) {
  constexpr auto* digits = "0123456789ABCDEF";
  std::string encoded;
  encoded.reserve(text.size());
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool plain = (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
                       (byte >= '0' && byte <= '9') || byte == '-' || byte == '.' || byte == '_' ||
                       byte == '~' || byte == '/';
    if (plain) {
      encoded += c;
    } else {
      encoded += '%';
      encoded += digits[byte >> 4];
      encoded += digits[byte & 15];
    }
  }
  return encoded;
}

std::string url_decode(std::string_view text, bool plus_is_blank) {
  const auto digit = [](char c) {
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
  };
  std::string decoded;
  decoded.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+' && plus_is_blank) {
      decoded += ' ';
    } else if (text[i] == '%' && i + 2 < text.size() && digit(text[i + 1]) >= 0 &&
               digit(text[i + 2]) >= 0) {
      decoded += static_cast<char>(digit(text[i + 1]) * 16 + digit(text[i + 2]));
      i += 2;
    } else {
      decoded += text[i];
    }
  }
  return decoded;
}

request_target split_target(std::string_view target) {
  if (const auto scheme = target.find("://"); !target.starts_with('/') && scheme != target.npos) {
    const auto slash = target.find('/', scheme + 3);
    target = slash == target.npos ? std::string_view("/") : target.substr(slash);
  }
  const auto mark = target.find('?');
  return {url_decode(target.substr(0, mark)),
          mark == target.npos ? std::string() : std::string(target.substr(mark + 1))};
}

std::vector<std::string> query_values(std::string_view query, std::string_view name) {
  std::vector<std::string> found;
  while (!query.empty()) {
    const auto one = query.substr(0, query.find('&'));
    const auto equals = one.find('=');
    if (url_decode(one.substr(0, equals), true) == name)
      found.push_back(equals == one.npos ? std::string()
                                         : url_decode(one.substr(equals + 1), true));
    query.remove_prefix(std::min(one.size() + 1, query.size()));
  }
  return found;
}

std::optional<std::string> query_value(std::string_view query, std::string_view name) {
  auto all = query_values(query, name);
  return all.empty() ? std::nullopt : std::optional(std::move(all.front()));
}

} // namespace sandfleet::transport
