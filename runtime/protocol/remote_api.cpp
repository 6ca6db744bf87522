#include "runtime/protocol/remote_api.hpp"

#include "runtime/protocol/error_json.hpp"
#include "runtime/protocol/json_object.hpp"
#include "runtime/protocol/json_writer.hpp"
#include "runtime/protocol/program_fields.hpp"

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include <algorithm>
#include <charconv>
#include <limits>

namespace sandfleet::protocol {

namespace {

constexpr std::int64_t max_id = std::numeric_limits<std::uint32_t>::max() - 1;
constexpr std::int64_t max_factor = 8;

std::map<std::string, std::string> read_environment(json_object& in) {
  std::map<std::string, std::string> found;
  if (!in.has("environment"))
    return found;
  const auto* members = in.find("environment")->if_object();
  if (members == nullptr)
    in.reject("environment", "is not an object of texts");
  else
    for (const auto& [name, value] : *members) {
      if (!value.is_string())
        in.reject("environment", "has a value that is no text: " + std::string(name));
      else
        found.emplace(std::string(name), std::string(value.get_string()));
    }
  return found;
}

std::vector<std::string> read_command(json_object& in) {
  if (const auto* value = in.find("command"); value != nullptr && value->is_string())
    return {"/bin/sh", "-c", std::string(value->get_string())};
  return read_strings(in, "command");
}

int read_factor(json_object& in) {
  // Python's clients send 1 or 1.0.
  const double given = in.number_or("resource_factor", 1, 1, max_factor);
  for (const int allowed : {1, 2, 4, 8})
    if (given == allowed)
      return allowed;
  in.reject("resource_factor", "is not 1, 2, 4 or 8");
  return 1;
}

void write_runtime(json_writer& out, const runtime_object& runtime) {
  out.begin_object()
      .member("runtime_id", runtime.runtime_id)
      .member("session_id", runtime.session_id)
      .member("url", runtime.url)
      .member("status", runtime.status)
      .member("pod_status", runtime.pod_status)
      .member("restart_count", runtime.restart_count)
      .key("restart_reasons")
      .begin_array();
  for (const auto& reason : runtime.restart_reasons)
    out.value(reason);
  out.end_array().key("work_hosts").begin_object();
  for (const auto& [address, port] : runtime.work_hosts)
    out.member(address, port);
  out.end_object()
      .member("session_api_key", runtime.session_api_key)
      .member("image", runtime.image);
  if (runtime.failure) {
    out.key("error");
    write_error(out, *runtime.failure);
  }
  out.end_object();
}

template <class T>
result<T> finish(const json_object& in, T value) {
  if (in.failure())
    return fail(*in.failure());
  return value;
}

} // namespace

std::string encode_runtime_start(const runtime_start& start) {
  json_writer out;
  out.begin_object().member("image", start.image).key("command").begin_array();
  for (const auto& word : start.command)
    out.value(word);
  out.end_array().member("working_dir", start.working_dir).key("environment").begin_object();
  for (const auto& [name, value] : start.environment)
    out.member(name, value);
  out.end_object()
      .member("session_id", start.session_id)
      .member("resource_factor", start.resource_factor);
  if (!start.runtime_class.empty())
    out.member("runtime_class", start.runtime_class);
  for (const auto& [name, id] : {std::pair("run_as_user", start.run_as_user),
                                 {"run_as_group", start.run_as_group},
                                 {"fs_group", start.fs_group}})
    if (id)
      out.member(name, *id);
  out.end_object();
  return std::move(out).take();
}

result<runtime_start> decode_runtime_start(std::string_view body) {
  json_object in(body, errc::invalid_argument, "POST /start");
  runtime_start start;
  start.image = in.string("image");
  start.command = read_command(in);
  start.working_dir = in.string_or("working_dir", "");
  start.environment = read_environment(in);
  start.session_id = in.string("session_id");
  start.resource_factor = read_factor(in);
  start.runtime_class = in.string_or("runtime_class", "");
  start.run_as_user = in.optional_integer("run_as_user", 0, max_id);
  start.run_as_group = in.optional_integer("run_as_group", 0, max_id);
  start.fs_group = in.optional_integer("fs_group", 0, max_id);
  return finish(in, std::move(start));
}

std::string encode_runtime_id(std::string_view runtime_id) {
  json_writer out;
  out.begin_object().member("runtime_id", runtime_id).end_object();
  return std::move(out).take();
}

result<std::string> decode_runtime_id(std::string_view body) {
  json_object in(body, errc::invalid_argument, "the request");
  auto id = in.string("runtime_id");
  return finish(in, std::move(id));
}

std::string encode_runtime(const runtime_object& runtime) {
  json_writer out;
  write_runtime(out, runtime);
  return std::move(out).take();
}

result<runtime_object> decode_runtime(std::string_view body) {
  json_object in(body, errc::protocol_error, "a runtime of the runtime service");
  runtime_object runtime;
  runtime.runtime_id = in.string("runtime_id");
  runtime.session_id = in.string_or("session_id", "");
  runtime.url = in.string("url");
  runtime.status = in.string_or("status", "");
  runtime.pod_status = in.string_or("pod_status", "");
  runtime.restart_count =
      in.integer_or("restart_count", 0, 0, std::numeric_limits<std::int64_t>::max());
  runtime.restart_reasons = read_strings(in, "restart_reasons");
  if (const auto* hosts = in.find("work_hosts"); hosts != nullptr && hosts->is_object())
    for (const auto& [address, port] : hosts->get_object())
      if (const auto* number = port.if_int64();
          number != nullptr && *number > 0 && *number <= std::numeric_limits<std::uint16_t>::max())
        runtime.work_hosts.emplace(std::string(address), static_cast<int>(*number));
  runtime.session_api_key = in.string_or("session_api_key", "");
  runtime.image = in.string_or("image", "");
  runtime.failure = find_error(in, "error");
  return finish(in, std::move(runtime));
}

std::string encode_runtimes(std::span<const runtime_object> all, bool bare) {
  json_writer out;
  if (!bare)
    out.begin_object().key("runtimes");
  out.begin_array();
  for (const auto& one : all)
    write_runtime(out, one);
  out.end_array();
  if (!bare)
    out.end_object();
  return std::move(out).take();
}

namespace {

constexpr std::string_view server_module = "openhands.runtime.action_execution_server";
constexpr std::string_view server_script = "action_execution_server.py";

error bad_argument(std::string_view argument, std::string_view why) {
  return make_error(errc::invalid_argument,
                    "command: '" + std::string(argument) + "' " + std::string(why))
      .with_cause("of the action execution server");
}

std::optional<std::int64_t> whole_number(std::string_view text, std::int64_t limit) {
  std::int64_t number = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (failed != std::errc{} || end != text.data() + text.size() || number < 0 || number > limit)
    return std::nullopt;
  return number;
}

/// Reads words as argparse does: `--name VALUE`, `--name=VALUE`, a list until the next option.
class server_arguments {
 public:
  explicit server_arguments(std::span<const std::string> words) : words_(words) {}

