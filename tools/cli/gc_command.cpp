#include "tools/cli/commands.hpp"
#include "tools/cli/known_sandboxes.hpp"
#include "tools/cli/table.hpp"

#include <CLI/App.hpp>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include <iostream>

namespace sandfleet::cli {

namespace {

namespace json = boost::json;

std::string count_text(std::size_t count, const char* one, const char* many) {
  return std::to_string(count) + " " + (count == 1 ? one : many);
}

class gc_command : public subcommand {
 public:
  CLI::App* attach(CLI::App& root, config::flag_layer& flags) override {
    auto* app = root.add_subcommand("gc", "remove what programs that died have left");
    app->footer(R"(Examples:
  sandfleet gc --dry-run                   what there is to remove
  sandfleet gc

Removed are sandboxes whose program has died (killed, or by a crash of the machine) and kept ones
whose launcher has: their processes, control groups, mounts, sockets and directories. 'sandfleet
run' and 'sandfleet batch' do the same when they start. Exit status: 0 when nothing is left of
them, 1 when something could not be removed.)");
    add_provider_flag(*app, flags);
    app->add_flag("-n,--dry-run", look_, "only say what there is to remove");
    return app;
  }

  int run(const cli_context& context) override {
    known_sandboxes known(context);
    const auto mode = look_ ? clean_up_mode::only_look : clean_up_mode::remove;
    const auto found = known.clean_up(mode);
    for (const auto& failure : known.failures())
      print_error(failure, context.err);
    if (known.is_blind())
      return exit_status::engine_failure;
    if (context.output == output_mode::json)
      print_json(found);
    else
      print_text(found, context.out);
    std::cout.flush();
    for (const auto& failure : found.failures)
      print_error(failure, context.err);
    return found.failures.empty() && known.failures().empty() ? exit_status::success
                                                              : exit_status::failure;
  }

 private:
  void print_text(const recovered& found, const stream_look& look) const {
    if (found.removed.empty()) {
      std::cout << "there is nothing to remove\n";
      return;
    }
    std::vector<std::vector<cell>> rows;
    for (const auto& one : found.removed)
      rows.push_back({{one.id.str(), tone::strong},
                      {count_text(one.processes.size(), "process", "processes")},
                      {count_text(one.control_groups.size(), "control group", "control groups")},
                      {one.directory}});
    print_table(std::cout, {look_ ? "TO REMOVE" : "REMOVED", "KILLED", "GROUPS", "DIRECTORY"}, rows,
                look);
  }

  void print_json(const recovered& found) const {
    json::array removed;
    for (const auto& one : found.removed)
      removed.emplace_back(json::object{
          {"id", one.id.str()},
          {"processes", json::array(one.processes.begin(), one.processes.end())},
          {"control_groups", json::array(one.control_groups.begin(), one.control_groups.end())},
          {"directory", one.directory}});
    std::cout << json::serialize(
                     json::object{{look_ ? "to_remove" : "removed", std::move(removed)}})
              << '\n';
  }

  bool look_ = false;
};

} // namespace

std::unique_ptr<subcommand> make_gc_command() {
  return std::make_unique<gc_command>();
}

} // namespace sandfleet::cli
