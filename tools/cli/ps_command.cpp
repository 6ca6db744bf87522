#include "tools/cli/commands.hpp"
#include "tools/cli/known_sandboxes.hpp"
#include "tools/cli/table.hpp"

#include <CLI/App.hpp>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include <algorithm>
#include <array>
#include <iostream>

namespace sandfleet::cli {

namespace {

namespace json = boost::json;
using std::chrono::system_clock;

double seconds_since_epoch(system_clock::time_point at) {
  return std::chrono::duration<double>(at.time_since_epoch()).count();
}

/// "42 s", "3 min", "5 h", "2 d".
std::string span_text(std::chrono::duration<double> span) {
  struct unit {
    double seconds;
    const char* name;
  };
  constexpr std::array units = {unit{86'400, " d"}, unit{3'600, " h"}, unit{60, " min"}};
  const double seconds = std::max(0.0, span.count());
  for (const auto& [length, name] : units)
    if (seconds >= 2 * length)
      return std::to_string(static_cast<long>(seconds / length)) + name;
  return std::to_string(static_cast<long>(seconds)) + " s";
}

std::string owner_text(const sandbox_info& info, system_clock::time_point now) {
  if (info.state == listed_state::abandoned)
    return "dead";
  if (info.kept)
    return "kept" + (info.expires ? ", " + span_text(*info.expires - now) + " left" : "");
  return info.owner_name + " (" + std::to_string(info.owner_pid) + ")";
}

tone tone_of(listed_state state) {
  switch (state) {
  case listed_state::running:
    return tone::good;
  case listed_state::abandoned:
    return tone::bad;
  case listed_state::starting:
  case listed_state::paused:
    return tone::warning;
  }
  return tone::plain;
}

json::value or_null(const std::string& text) {
  return text.empty() ? json::value(nullptr) : json::value(text);
}

json::object json_of(const sandbox_info& info, system_clock::time_point now) {
  json::object labels;
  for (const auto& [name, value] : info.labels)
    labels[name] = value;
  json::array ports;
  for (const auto& one : info.ports)
    ports.emplace_back(
        json::object{{"port", one.port}, {"name", or_null(one.name)}, {"url", one.url}});
  return {{"id", info.id.str()},
          {"name", or_null(info.session_id)},
          {"provider", info.provider.str()},
          {"image", info.image},
          {"isolated", info.isolation == isolation_mode::namespaces},
          {"state", to_string(info.state)},
          {"kept", info.kept},
          {"created", seconds_since_epoch(info.created)},
          {"age_s", std::chrono::duration<double>(now - info.created).count()},
          {"expires",
           info.expires ? json::value(seconds_since_epoch(*info.expires)) : json::value(nullptr)},
          {"owner", json::object{{"pid", info.owner_pid}, {"name", or_null(info.owner_name)}}},
          {"launcher_pid", info.launcher_pid},
          {"command", or_null(label_of(info, command_label))},
          {"ports", std::move(ports)},
          {"labels", std::move(labels)}};
}

class ps_command : public subcommand {
 public:
  CLI::App* attach(CLI::App& root, config::flag_layer& flags) override {
    auto* app = root.add_subcommand("ps", "list the sandboxes of this user on this machine");
    app->footer(R"(Examples:
  sandfleet ps
  sandfleet ps --quiet                     ids alone, one a line
  sandfleet ps --output json | jq '.sandboxes[] | select(.kept) | .id'

STATE is starting, running, paused or abandoned: the program it belonged to has died, and
'sandfleet gc' removes it. OWNER is that program, or 'kept' for a sandbox of 'run --rm=false'.
A provider that does not answer is named on standard error, and the others' are listed; exit status
125 when none does.)");
    add_provider_flag(*app, flags);
    app->add_flag("-q,--quiet", quiet_, "ids alone");
    return app;
  }

  int run(const cli_context& context) override {
    known_sandboxes known(context);
    std::vector<sandbox_info> all;
    for (auto& one : known.list())
      all.push_back(std::move(one.info));
    std::ranges::sort(all, {}, &sandbox_info::created);
    for (const auto& failure : known.failures())
      print_error(failure, context.err);
    if (known.is_blind())
      return exit_status::engine_failure;
    if (quiet_)
      for (const auto& one : all)
        std::cout << one.id.str() << '\n';
    else if (context.output == output_mode::json)
      print_json(all);
    else
      print_rows(all, context.out);
    std::cout.flush();
    return exit_status::success;
  }

 private:
  static void print_json(const std::vector<sandbox_info>& all) {
    const auto now = system_clock::now();
    json::array sandboxes;
    for (const auto& one : all)
      sandboxes.emplace_back(json_of(one, now));
    std::cout << json::serialize(json::object{{"sandboxes", std::move(sandboxes)}}) << '\n';
  }

  static void print_rows(const std::vector<sandbox_info>& all, const stream_look& look) {
    const auto now = system_clock::now();
    std::vector<std::vector<cell>> rows;
    for (const auto& one : all) {
      rows.push_back({{one.id.str(), tone::strong},
                      {one.session_id.empty() ? "-" : one.session_id},
                      {one.image},
                      {std::string(to_string(one.state)), tone_of(one.state)},
                      {span_text(now - one.created)},
                      {owner_text(one, now)},
                      {label_of(one, command_label), tone::dim}});
    }
    print_table(std::cout, {"ID", "NAME", "IMAGE", "STATE", "AGE", "OWNER", "COMMAND"}, rows, look);
  }

  bool quiet_ = false;
};

} // namespace

std::unique_ptr<subcommand> make_ps_command() {
  return std::make_unique<ps_command>();
}

} // namespace sandfleet::cli
