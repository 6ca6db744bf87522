#include "runtime/protocol/json_object.hpp"
#include "runtime/protocol/json_writer.hpp"
#include "runtime/providers/registry.hpp"

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include <limits>

namespace sandfleet::providers {

namespace {

bool is_token(std::string_view text) {
  return !text.empty() &&
         text.find_first_not_of("0123456789abcdefghijklmnopqrstuvwxyz") == std::string_view::npos;
}

} // namespace

std::string to_json(const sandbox_record& record) {
  protocol::json_writer out;
  out.begin_object()
      .member("id", record.id.str())
      .member("session_id", record.session_id)
      .member("owner", record.owner)
      .member("owner_pid", record.owner_pid)
      .member("kept", record.kept)
      .member("expires_ms", record.expires_ms)
      .member("image", record.image)
      .member("workspace", record.workspace)
      .member("isolation", record.isolation == isolation_mode::none ? "none" : "namespaces")
      .member("launcher", record.launcher)
      .member("launcher_start", record.launcher_start)
      .member("boot_id", record.boot_id)
      .member("created_ms", record.created_ms);
  out.key("labels").begin_object();
  for (const auto& [name, value] : record.labels)
    out.member(name, value);
  out.end_object();
  if (!record.engine.empty())
    out.member("engine", record.engine);
  if (!record.overlays.empty())
    out.member("overlays", record.overlays);
  if (record.was_asked_for)
    out.member("was_asked_for", true);
  if (!record.runtime_id.empty())
    out.member("runtime_id", record.runtime_id);
  out.end_object();
  return std::move(out).take();
}

result<sandbox_record> parse_record(std::string_view text) {
  constexpr auto max_number = std::numeric_limits<std::int64_t>::max();
  constexpr auto max_pid = std::numeric_limits<pid_t>::max();
  protocol::json_object in(text, errc::io_error, "a sandbox's record");
  sandbox_record record;
  record.id = sandbox_id(in.string("id"));
  record.session_id = in.string_or("session_id", "");
  record.owner = in.string("owner");
  if (!is_token(record.owner)) // it becomes a part of a path
    in.reject("owner", "is not the token of an engine");
  record.owner_pid = static_cast<pid_t>(in.optional_integer("owner_pid", 0, max_pid).value_or(0));
  record.kept = in.boolean_or("kept", false);
  record.expires_ms = in.optional_integer("expires_ms", 0, max_number).value_or(0);
  record.image = in.string_or("image", "");
  record.workspace = in.string_or("workspace", "");
  record.isolation =
      in.string("isolation") == "none" ? isolation_mode::none : isolation_mode::namespaces;
  record.launcher = static_cast<pid_t>(in.integer("launcher", 0, max_pid));
  record.launcher_start = static_cast<std::uint64_t>(in.integer("launcher_start", 0, max_number));
  record.boot_id = in.string("boot_id");
  record.created_ms = in.integer("created_ms", 0, max_number);
  if (const auto* labels = in.find("labels"); labels != nullptr && labels->is_object())
    for (const auto& [name, value] : labels->get_object())
      if (value.is_string())
        record.labels.emplace(std::string(name), std::string(value.get_string()));
  record.engine = in.string_or("engine", "");
  record.overlays = in.string_or("overlays", "");
  record.was_asked_for = in.boolean_or("was_asked_for", false);
  record.runtime_id = in.string_or("runtime_id", "");
  if (in.failure())
    return fail(*in.failure());
  return record;
}

} // namespace sandfleet::providers
