#include "runtime/protocol/base64.hpp"
#include "runtime/protocol/json_object.hpp"
#include "runtime/protocol/json_writer.hpp"
#include "runtime/protocol/python_repr.hpp"
#include "runtime/protocol/utf8.hpp"
#include "runtime/transport/base_url.hpp"
#include "runtime/transport/url.hpp"
#include "tests/fuzz/holds.hpp"
#include "tests/fuzz/input.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include <algorithm>
#include <cmath>

namespace {

using namespace sandfleet::protocol;
using sandfleet::transport::query_value;
using sandfleet::transport::split_target;
using sandfleet::transport::url_decode;
using sandfleet::transport::url_encode_path;

void check_utf8(std::string_view bytes) {
  const auto text = to_utf8(bytes);
  holds(is_utf8(text));
  holds(is_utf8(bytes) == (text == bytes));
  holds(to_utf8(text) == text);
  const auto count = count_code_points(text);
  holds(code_point_offset(text, count) == text.size());
  for (const std::size_t index : {count / 3, count / 2, count})
    holds(count_code_points(std::string_view(text).substr(0, code_point_offset(text, index))) ==
          index);
}

void check_base64(std::string_view bytes) {
  const auto text = base64_encode(bytes);
  holds(text.size() == (bytes.size() + 2) / 3 * 4);
  holds(base64_decode(text) == bytes);
  if (const auto decoded = base64_decode(bytes))
    holds(base64_encode(*decoded) == bytes);
}

/// Numbers with a fraction or beyond 64 bits need not come back to the last digit.
bool is_same(const boost::json::value& a, const boost::json::value& b) {
  if (a.kind() != b.kind())
    return false;
  if (const auto* number = a.if_double())
    return std::abs(*number - b.get_double()) <= 1e-12 * std::abs(*number) ||
           *number == b.get_double();
  if (const auto* list = a.if_array())
    return std::equal(list->begin(), list->end(), b.get_array().begin(), b.get_array().end(),
                      is_same);
  if (const auto* object = a.if_object())
    return object->size() == b.get_object().size() &&
           std::all_of(object->begin(), object->end(), [&](const auto& member) {
             const auto* other = b.get_object().if_contains(member.key());
             return other && is_same(member.value(), *other);
           });
  return a == b;
}

void check_json(std::string_view bytes) {
  json_writer out;
  out.begin_object().member("text", bytes).member("more", true).end_object();
  const auto text = std::move(out).take();
  holds(text.find('\n') == std::string::npos && is_utf8(text));
  json_object in(text, sandfleet::errc::protocol_error, "text");
  holds(in.string("text") == to_utf8(bytes) && !in.failure());

  if (const auto parsed = parse_json(bytes)) {
    const auto written = boost::json::serialize(*parsed);
    const auto again = parse_json(written);
    // 0e999 is read as no number at all.
    const bool beyond_doubles =
        written.find("Infinity") != std::string::npos || written.find("NaN") != std::string::npos;
    holds(again ? is_same(*parsed, *again) : beyond_doubles);
    holds(is_utf8(python_repr(*parsed)));
  } else {
    holds(!parsed.error().empty());
  }
}

void check_url(std::string_view bytes) {
  holds(url_decode(url_encode_path(bytes)) == bytes);
  holds(url_decode(bytes).size() <= bytes.size());
  const auto target = split_target(bytes);
  holds(target.path.size() + target.query.size() <= bytes.size() + 1);
  const auto encoded = url_encode_path(bytes);
  holds(query_value("other=1&path=" + encoded + "&mode=2", "path") == bytes);
  (void)query_value(target.query, "path");
}

void check_base_url(std::string_view bytes) {
  using sandfleet::transport::parse_base_url;
  const auto read = parse_base_url(bytes);
  if (!read)
    return;
  holds(!read->where.host.empty() && read->where.port != 0);
  holds(read->path.empty() || (read->path.front() == '/' && read->path.back() != '/'));
  const bool is_address = read->where.host.find(':') != std::string::npos;
  const auto again = parse_base_url((read->is_secure ? "https://" : "http://") +
                                    (is_address ? "[" + read->where.host + "]" : read->where.host) +
                                    ":" + std::to_string(read->where.port) + read->path);
  holds(again && *again == *read);
}

} // namespace

/// Texts that are written come back; texts that come from outside are well-formed afterwards.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  check_utf8(bytes);
  check_base64(bytes);
  check_json(bytes);
  check_url(bytes);
  check_base_url(bytes);
  return 0;
}
