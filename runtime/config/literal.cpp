#include "runtime/config/literal.hpp"

#include "runtime/core/text.hpp"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <optional>

namespace sandfleet::config {

namespace {

void append_utf8(std::string& text, std::uint32_t point) {
  const auto low_bits = [&](int shift) {
    return static_cast<char>(0x80U | ((point >> shift) & 0x3FU));
  };
  if (point < 0x80) {
    text += static_cast<char>(point);
  } else if (point < 0x800) {
    text += {static_cast<char>(0xC0U | (point >> 6)), low_bits(0)};
  } else if (point < 0x10000) {
    text += {static_cast<char>(0xE0U | (point >> 12)), low_bits(6), low_bits(0)};
  } else {
    text += {static_cast<char>(0xF0U | (point >> 18)), low_bits(12), low_bits(6), low_bits(0)};
  }
}

/// A cursor over the text. Every reader leaves `at_` behind what it has read.
class literal_reader {
 public:
  explicit literal_reader(std::string_view text) : text_(text) {}

  result<std::vector<std::string>> read_list() {
    std::vector<std::string> items;
    if (!take('['))
      return bad("'[' expected");
    while (!take(']')) {
      if (!items.empty() && !take(','))
        return bad("',' or ']' expected");
      if (take(']'))
        break;
      auto item = read_string();
      if (!item)
        return fail(item.error());
      items.push_back(std::move(*item));
    }
    skip_blanks();
    if (at_ != text_.size())
      return bad("nothing may follow the last ']'");
    return items;
  }

  result<std::map<std::string, std::string>> read() {
    std::map<std::string, std::string> pairs;
    if (!take('{'))
      return bad("'{' expected");
    while (!take('}')) {
      if (!pairs.empty() && !take(','))
        return bad("',' or '}' expected");
      if (take('}'))
        break;
      auto name = read_string();
      if (!name)
        return fail(name.error());
      if (!take(':'))
        return bad("':' expected");
      auto given = read_item();
      if (!given)
        return fail(given.error());
      if (!pairs.emplace(std::move(*name), std::move(*given)).second)
        return bad("a name stands twice");
    }
    skip_blanks();
    if (at_ != text_.size())
      return bad("nothing may follow the last '}'");
    return pairs;
  }

  result<std::map<std::string, std::string>> read_object() {
    std::map<std::string, std::string> members;
    auto read = members_of(0, [&](std::string name, std::string json) {
      return members.emplace(std::move(name), std::move(json)).second;
    });
    if (!read)
      return fail(read.error());
    skip_blanks();
    if (at_ != text_.size())
      return bad("nothing may follow the last '}'");
    return members;
  }

 private:
  static constexpr int deepest = 32;

  template <class Take>
  result<void> members_of(int depth, Take take_member) {
    if (!take('{'))
      return bad("'{' expected");
    for (bool first = true; !take('}'); first = false) {
      if (!first && !take(','))
        return bad("',' or '}' expected");
      if (take('}'))
        break;
      auto name = is_quote_next() ? read_string() : read_word();
      if (!name)
        return fail(name.error());
      if (!take(':'))
        return bad("':' expected");
      auto json = read_value(depth + 1);
      if (!json)
        return fail(json.error());
      if (!take_member(std::move(*name), std::move(*json)))
        return bad("a name stands twice");
    }
    return {};
  }

  /// The JSON of what stands next.
  result<std::string> read_value(int depth) {
    if (depth > deepest)
      return bad("too deep");
    if (is_quote_next()) {
      auto text = read_string();
      if (!text)
        return text;
      return json_string(*text);
    }
    const char next = at_ < text_.size() ? text_[at_] : '\0';
    if (next == '[' || next == '(')
      return read_items(depth, next == '[' ? ']' : ')');
    if (next != '{')
      return read_plain();
    std::string json = "{";
    auto read = members_of(depth, [&](const std::string& name, const std::string& value) {
      json += (json.size() > 1 ? "," : "") + json_string(name) + ":" + value;
      return true;
    });
    if (!read)
      return fail(read.error());
    return json + "}";
  }

  /// A list, or a tuple; what stands alone in round brackets is itself.
  result<std::string> read_items(int depth, char closing) {
    ++at_;
    std::string json = "[";
    bool has_comma = closing == ']';
    while (!take(closing)) {
      if (json.size() > 1 && !take(','))
        return bad(closing == ']' ? "',' or ']' expected" : "',' or ')' expected");
      has_comma = has_comma || json.size() > 1;
      if (take(closing))
        break;
      auto item = read_value(depth + 1);
      if (!item)
        return item;
      json += (json.size() > 1 ? "," : "") + *item;
    }
    return has_comma || json.size() == 1 ? json + "]" : json.substr(1);
  }