  result<action_server_command> read() {
    while (next_ < words_.size() && !failure_)
      read_one(words_[next_++]);
    if (failure_)
      return fail(std::move(*failure_));
    return std::move(found_);
  }

 private:
  void read_one(const std::string& word) {
    if (!word.starts_with("--")) {
      read_port(word);
      return;
    }
    const auto equals = word.find('=');
    const auto name = word.substr(0, equals);
    const auto value = [&]() -> std::string {
      if (equals != std::string::npos)
        return word.substr(equals + 1);
      if (next_ == words_.size() || words_[next_].starts_with("--")) {
        failure_ = bad_argument(name, "wants a value");
        return {};
      }
      return words_[next_++];
    };
    if (name == "--working-dir")
      found_.working_dir = value();
    else if (name == "--username")
      found_.username = value();
    else if (name == "--user-id")
      read_user(value());
    else if (name == "--plugins")
      read_plugins();
    else if (name == "--enable-browser" || name == "--no-enable-browser")
      found_.enable_browser = name == "--enable-browser";
    else if (name == "--browsergym-eval-env")
      (void)value();
    else
      failure_ = bad_argument(name, "is no argument");
  }

  void read_port(const std::string& word) {
    const auto port = whole_number(word, std::numeric_limits<std::uint16_t>::max());
    if (!port || found_.port)
      failure_ = bad_argument(word, "is no port");
    else
      found_.port = static_cast<int>(*port);
  }

  void read_user(const std::string& text) {
    found_.user_id = whole_number(text, max_id);
    if (!found_.user_id && !failure_)
      failure_ = bad_argument(text, "is no user id");
  }

  void read_plugins() {
    while (next_ < words_.size() && !words_[next_].starts_with("--"))
      found_.plugins.push_back(words_[next_++]);
  }

  std::span<const std::string> words_;
  std::size_t next_ = 0;
  action_server_command found_;
  std::optional<error> failure_;
};

} // namespace

result<std::optional<action_server_command>>
read_action_server_command(std::span<const std::string> words) {
  const auto server = std::ranges::find_if(words, [](const std::string& word) {
    return word == server_module || word.ends_with(server_script);
  });
  if (server == words.end())
    return std::nullopt;
  auto found = server_arguments({server + 1, words.end()}).read();
  if (!found)
    return fail(std::move(found.error()));
  return std::optional(std::move(*found));
}

std::optional<int> read_served_port(std::span<const std::string> words) {
  constexpr std::string_view option = "--port";
  for (std::size_t i = 0; i < words.size(); ++i) {
    std::string_view word = words[i];
    if (!word.starts_with(option))
      continue;
    word.remove_prefix(option.size());
    if (word.empty() && i + 1 < words.size())
      word = words[i + 1];
    else if (word.starts_with('='))
      word.remove_prefix(1);
    const auto port = whole_number(word, std::numeric_limits<std::uint16_t>::max());
    if (port && *port > 0)
      return static_cast<int>(*port);
  }
  return std::nullopt;
}

} // namespace sandfleet::protocol
