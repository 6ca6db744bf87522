#include "runtime/docker/json_view.hpp"

namespace sandfleet::docker {

namespace dom = simdjson::dom;

json_view json_view::member(std::string_view name) const {
  dom::object object;
  dom::element found;
  if (!element_ || element_->get(object) != simdjson::SUCCESS ||
      object.at_key(name).get(found) != simdjson::SUCCESS || found.is_null())
    return {};
  return json_view(found);
}

std::string json_view::text() const {
  std::string_view read;
  return element_ && element_->get(read) == simdjson::SUCCESS ? std::string(read) : std::string();
}

std::int64_t json_view::number(std::int64_t fallback) const {
  std::int64_t read = 0;
  return element_ && element_->get(read) == simdjson::SUCCESS ? read : fallback;
}

bool json_view::truth() const {
  bool read = false;
  return element_ && element_->get(read) == simdjson::SUCCESS && read;
}

void json_view::each(const std::function<void(const json_view&)>& visit) const {
  dom::array array;
  if (!element_ || element_->get(array) != simdjson::SUCCESS)
    return;
  for (const dom::element one : array)
    visit(json_view(one));
}

void json_view::each_member(
    const std::function<void(std::string_view, const json_view&)>& visit) const {
  dom::object object;
  if (!element_ || element_->get(object) != simdjson::SUCCESS)
    return;
  for (const auto& field : object)
    visit(field.key, json_view(field.value));
}

result<json_text> json_text::parse(std::string_view text, std::string_view what) {
  json_text parsed;
  parsed.parser_ = std::make_unique<dom::parser>();
  dom::element root;
  if (const auto failure = parsed.parser_->parse(text.data(), text.size()).get(root))
    return fail(make_error(errc::protocol_error, std::string(what) + ": the reply is not JSON")
                    .with_cause(simdjson::error_message(failure))
                    .with("reply", std::string(text.substr(0, 200))));
  parsed.root_ = json_view(root);
  return parsed;
}

} // namespace sandfleet::docker