  result<std::string> read_plain() {
    const auto start = at_;
    auto word = read_word();
    if (!word)
      return word;
    if (*word == "True" || *word == "true")
      return std::string("true");
    if (*word == "False" || *word == "false")
      return std::string("false");
    if (*word == "None" || *word == "null")
      return std::string("null");
    if (const auto whole = core::parse_integer(*word))
      return std::to_string(*whole);
    if (const auto number = core::parse_number(*word))
      return core::number_text(*number);
    at_ = start;
    return bad("a value expected");
  }

  result<std::string> read_word() {
    skip_blanks();
    const auto end = std::min(text_.find_first_of(",:]})[{(\"' \t\r\n", at_), text_.size());
    if (end == at_)
      return bad("a value expected");
    auto word = std::string(text_.substr(at_, end - at_));
    at_ = end;
    return word;
  }

  bool is_quote_next() {
    skip_blanks();
    return at_ < text_.size() && (text_[at_] == '"' || text_[at_] == '\'');
  }

  [[nodiscard]] tl::unexpected<error> bad(std::string_view what) const {
    return fail(errc::invalid_argument,
                std::string(what) + " at character " + std::to_string(at_ + 1));
  }

  void skip_blanks() {
    const auto next = text_.find_first_not_of(" \t\r\n", at_);
    at_ = next == std::string_view::npos ? text_.size() : next;
  }

  bool take(char expected) {
    skip_blanks();
    if (at_ >= text_.size() || text_[at_] != expected)
      return false;
    ++at_;
    return true;
  }

  result<std::string> read_item() {
    skip_blanks();
    if (at_ < text_.size() && (text_[at_] == '"' || text_[at_] == '\''))
      return read_string();
    const auto end = text_.find_first_of(",}", at_);
    const auto bare = core::trim(text_.substr(at_, end - at_));
    if (end == std::string_view::npos || bare.empty() ||
        bare.find_first_of("{[('\":") != std::string_view::npos)
      return bad("a string or a plain value expected");
    at_ = end;
    return std::string(bare);
  }

  result<std::string> read_string() {
    skip_blanks();
    if (at_ >= text_.size() || (text_[at_] != '"' && text_[at_] != '\''))
      return bad("a quoted string expected");
    const char quote = text_[at_++];
    std::string out;
    while (at_ < text_.size()) {
      const char c = text_[at_++];
      if (c == quote)
        return out;
      if (c != '\\')
        out += c;
      else if (auto escaped = read_escape(out); !escaped)
        return fail(escaped.error());
    }
    return bad("the string is not closed");
  }

  result<void> read_escape(std::string& out) {
    constexpr std::string_view names = "\\'\"/nrtbfa";
    constexpr std::string_view meanings = "\\'\"/\n\r\t\b\f\a";
    const char c = at_ < text_.size() ? text_[at_++] : '\0';
    if (const auto found = names.find(c); c != '\0' && found != std::string_view::npos) {
      out += meanings[found];
      return {};
    }
    const std::size_t digits = c == 'x' ? 2 : c == 'u' ? 4 : c == 'U' ? 8 : 0;
    auto point = digits == 0 ? std::nullopt : read_hex(digits);
    if (point && is_high_surrogate(*point) && text_.substr(at_, 2) == "\\u") {
      at_ += 2;
      const auto low = read_hex(4);
      point = low && *low >= 0xDC00 && *low <= 0xDFFF
                  ? std::optional(0x10000 + ((*point - 0xD800) << 10) + (*low - 0xDC00))
                  : std::nullopt;
    }
    if (!point || *point > 0x10FFFF || (*point >= 0xD800 && *point <= 0xDFFF))
      return bad("an escape that is not known");
    append_utf8(out, *point);
    return {};
  }

  static bool is_high_surrogate(std::uint32_t point) { return point >= 0xD800 && point <= 0xDBFF; }

  std::optional<std::uint32_t> read_hex(std::size_t digits) {
    const auto part = text_.substr(at_, digits);
    std::uint32_t number = 0;
    const auto [end, failure] = std::from_chars(part.data(), part.data() + part.size(), number, 16);
    if (part.size() != digits || failure != std::errc{} || end != part.data() + part.size())
      return std::nullopt;
    at_ += digits;
    return number;
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

} // namespace

result<std::map<std::string, std::string>> read_map_literal(std::string_view text) {
  return literal_reader(text).read();
}

result<std::vector<std::string>> read_list_literal(std::string_view text) {
  return literal_reader(text).read_list();
}

result<std::map<std::string, std::string>> read_object_literal(std::string_view text) {
  return literal_reader(text).read_object();
}

std::string json_string(std::string_view text) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string json = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\')
      json += {'\\', c};
    else if (byte < 0x20)
      json += {'\\', 'u', '0', '0', digits[byte >> 4], digits[byte & 15]};
    else
      json += c;
  }
  return json + '"';
}

} // namespace sandfleet::config
