#pragma once

#include <boost/json/value.hpp>

#include <string>
#include <string_view>

namespace sandfleet::protocol {

/// A JSON value as Python's repr() shows what json.loads makes of it. The reference's error texts
/// hold such renderings.
[[nodiscard]] std::string python_repr(const boost::json::value& value);
[[nodiscard]] std::string python_repr(std::string_view text);

} // namespace sandfleet::protocol
