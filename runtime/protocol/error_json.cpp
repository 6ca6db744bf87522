#include "runtime/protocol/error_json.hpp"

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>

namespace sandfleet::protocol {

namespace {

/// The value of a closed enumeration by its name; its last one when there is none of that name.
template <class Enum>
Enum by_name(std::string_view name, Enum last) {
  for (auto at = std::uint8_t{0}; at < static_cast<std::uint8_t>(last); ++at)
    if (to_string(static_cast<Enum>(at)) == name)
      return static_cast<Enum>(at);
  return last;
}

} // namespace

void write_evidence(json_writer& out, const evidence_list& evidence) {
  out.begin_object();
  for (auto fact = evidence.begin(); fact != evidence.end(); ++fact) {
    bool seen = false;
    for (auto before = evidence.begin(); before != fact; ++before)
      seen = seen || before->first == fact->first;
    if (seen)
      continue;
    out.key(fact->first);
    if (const auto* number = std::get_if<std::int64_t>(&fact->second))
      out.value(*number);
    else
      out.value(std::get<std::string>(fact->second));
  }
  out.end_object();
}

void write_error(json_writer& out, const error& failure) {
  out.begin_object()
      .member("code", to_string(failure.code))
      .member("class", to_string(failure.blame))
      .member("message", failure.message)
      .member("cause", failure.cause)
      .member("hint", failure.hint)
      .key("evidence");
  write_evidence(out, failure.evidence);
  out.end_object();
}

std::string encode_error(const error& failure) {
  json_writer out;
  write_error(out, failure);
  return std::move(out).take();
}

result<error> decode_error(std::string_view text) {
  json_object in(text, errc::protocol_error, "a failure");
  error failure;
  failure.code = by_name(in.string_or("code", ""), errc::internal);
  failure.blame = by_name(in.string_or("class", ""), failure_class::ambiguous);
  failure.message = in.string_or("message", "");
  failure.cause = in.string_or("cause", "");
  failure.hint = in.string_or("hint", "");
  if (const auto* facts = in.find("evidence"); facts != nullptr && facts->is_object())
    for (const auto& [name, value] : facts->get_object()) {
      if (const auto* number = value.if_int64())
        failure.evidence.emplace_back(std::string(name), *number);
      else if (const auto* said = value.if_string())
        failure.evidence.emplace_back(std::string(name), std::string(*said));
    }
  if (in.failure())
    return fail(*in.failure());
  return failure;
}

std::optional<error> find_error(const json_object& in, std::string_view name) {
  const auto* found = in.find(name);
  if (found == nullptr || !found->is_object())
    return std::nullopt;
  auto read = decode_error(boost::json::serialize(*found));
  return read ? std::optional(std::move(*read)) : std::nullopt;
}

} // namespace sandfleet::protocol
