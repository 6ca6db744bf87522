#include "tools/batch/result_json.hpp"

#include "tools/batch/base64.hpp"
#include "tools/batch/json_text.hpp"

#include <array>
#include <cstdio>

namespace sandfleet::batch {
namespace {

void write_evidence(json_text& out, const evidence_list& evidence) {
  out.open_object();
  for (auto fact = evidence.begin(); fact != evidence.end(); ++fact) {
    // Two layers may have seen facts of one name; a JSON object keeps the first.
    bool seen = false;
    for (auto before = evidence.begin(); before != fact; ++before)
      seen = seen || before->first == fact->first;
    if (seen)
      continue;
    out.key(fact->first);
    if (const auto* number = std::get_if<std::int64_t>(&fact->second))
      out.integer(*number);
    else
      out.text(std::get<std::string>(fact->second));
  }
  out.close_object();
}

void write_commands(json_text& out, std::string_view name,
                    const std::vector<command_record>& records) {
  out.key(name).open_array();
  for (const auto& record : records) {
    out.open_object();
    out.key("command").text(record.command);
    out.key("exit_code");
    if (record.exit_code)
      out.integer(*record.exit_code);
    else
      out.null();
    out.key("output").text(record.output);
    out.key("truncated").boolean(record.truncated);
    out.key("seconds").number(record.seconds);
    out.key("timed_out").boolean(record.timed_out);
    if (record.shell_restarted)
      out.key("shell_restarted").boolean(true);
    out.close_object();
  }
  out.close_array();
}

void write_collected(json_text& out, const collection& collected) {
  out.key("collected").open_object();
  for (const auto& [path, found] : collected) {
    out.key(path).open_object();
    if (const auto* file = std::get_if<collected_file>(&found)) {
      std::array<char, 16> mode{};
      std::snprintf(mode.data(), mode.size(), "%04o", file->mode & 07777U);
      out.key("base64").plain(encode_base64(file->bytes));
      out.key("size").integer(static_cast<std::int64_t>(file->bytes.size()));
      out.key("mode").plain(mode.data());
    } else {
      out.key("error").text(std::get<error>(found).to_string());
    }
    out.close_object();
  }
  out.close_object();
}

void write_usage(json_text& out, const resource_usage& usage) {
  out.key("usage");
  if (!usage.cpu_seconds && !usage.peak_memory_mb) {
    out.null();
    return;
  }
  const auto number = [&](std::string_view name, const std::optional<double>& value) {
    out.key(name);
    if (value)
      out.number(*value);
    else
      out.null();
  };
  out.open_object();
  number("cpu_seconds", usage.cpu_seconds);
  number("peak_memory_mb", usage.peak_memory_mb);
  out.close_object();
}

} // namespace

std::string result_line(const task_result& done) {
  json_text out;
  out.open_object();
  out.key("id").text(done.id);
  out.key("passed").boolean(done.judged.passed);
  out.key("verdict").open_object();
  out.key("class").text(class_name(done.judged.why));
  out.key("cause").text(done.judged.why.cause);
  out.key("evidence");
  write_evidence(out, done.judged.why.evidence);
  out.close_object();
  write_commands(out, "setup", done.setup);
  write_commands(out, "commands", done.commands);
  write_commands(out, "verify", done.verify);
  write_collected(out, done.collected);
  out.key("attempts").integer(done.attempts);
  out.key("seconds").open_object();
  out.key("queue").number(done.seconds.queue);
  out.key("start").number(done.seconds.start);
  out.key("setup").number(done.seconds.setup);
  out.key("run").number(done.seconds.run);
  out.key("stop").number(done.seconds.stop);
  out.close_object();
  write_usage(out, done.usage);
  out.key("limits").open_object();
  for (const auto& [limit, state] : done.limits)
    out.key(limit).text(state);
  out.close_object();
  out.key("sandbox").open_object();
  out.key("provider").text(done.provider);
  out.key("id");
  if (done.sandbox.empty())
    out.null();
  else
    out.text(done.sandbox);
  out.key("image").text(done.image);
  out.close_object();
  out.close_object();
  return out.take() + "\n";
}

} // namespace sandfleet::batch
