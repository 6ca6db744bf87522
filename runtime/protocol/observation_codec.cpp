#include "runtime/protocol/action_codec.hpp"
#include "runtime/protocol/json_writer.hpp"
#include "runtime/protocol/utf8.hpp"

namespace sandfleet::protocol {

namespace {

constexpr std::size_t max_run_content = 30'000; // code points

std::string cut_middle(const std::string& content) {
  if (content.size() <= max_run_content)
    return content;
  const auto length = count_code_points(content);
  if (length <= max_run_content)
    return content;
  constexpr auto half = max_run_content / 2;
  return content.substr(0, code_point_offset(content, half)) +
         "\n[... Observation truncated due to length ...]\n" +
         content.substr(code_point_offset(content, length - half));
}

json_writer& begin(json_writer& out, std::string_view message, std::string_view type,
                   std::string_view content) {
  return out.begin_object()
      .member("message", message)
      .member("observation", type)
      .member("content", content)
      .key("extras")
      .begin_object();
}

void write(json_writer& out, const run_observation& what) {
  const auto& metadata = what.metadata;
  // Cut before it is counted, which is right only for well-formed text.
  const auto content = to_utf8(what.content);
  begin(out,
        "Command `" + what.command + "` executed with exit code " +
            std::to_string(metadata.exit_code) + ".",
        "run", what.hidden ? content : cut_middle(content))
      .member("command", what.command)
      .key("metadata")
      .begin_object()
      .member("exit_code", metadata.exit_code)
      .member("pid", metadata.pid)
      .member("username", metadata.username)
      .member("hostname", metadata.hostname)
      .member("working_dir", metadata.working_dir)
      .member("py_interpreter_path", metadata.py_interpreter_path)
      .member("prefix", metadata.prefix)
      .member("suffix", metadata.suffix)
      .end_object()
      .member("hidden", what.hidden)
      .end_object()
      .member("success", metadata.exit_code == 0)
      .end_object();
}

void write(json_writer& out, const read_observation& what) {
  begin(out, "I read the file " + what.path + ".", "read", what.content)
      .member("path", what.path)
      .member("impl_source", what.impl_source)
      .end_object()
      .end_object();
}

void write(json_writer& out, const write_observation& what) {
  begin(out, "I wrote to the file " + what.path + ".", "write", "")
      .member("path", what.path)
      .end_object()
      .end_object();
}

void write(json_writer& out, const edit_observation& what) {
  begin(out, "I edited the file " + what.path + ".", "edit", what.content)
      .member("path", what.path)
      .member("prev_exist", what.prev_exist)
      .member("old_content", what.old_content)
      .member("new_content", what.new_content)
      .member("impl_source", what.impl_source)
      .member("diff", what.diff)
      .key("_diff_cache")
      .null()
      .end_object()
      .end_object();
}

void write(json_writer& out, const error_observation& what) {
  begin(out, what.content, "error", what.content)
      .member("error_id", what.error_id)
      .end_object()
      .end_object();
}

} // namespace

std::string encode(const observation& what) {
  json_writer out;
  std::visit([&](const auto& one) { write(out, one); }, what);
  return std::move(out).take();
}

} // namespace sandfleet::protocol
