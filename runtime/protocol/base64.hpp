#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace sandfleet::protocol {

/// RFC 4648, section 4, padded.
[[nodiscard]] std::string base64_encode(std::string_view bytes);

/// Nothing unless the text is exactly what `base64_encode` could have written.
[[nodiscard]] std::optional<std::string> base64_decode(std::string_view text);

} // namespace sandfleet::protocol
