#include "runtime/protocol/terminal_api.hpp"

#include "runtime/protocol/program_fields.hpp"

#include <algorithm>
#include <limits>

namespace sandfleet::protocol {

namespace {

constexpr std::int64_t most_cells = std::numeric_limits<std::uint16_t>::max();
constexpr std::int64_t highest_status = 255;
constexpr std::int64_t highest_signal = 64;
constexpr std::size_t longest_name = 64;

std::uint16_t cells(std::int64_t count) {
  return static_cast<std::uint16_t>(count);
}

json_object message_of(std::string_view text) {
  return {text, errc::protocol_error, "message of a terminal"};
}

template <class T>
result<T> finish(const json_object& in, T value) {
  if (in.failure())
    return fail(*in.failure());
  return value;
}

/// Empty for none.
std::string read_name(json_object& in) {
  if (!in.has("name"))
    return {};
  auto name = in.string("name");
  const bool fits = std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
  });
  if (name.empty() || name.size() > longest_name || !fits)
    in.reject("name", "must have 1 to 64 letters, digits, '.', '_' or '-'");
  return name;
}

terminal_request read_request(json_object& in) {
  terminal_request request;
  request.argv = read_strings(in, "argv");
  for (const auto& argument : request.argv)
    refuse_nul(in, "argv", argument);
  if (!request.argv.empty() && request.argv.front().empty())
    in.reject("argv", "must begin with a program's name");
  request.cwd = in.string_or("cwd", "");
  refuse_nul(in, "cwd", request.cwd);
  request.env = read_env(in);
  const window_size usual;
  request.size.rows = cells(in.integer_or("rows", usual.rows, 1, most_cells));
  request.size.columns = cells(in.integer_or("columns", usual.columns, 1, most_cells));
  request.name = read_name(in);
  return request;
}

window_size read_window(json_object& in) {
  window_size size;
  size.rows = cells(in.integer("rows", 1, most_cells));
  size.columns = cells(in.integer("columns", 1, most_cells));
  return size;
}

terminal_exit read_exit(json_object& in) {
  const auto read = [&](std::string_view name, std::int64_t low,
                        std::int64_t high) -> std::optional<int> {
    const auto number = in.optional_integer(name, low, high);
    return number ? std::optional<int>(static_cast<int>(*number)) : std::nullopt;
  };
  terminal_exit ended;
  ended.exit_code = read("exit_code", 0, highest_status);
  ended.signal = read("signal", 1, highest_signal);
  if (ended.exit_code.has_value() == ended.signal.has_value())
    in.reject("exit_code", "or 'signal' must be given, and not both");
  return ended;
}

struct encoder {
  json_writer& out;

  json_writer& begin(const char* type) const { return out.begin_object().member("type", type); }
  void write(window_size size) const {
    out.member("rows", size.rows).member("columns", size.columns);
  }

  void operator()(const terminal_request& request) const {
    begin("open");
    write_program(out, request.argv, request.cwd, request.env);
    write(request.size);
    if (!request.name.empty())
      out.member("name", request.name);
  }
  void operator()(window_size size) const {
    begin("resize");
    write(size);
  }
  void operator()(terminal_opened opened) const { begin("opened").member("joined", opened.joined); }
  void operator()(const terminal_refused& refused) const {
    begin("refused").member("status", refused.status).member("detail", refused.detail);
  }
  void operator()(const terminal_exit& ended) const {
    begin("exit");
    if (ended.signal)
      out.member("signal", *ended.signal);
    else
      out.member("exit_code", ended.exit_code);
  }
};

template <class Message>
std::string encode(const Message& message) {
  json_writer out;
  std::visit(encoder{out}, message);
  out.end_object();
  return std::move(out).take();
}

} // namespace

std::string encode_terminal_order(const terminal_order& order) {
  return encode(order);
}

result<terminal_order> decode_terminal_order(std::string_view text) {
  auto in = message_of(text);
  const auto type = in.string("type");
  if (type == "open") {
    auto request = read_request(in);
    return finish<terminal_order>(in, std::move(request));
  }
  if (type == "resize") {
    const auto size = read_window(in);
    return finish<terminal_order>(in, size);
  }
  in.reject("type", "must be \"open\" or \"resize\"");
  return fail(*in.failure());
}

std::string encode_terminal_news(const terminal_news& news) {
  return encode(news);
}

result<terminal_news> decode_terminal_news(std::string_view text) {
  auto in = message_of(text);
  const auto type = in.string("type");
  if (type == "opened") {
    const terminal_opened opened{in.boolean_or("joined", false)};
    return finish<terminal_news>(in, opened);
  }
  if (type == "exit") {
    const auto ended = read_exit(in);
    return finish<terminal_news>(in, ended);
  }
  if (type == "refused") {
    terminal_refused refused;
    refused.status = static_cast<int>(in.integer("status", 400, 599));
    refused.detail = in.string("detail");
    return finish<terminal_news>(in, std::move(refused));
  }
  in.reject("type", "must be \"opened\", \"refused\" or \"exit\"");
  return fail(*in.failure());
}

} // namespace sandfleet::protocol
