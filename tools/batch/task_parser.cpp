#include "tools/batch/task_parser.hpp"

#include "runtime/protocol/base64.hpp"
#include "tools/batch/json_fields.hpp"
#include "tools/batch/output_regex.hpp"

#include <array>
#include <cmath>
#include <cstring>
#include <utility>

namespace sandfleet::batch {
namespace {

namespace od = simdjson::ondemand;

constexpr double longest_timeout_s = 1'000'000;
constexpr std::int64_t largest_limit = 1LL << 40;
constexpr std::int64_t most_retries = 100;
constexpr std::size_t longest_id = 1024;

constexpr auto task_keys = std::to_array<std::string_view>(
    {"id", "image", "provider", "files", "env", "setup", "commands", "continue_on_error",
     "timeout_s", "command_timeout_s", "stdin", "verify", "collect", "resources", "network",
     "expect", "retries"});
constexpr auto verify_keys =
    std::to_array<std::string_view>({"files", "commands", "env", "timeout_s"});
constexpr auto resource_keys =
    std::to_array<std::string_view>({"cpus", "memory_mb", "pids", "disk_mb"});
constexpr auto expect_keys =
    std::to_array<std::string_view>({"exit_code", "output_contains", "output_regex"});
constexpr auto file_keys = std::to_array<std::string_view>({"base64", "from", "mode"});

// Gives `target` what was read, or passes the failure on.
template <class Target, class Value>
checked<void> assign(Target& target, checked<Value> value) {
  if (!value)
    return tl::unexpected(std::move(value.error()));
  target = std::move(*value);
  return {};
}

checked<std::chrono::milliseconds> read_seconds(json_value& value, std::string_view path) {
  auto seconds = read_positive(value, path, longest_timeout_s);
  if (!seconds)
    return tl::unexpected(std::move(seconds.error()));
  return std::chrono::milliseconds(static_cast<std::int64_t>(std::ceil(*seconds * 1000)));
}

checked<std::uint32_t> read_mode(json_value& value, std::string_view path) {
  constexpr std::string_view expected = "three or four octal digits in quotes, such as \"0755\"";
  auto text = read_name(value, path, expected);
  if (!text)
    return tl::unexpected(std::move(text.error()));
  const bool octal = text->find_first_not_of("01234567") == std::string::npos;
  if (!octal || text->size() < 3 || text->size() > 4)
    return wrong_value(path, expected, "\"" + text->substr(0, 20) + "\"");
  return static_cast<std::uint32_t>(std::stoul(*text, nullptr, 8));
}

checked<file_source> read_file_object(json_value& value, std::string_view path) {
  file_source source;
  unsigned contents = 0;
  auto done =
      each_field(value, path, R"(a string, {"base64": ...} or {"from": ...})",
                 [&](std::string_view key, json_value& field) -> checked<void> {
                   const auto here = below(path, key);
                   if (key == "mode")
                     return assign(source.mode, read_mode(field, here));
                   if (key == "from") {
                     ++contents;
                     auto from = read_name(field, here);
                     if (!from)
                       return tl::unexpected(std::move(from.error()));
                     source.content = file_source::host_path{std::move(*from)};
                     return {};
                   }
                   if (key == "base64") {
                     ++contents;
                     auto text = read_string(field, here);
                     if (!text)
                       return tl::unexpected(std::move(text.error()));
                     auto bytes = protocol::base64_decode(*text);
                     if (!bytes)
                       return wrong_value(here, "base64 with its padding", "something else");
                     source.content = std::move(*bytes);
                     return {};
                   }
                   return unknown_key(path, key, file_keys);
                 });
  if (!done)
    return tl::unexpected(std::move(done.error()));
  if (contents != 1)
    return wrong_value(path, "either \"base64\" or \"from\"", contents == 0 ? "neither" : "both");
  return source;
}

checked<file_map> read_files(json_value& value, std::string_view path) {
  file_map files;
  auto done =
      each_field(value, path, "an object of files",
                 [&](std::string_view name, json_value& field) -> checked<void> {
                   const auto here = below(path, name);
                   if (name.empty() || name.find('\0') != std::string_view::npos)
                     return tl::unexpected(
                         field_failure{"key \"" + here + "\" cannot be the path of a file", {}});
                   auto& source = files[std::string(name)];
                   od::json_type type{};
                   if (field.type().get(type) == simdjson::SUCCESS && type == od::json_type::string)
                     return assign(source.content, read_string(field, here));
                   return assign(source, read_file_object(field, here));
                 });
  if (!done)
    return tl::unexpected(std::move(done.error()));
  return files;
}

checked<resource_limits> read_resources(json_value& value, std::string_view path) {
  resource_limits limits;
  // The least values are those of validate(sandbox_spec): a wrong one is told before anything runs.
  auto done = each_field(
      value, path, "an object", [&](std::string_view key, json_value& field) -> checked<void> {
        const auto here = below(path, key);
        if (key == "cpus")
          return assign(limits.cpus, read_positive(field, here, 100'000));
        if (key == "memory_mb")
          return assign(limits.memory_mb, read_integer(field, here, 16, largest_limit));
        if (key == "pids")
          return assign(limits.pids, read_integer(field, here, 8, largest_limit));
        if (key == "disk_mb")
          return assign(limits.disk_mb, read_integer(field, here, 1, largest_limit));
        return unknown_key(path, key, resource_keys);
      });
  if (!done)
    return tl::unexpected(std::move(done.error()));
  return limits;
}

checked<std::string> read_regex(json_value& value, std::string_view path) {
  auto pattern = read_string(value, path);
  if (!pattern)
    return pattern;
  if (auto fine = check_regex(*pattern); !fine)
    return tl::unexpected(field_failure{
        "key \"" + std::string(path) + "\": " + fine.error().message + ": " + fine.error().cause,
        {}});
  return pattern;
}

checked<expectation> read_expectation(json_value& value, std::string_view path) {
  expectation expect;
  auto done = each_field(value, path, "an object",
                         [&](std::string_view key, json_value& field) -> checked<void> {
                           const auto here = below(path, key);
                           if (key == "exit_code")
                             return assign(expect.exit_code, read_integer(field, here, 0, 255));
                           if (key == "output_contains")
                             return assign(expect.output_contains, read_string(field, here));
                           if (key == "output_regex")
                             return assign(expect.output_regex, read_regex(field, here));
                           return unknown_key(path, key, expect_keys);
                         });
  if (!done)
    return tl::unexpected(std::move(done.error()));
  if (expect == expectation{})
    return wrong_value(path, "at least one of its keys", "none");
  return expect;
}

checked<verify_plan> read_verify(json_value& value, std::string_view path) {
  verify_plan plan;
  auto done = each_field(value, path, "an object",
                         [&](std::string_view key, json_value& field) -> checked<void> {
                           const auto here = below(path, key);
                           if (key == "files")
                             return assign(plan.files, read_files(field, here));
                           if (key == "commands")
                             return assign(plan.commands, read_names(field, here, false));
                           if (key == "env")
                             return assign(plan.env, read_environment(field, here));
                           if (key == "timeout_s")
                             return assign(plan.timeout, read_seconds(field, here));
                           return unknown_key(path, key, verify_keys);
                         });
  if (!done)
    return tl::unexpected(std::move(done.error()));
  if (plan.commands.empty())
    return tl::unexpected(field_failure{"key \"verify.commands\" is missing", {}});
  return plan;
}

checked<std::string> read_id(json_value& value, std::string_view path) {
  auto id = read_name(value, path);
  if (id && id->size() > longest_id)
    return wrong_value(path, "at most 1024 bytes", std::to_string(id->size()));
  return id;
}

checked<void> read_task_field(task& read, std::string_view key, json_value& value) {
  if (key == "id")
    return assign(read.id, read_id(value, key));
  if (key == "image")
    return assign(read.image, read_name(value, key));
  if (key == "provider")
    return assign(read.provider, read_name(value, key));
  if (key == "files")
    return assign(read.files, read_files(value, key));
  if (key == "env")
    return assign(read.env, read_environment(value, key));
  if (key == "setup")
    return assign(read.setup, read_names(value, key, true));
  if (key == "commands")
    return assign(read.commands, read_names(value, key, false));
  if (key == "continue_on_error")
    return assign(read.continue_on_error, read_bool(value, key));
  if (key == "timeout_s")
    return assign(read.timeout, read_seconds(value, key));
  if (key == "command_timeout_s")
    return assign(read.command_timeout, read_seconds(value, key));
  if (key == "stdin")
    return assign(read.stdin_text, read_string(value, key));
  if (key == "verify")
    return assign(read.verify, read_verify(value, key));
  if (key == "collect")
    return assign(read.collect, read_names(value, key, true));
  if (key == "resources")
    return assign(read.resources, read_resources(value, key));
  if (key == "network")
    return assign(read.network, read_name(value, key));
  if (key == "expect")
    return assign(read.expect, read_expectation(value, key));
  if (key == "retries")
    return assign(read.retries, read_integer(value, key, 0, most_retries));
  return unknown_key("", key, task_keys);
}

checked<task> read_task(od::document& document) {
  od::object object;
  if (const auto code = document.get_object().get(object); code == simdjson::INCORRECT_TYPE)
    return tl::unexpected(field_failure{"a task is a JSON object on one line", {}});
  else if (code != simdjson::SUCCESS)
    return bad_json(code);
  task read;
  auto done = each_field(object, "", [&read](std::string_view key, json_value& value) {
    return read_task_field(read, key, value);
  });
  if (!done)
    return tl::unexpected(std::move(done.error()));
  // Past the last token there is no location.
  const char* rest = nullptr;
  if (document.current_location().get(rest) == simdjson::SUCCESS)
    return tl::unexpected(field_failure{"something follows the task's object on its line", {}});
  if (read.id.empty())
    return tl::unexpected(field_failure{"key \"id\" is missing", {}});
  if (read.commands.empty())
    return tl::unexpected(field_failure{"key \"commands\" is missing", {}});
  return read;
}

} // namespace

struct task_parser::impl {
  od::parser parser;
  std::string copy;
};

task_parser::task_parser() : impl_(std::make_unique<impl>()) {}
task_parser::~task_parser() = default;

result<task> task_parser::parse(std::string_view line, std::size_t padding) {
  if (padding < simdjson::SIMDJSON_PADDING) {
    impl_->copy.assign(line);
    impl_->copy.resize(line.size() + simdjson::SIMDJSON_PADDING);
    line = std::string_view(impl_->copy.data(), line.size());
  }
  // A line beyond this is rare, and the parser would keep the memory that it needed.
  constexpr std::size_t kept_capacity = 8U << 20;
  if (impl_->parser.capacity() > kept_capacity)
    impl_->parser = od::parser();
  od::document document;
  checked<task> read;
  if (const auto code =
          impl_->parser.iterate(line.data(), line.size(), line.size() + simdjson::SIMDJSON_PADDING)
              .get(document);
      code != simdjson::SUCCESS)
    read = bad_json(code);
  else
    read = read_task(document);
  if (read)
    return std::move(*read);
  return fail(make_error(errc::invalid_argument, std::move(read.error().message))
                  .with_hint(std::move(read.error().hint))
                  .blamed_on(failure_class::task));
}

} // namespace sandfleet::batch
