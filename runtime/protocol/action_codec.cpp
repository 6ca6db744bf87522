#include "runtime/protocol/action_codec.hpp"

#include "runtime/core/text.hpp"
#include "runtime/protocol/action_forms.hpp"
#include "runtime/protocol/agent_api.hpp"
#include "runtime/protocol/json_fault.hpp"
#include "runtime/protocol/json_object.hpp"
#include "runtime/protocol/python_repr.hpp"
#include "runtime/protocol/utf8.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/string.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <span>

namespace sandfleet::protocol {

namespace json = boost::json;

namespace {

using decoded = tl::expected<action, action_refusal>;

tl::unexpected<action_refusal> invalid_form(const std::string& type, const std::string& where,
                                            const std::string& message, const std::string& input,
                                            const std::string& more = {}) {
  return tl::unexpected(action_refusal{
      422, encode_invalid_request("[{'type': '" + type + "', 'loc': (" + where + "), 'msg': '" +
                                  message + "', 'input': " + input + more + "}]")});
}

tl::unexpected<action_refusal> refuse(const std::string& why) {
  return tl::unexpected(action_refusal{500, encode_detail("Internal server error: " + why)});
}

tl::unexpected<action_refusal> answer(const observation& what) {
  return tl::unexpected(action_refusal{200, encode(what)});
}

/// Python's int(text): blanks around it, a sign, '_' between digits.
std::optional<std::int64_t> python_integer(std::string_view text) {
  text = core::trim(text);
  if (text.starts_with('+') && !text.starts_with("+-"))
    text.remove_prefix(1);
  if (text.starts_with('_') || text.ends_with('_') || text.find("__") != std::string_view::npos ||
      text.starts_with("-_"))
    return std::nullopt;
  std::string digits(text);
  std::erase(digits, '_');
  return core::parse_integer(digits);
}

/// What Python takes for the same number: True is 1, and 2.0 is 2.
std::optional<std::int64_t> whole_number(const json::value& value) {
  if (const auto* number = value.if_int64())
    return *number;
  if (const auto* truth = value.if_bool())
    return *truth ? 1 : 0;
  const auto* number = value.if_double();
  if (number && std::trunc(*number) == *number && std::abs(*number) < 1e15)
    return static_cast<std::int64_t>(*number);
  return std::nullopt;
}

/// Reads "args" by type. The reference does not check types and fails at the use of a value; here
/// the first wrong one is remembered.
class arguments {
 public:
  explicit arguments(const json::object& args) : args_(args) {}

  std::string string(std::string_view name, std::string_view fallback = {}) {
    return optional_string(name, false).value_or(std::string(fallback));
  }

  std::optional<std::string> optional_string(std::string_view name, bool nullable = true) {
    const auto* found = args_.if_contains(name);
    if (!found || (nullable && found->is_null()))
      return std::nullopt;
    if (const auto* text = found->if_string())
      return std::string(*text);
    return wrong(name, "a string"), std::nullopt;
  }

  /// Python's idea of what is true.
  bool truth(std::string_view name) {
    const auto* found = args_.if_contains(name);
    if (!found)
      return false;
    switch (found->kind()) {
    case json::kind::null:
      return false;
    case json::kind::bool_:
      return found->get_bool();
    case json::kind::string:
      return !found->get_string().empty();
    case json::kind::array:
      return !found->get_array().empty();
    case json::kind::object:
      return !found->get_object().empty();
    default:
      return found->to_number<double>() != 0;
    }
  }

  std::int64_t integer(std::string_view name, std::int64_t fallback) {
    const auto* found = args_.if_contains(name);
    if (!found)
      return fallback;
    if (const auto number = whole_number(*found))
      return *number;
    return wrong(name, "an integer"), fallback;
  }

  void wrong(std::string_view name, std::string_view wanted) {
    if (failure_.empty())
      failure_ = "argument '" + std::string(name) + "' must be " + std::string(wanted);
  }

  [[nodiscard]] const json::value* find(std::string_view name) const {
    return args_.if_contains(name);
  }
  [[nodiscard]] const std::string& failure() const { return failure_; }

