#include "tools/batch/batch_command.hpp"
#include "tools/cli/command_line.hpp"
#include "tools/cli/commands.hpp"
#include "tools/cli/interrupt.hpp"

#include <exception>
#include <iostream>

int main(int argc, char** argv) {
  using namespace sandfleet::cli;
  try {
    survive_failing_writes();
    std::vector<std::unique_ptr<subcommand>> commands;
    commands.push_back(make_run_command());
    commands.push_back(sandfleet::batch::make_batch_command());
    commands.push_back(make_exec_command());
    commands.push_back(make_shell_command());
    commands.push_back(make_ps_command());
    commands.push_back(make_serve_command());
    commands.push_back(make_stop_command());
    commands.push_back(make_pause_command());
    commands.push_back(make_resume_command());
    commands.push_back(make_gc_command());
    commands.push_back(make_image_command());
    commands.push_back(make_config_command());
    commands.push_back(make_doctor_command());
    commands.push_back(make_completion_command());
    commands.push_back(make_manual_command());
    commands.push_back(make_complete_command());
    return run_command_line(std::vector<std::string>(argv + 1, argv + argc), commands);
  } catch (const std::exception& failure) {
    std::cerr << "sandfleet: a fault of its own: " << failure.what() << std::endl;
    return exit_status::engine_failure;
  }
}
