#pragma once

#include <optional>
#include <string>
#include <string_view>

/// The pages of the file viewer, without any I/O.
namespace sandfleet::agent {

/// What a browser can show, by the ending of its path: the media type; nothing for others.
[[nodiscard]] std::optional<std::string_view> shown_type(std::string_view path);

/// What is said of others: the reference's words.
[[nodiscard]] std::string unsupported_text(std::string_view path);

/// A page that tells of an error. Both texts are of any bytes and stay text.
[[nodiscard]] std::string error_page(std::string_view title, std::string_view path,
                                     std::string_view reason = {});

/// A page that shows one file: the file's bytes in base64 stand between its two parts.
struct viewer_page {
  std::string before;
  std::string after;
  std::string policy; ///< for Content-Security-Policy: nothing but this page's own script runs
};
/// `script_nonce` is not to be guessed, letters and digits alone.
[[nodiscard]] viewer_page page_for(std::string_view path, std::string_view media_type,
                                   std::string_view script_nonce);

/// The text with all that means something in HTML escaped, and U+FFFD for what is not UTF-8.
[[nodiscard]] std::string html_text(std::string_view bytes);

} // namespace sandfleet::agent
