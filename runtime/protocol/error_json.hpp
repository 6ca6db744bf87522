#pragma once

#include "runtime/protocol/json_object.hpp"
#include "runtime/protocol/json_writer.hpp"

#include <sandfleet/error.hpp>

#include <optional>
#include <string>
#include <string_view>

namespace sandfleet::protocol {

/// An object of the facts. Of two with one name, which two layers may have seen, the first counts.
void write_evidence(json_writer& out, const evidence_list& evidence);

/// An object with "code", "class", "message", "cause", "hint" and "evidence".
void write_error(json_writer& out, const error& failure);
[[nodiscard]] std::string encode_error(const error& failure);

/// Reads it back; what is missing or not known is `internal` and `ambiguous`.
[[nodiscard]] result<error> decode_error(std::string_view text);
/// The same of a member; nothing when it is no object.
[[nodiscard]] std::optional<error> find_error(const json_object& in, std::string_view name);

} // namespace sandfleet::protocol
