#include "tools/batch/result_json.hpp"

#include "runtime/protocol/base64.hpp"
#include "runtime/protocol/error_json.hpp"
#include "runtime/protocol/json_writer.hpp"
#include "tools/batch/rounded.hpp"

#include <array>
#include <cstdio>

namespace sandfleet::batch {
namespace {

using protocol::json_writer;
using protocol::write_evidence;

void write_commands(json_writer& out, std::string_view name,
                    const std::vector<command_record>& records) {
  out.key(name).begin_array();
  for (const auto& record : records) {
    out.begin_object();
    out.member("command", record.command);
    out.member("exit_code", record.exit_code);
    out.member("output", record.output);
    out.member("truncated", record.truncated);
    out.member("seconds", rounded(record.seconds));
    out.member("timed_out", record.timed_out);
    if (record.shell_restarted)
      out.member("shell_restarted", true);
    out.end_object();
  }
  out.end_array();
}

void write_collected(json_writer& out, const collection& collected) {
  out.key("collected").begin_object();
  for (const auto& [path, found] : collected) {
    out.key(path).begin_object();
    if (const auto* file = std::get_if<collected_file>(&found)) {
      std::array<char, 16> mode{};
      std::snprintf(mode.data(), mode.size(), "%04o", file->mode & 07777U);
      out.member("base64", protocol::base64_encode(file->bytes));
      out.member("size", static_cast<std::int64_t>(file->bytes.size()));
      out.member("mode", mode.data());
    } else {
      out.member("error", std::get<error>(found).to_string());
    }
    out.end_object();
  }
  out.end_object();
}

void write_retried(json_writer& out, const std::vector<retried_attempt>& retried) {
  out.key("retried").begin_array();
  for (const auto& one : retried) {
    out.begin_object();
    out.member("stage", to_string(one.failed_at));
    out.member("error", to_string(one.code));
    out.member("cause", one.cause);
    out.end_object();
  }
  out.end_array();
}

void write_usage(json_writer& out, const resource_usage& usage) {
  out.key("usage");
  if (!usage.cpu_seconds && !usage.peak_memory_mb) {
    out.null();
    return;
  }
  out.begin_object();
  out.member("cpu_seconds", rounded(usage.cpu_seconds));
  out.member("peak_memory_mb", rounded(usage.peak_memory_mb));
  out.member("oom_kills", usage.oom_kills);
  out.end_object();
}

} // namespace

std::string result_line(const task_result& done) {
  json_writer out;
  out.begin_object();
  out.member("id", done.id);
  out.member("passed", done.judged.passed);
  out.key("verdict").begin_object();
  out.member("class", class_name(done.judged.why));
  out.member("cause", done.judged.why.cause);
  out.key("evidence");
  write_evidence(out, done.judged.why.evidence);
  out.end_object();
  write_commands(out, "setup", done.setup);
  write_commands(out, "commands", done.commands);
  write_commands(out, "verify", done.verify);
  write_collected(out, done.collected);
  out.member("attempts", done.attempts);
  write_retried(out, done.retried);
  out.key("seconds").begin_object();
  out.member("queue", rounded(done.seconds.queue));
  out.member("start", rounded(done.seconds.start));
  out.member("setup", rounded(done.seconds.setup));
  out.member("run", rounded(done.seconds.run));
  out.member("stop", rounded(done.seconds.stop));
  out.end_object();
  write_usage(out, done.usage);
  out.key("limits").begin_object();
  for (const auto& [limit, state] : done.limits)
    out.member(limit, state);
  out.end_object();
  out.key("touched").begin_object();
  for (const auto& [limit, count] : done.usage.touched)
    out.member(limit, count);
  out.end_object();
  out.key("sandbox").begin_object();
  out.member("provider", done.provider);
  out.key("id");
  if (done.sandbox.empty())
    out.null();
  else
    out.value(done.sandbox);
  out.member("image", done.image);
  out.end_object();
  out.end_object();
  return std::move(out).take() + "\n";
}

} // namespace sandfleet::batch
