#include "runtime/protocol/remote_replies.hpp"

#include "runtime/core/text.hpp"
#include "runtime/protocol/error_json.hpp"
#include "runtime/protocol/json_object.hpp"
#include "runtime/protocol/utf8.hpp"

#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>

namespace sandfleet::protocol {

namespace {
constexpr std::size_t max_detail = 500;
}

result<std::vector<runtime_object>> decode_runtimes(std::string_view body) {
  const std::string what = "the list of the runtime service";
  const auto parsed = parse_json(body);
  if (!parsed)
    return fail(make_error(errc::protocol_error, what + ": not JSON").with_cause(parsed.error()));
  const auto* members = parsed->if_object();
  const auto* value = members != nullptr ? members->if_contains("runtimes") : &*parsed;
  const auto* list = value != nullptr ? value->if_array() : nullptr;
  if (list == nullptr)
    return fail(errc::protocol_error, what + ": 'runtimes' is not a list");
  std::vector<runtime_object> all;
  all.reserve(list->size());
  for (const auto& one : *list) {
    auto read = decode_runtime(boost::json::serialize(one));
    if (!read)
      return fail(std::move(read.error()));
    all.push_back(std::move(*read));
  }
  return all;
}

namespace {

result<std::string> decode_text(std::string_view body, std::string_view name) {
  json_object in(body, errc::protocol_error, "an answer of the runtime service");
  auto text = in.string(name);
  if (in.failure())
    return fail(*in.failure());
  return text;
}

} // namespace

result<std::string> decode_registry_prefix(std::string_view body) {
  return decode_text(body, "registry_prefix");
}

result<std::string> decode_build_id(std::string_view body) {
  return decode_text(body, "build_id");
}

result<bool> decode_image_exists(std::string_view body) {
  json_object in(body, errc::protocol_error, "an answer of the runtime service");
  if (!in.has("exists"))
    in.reject("exists", "is missing");
  const bool exists = in.boolean_or("exists", false);
  if (in.failure())
    return fail(*in.failure());
  return exists;
}

result<build_state> decode_build_state(std::string_view body) {
  json_object in(body, errc::protocol_error, "a build of the runtime service");
  build_state state;
  state.status = core::to_upper(in.string("status"));
  state.image = in.string_or("image", "");
  state.failure = in.string_or("error", "");
  if (in.failure())
    return fail(*in.failure());
  return state;
}

refusal read_refusal(std::string_view body) {
  refusal read;
  json_object in(body, errc::protocol_error, "a refusal");
  if (const auto* detail = in.find("detail"); detail != nullptr && detail->is_string()) {
    read.is_structured = true;
    read.detail = std::string(detail->get_string());
  } else {
    read.detail = to_utf8(core::trim(body.substr(0, max_detail)));
  }
  read.detail.resize(std::min(read.detail.size(), max_detail));
  read.whole = find_error(in, "error");
  return read;
}

} // namespace sandfleet::protocol