 private:
  const json::object& args_;
  std::string failure_;
};

/// Python's parser gives up at about this.
constexpr std::size_t max_action_depth = 1490;
constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";

/// Of a body that is no text, or nested too deep.
tl::unexpected<action_refusal> unreadable() {
  return tl::unexpected(action_refusal{400, encode_detail("There was an error parsing the body")});
}

decoded decode_run(arguments& args, const json::object& top) {
  run_action run;
  run.command = args.string("command");
  if (run.command.find('\0') != std::string::npos)
    return answer(error_observation{"embedded null byte", ""});
  run.is_input = args.truth("is_input");
  run.blocking = args.truth("blocking");
  run.is_static = args.truth("is_static");
  run.cwd = args.optional_string("cwd");
  run.hidden = args.truth("hidden");
  if (const auto* timeout = top.if_contains("timeout"); timeout && !timeout->is_null()) {
    if (timeout->is_number())
      run.timeout = timeout->to_number<double>();
    else
      args.wrong("timeout", "a number");
  }
  return run;
}

decoded decode_read(arguments& args) {
  read_action read;
  read.path = args.string("path");
  read.start = args.integer("start", 0);
  read.end = args.integer("end", -1);
  read.impl_source = args.string("impl_source", "default");
  const auto* range = args.find("view_range");
  if (!range || range->is_null())
    return read;
  const auto* list = range->if_array();
  if (!list)
    return args.wrong("view_range", "a list"), read;
  read.view_range.emplace();
  for (const auto& element : *list) {
    if (const auto number = element.is_double() ? std::nullopt : whole_number(element))
      read.view_range->push_back(*number);
    else
      return answer(
          read_observation{"ERROR:\nInvalid `view_range` parameter: " + python_repr(*range) +
                               ". It should be a list of two integers.",
                           read.path, read.impl_source});
  }
  return read;
}

decoded decode_edit(arguments& args) {
  edit_action edit;
  edit.path = args.string("path");
  edit.command = args.string("command");
  edit.file_text = args.optional_string("file_text");
  edit.old_str = args.optional_string("old_str");
  edit.new_str = args.optional_string("new_str");
  edit.impl_source = args.string("impl_source", "oh_aci");
  if (edit.impl_source != "oh_aci")
    return refuse("");
  const auto* line = args.find("insert_line");
  if (!line || line->is_null())
    return edit;
  if (const auto* text = line->if_string()) {
    edit.insert_line = python_integer(*text);
    if (!edit.insert_line)
      return answer(edit_observation{.content = "ERROR:\nInvalid insert_line value: '" +
                                                std::string(*text) + "'. Expected an integer.",
                                     .path = edit.path,
                                     .old_content = edit.old_str,
                                     .new_content = edit.new_str});
  } else {
    edit.insert_line = args.integer("insert_line", 0);
  }
  return edit;
}

decoded decode_arguments(std::string_view type, arguments& args, const json::object& top) {
  if (type == "run")
    return decode_run(args, top);
  if (type == "read")
    return decode_read(args);
  if (type == "write")
    return write_action{args.string("path"),
                        args.string("content"),
                        args.integer("start", 0),
                        args.integer("end", -1),
                        {}};
  if (type == "edit")
    return decode_edit(args);
  if (type == "run_ipython")
    return refuse("JupyterRequirement not found. Unable to run IPython action.");
  return answer(error_observation{"Browser functionality is not supported or disabled.", ""});
}

/// What is to be forgotten is told by numbers or by a range, a summary with its place.
bool is_condensation(const json::object& args) {
  const auto has = [&](std::string_view name) {
    const auto* found = args.if_contains(name);
    return found && !found->is_null();
  };
  const bool by_range = has("forgotten_events_start_id") && has("forgotten_events_end_id");
  return has("forgotten_event_ids") != by_range && has("summary") == has("summary_offset");
}

/// Takes our own argument out of those that the reference knows; nothing where it is not one.
std::optional<std::string> take_session(json::object& args) {
  const auto* found = args.if_contains("session_id");
  if (!found)
    return "default";
  const auto* text = found->if_string();
  if (!text || text->empty() || text->size() > max_session_name)
    return std::nullopt;
  std::string name(*text);
  args.erase("session_id");
  return name;
}

/// Names that older clients send, as the reference reads them.
void modernize(json::object& args) {
  const auto rename = [&](std::string_view before, std::string_view now) {
    const auto* found = args.if_contains(before);
    if (!found)
      return;
    auto value = *found;
    args.erase(before);
    args[now] = std::move(value);
  };
  args.erase("timestamp");
  if (const auto* confirmed = args.if_contains("is_confirmed"); confirmed && confirmed->is_null())
    args.erase("is_confirmed");
  rename("is_confirmed", "confirmation_state");
  rename("images_urls", "image_urls");
  args.erase("keep_prompt");
  args.erase("task_completed");
  if (args.erase("translated_ipython_code") != 0) {
    if (const auto* command = args.if_contains("command"); command && *command == "view")
      args.erase("command");
  }
}

decoded decode_event(json::object top) {
  if (!top.contains("action")) {
    if (const auto* observed = top.if_contains("observation"))
      return refuse(is_known_observation(*observed) ? "400: Invalid action type"
                                                    : unknown_observation(*observed));
    return refuse("Unknown event type: " + python_repr(json::value(std::move(top))));
  }
  const json::value type_value = top["action"];
  const auto* type_text = type_value.if_string();
  const auto* of = type_text ? find_action_form(*type_text) : nullptr;
  if (!of)
    return refuse(unknown_action(type_value));

  json::object none;
  auto* given = top.if_contains("args");
  auto* args = given ? given->if_object() : &none;
  if (!args)
    return refuse("'args' must be an object");
  modernize(*args);
  auto session = take_session(*args);
  if (!session)
    return refuse("argument 'session_id' must be a string of 1 to " +
                  std::to_string(max_session_name) + " bytes");

  if (const auto why = misfit(*of, *args); !why.empty())
    return refuse("action=" + python_repr(json::value(top)) + " has the wrong arguments: " + why);
  const std::string_view type = of->type;
  if (type == "condensation" && !is_condensation(*args))
    return refuse("Invalid configuration of the optional fields.");
  if (!of->carried_out)
    return refuse("'ActionExecutor' object has no attribute '" + std::string(type) + "'");

  if (const auto* source = top.if_contains("source")) {
    if (*source != "agent" && *source != "user" && *source != "environment")
      return refuse(python_repr(*source) + " is not a valid EventSource");
  }
  arguments reader(*args);
  auto outcome = decode_arguments(type, reader, top);
  if (!reader.failure().empty())
    return refuse(reader.failure());
  if (outcome)
    std::visit([&](auto& of_session) { of_session.session_id = std::move(*session); }, *outcome);
  return outcome;
}

} // namespace

decoded decode_action(std::string_view body) {
  if (body.empty())
    return invalid_form("missing", "'body',", "Field required", "None");
  if (!is_utf8(body))
    return unreadable();
  if (body.starts_with(byte_order_mark))
    body.remove_prefix(byte_order_mark.size());
  auto parsed = parse_json(body, max_action_depth);
  if (!parsed && parsed.error().starts_with(json_too_deep))
    return unreadable();
  if (!parsed) {
    const auto fault =
        find_json_fault(body).value_or(json_fault{std::string_view(parsed.error()), 0});
    const auto place = count_code_points(to_utf8(body.substr(0, fault.offset)));
    return invalid_form("json_invalid", "'body', " + std::to_string(place), "JSON decode error",
                        "{}", ", 'ctx': {'error': " + python_repr(fault.message) + "}");
  }
  auto* whole = parsed->if_object();
  if (!whole)
    return invalid_form("model_attributes_type", "'body',",
                        "Input should be a valid dictionary or object to extract fields from",
                        python_repr(*parsed));
  const auto* inner = whole->if_contains("action");
  if (!inner)
    return invalid_form("missing", "'body', 'action'", "Field required", python_repr(*parsed));
  if (!inner->is_object())
    return invalid_form("dict_type", "'body', 'action'", "Input should be a valid dictionary",
                        python_repr(*inner));
  return decode_event(std::move((*whole)["action"].get_object()));
}

} // namespace sandfleet::protocol
