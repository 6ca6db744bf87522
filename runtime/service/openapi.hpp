#pragma once

#include <string_view>

namespace sandfleet::service {

/// The service's calls as an OpenAPI 3.1 document.
[[nodiscard]] std::string_view openapi_document() noexcept;

} // namespace sandfleet::service
