#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace sandfleet::batch {

/// RFC 4648 section 4, with padding.
[[nodiscard]] std::string encode_base64(std::string_view bytes);

/// Strict: the standard alphabet, padded, nothing else, and no bits set beyond the last byte.
/// Nothing when `text` is not that.
[[nodiscard]] std::optional<std::string> decode_base64(std::string_view text);

} // namespace sandfleet::batch
