#include "tests/integration/cli/program.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <gtest/gtest.h>

namespace sandfleet::test {
namespace {

bool holds(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

/// The member of "settings" with this name, as `config --output json` prints it.
boost::json::value setting(const std::string& json, const std::string& name) {
  const auto all = boost::json::parse(json);
  for (const auto& one : all.at("settings").as_array())
    if (one.at("name").as_string() == name)
      return one;
  ADD_FAILURE() << "no setting " << name;
  return nullptr;
}

TEST(command_line, help_names_every_command_and_teaches_by_example) {
  const auto help = run_sandfleet({"--help"});
  EXPECT_EQ(help.status, 0);
  for (const auto* part : {"run ", "config ", "doctor ", "--set", "Examples:", "SANDFLEET_NAME"})
    EXPECT_TRUE(holds(help.out, part)) << part;
  EXPECT_EQ(help.err, "");
}

TEST(command_line, help_of_each_command_has_examples) {
  for (const auto* command : {"run", "config", "doctor"}) {
    const auto help = run_sandfleet({command, "--help"});
    EXPECT_EQ(help.status, 0) << command;
    EXPECT_TRUE(holds(help.out, "Examples:")) << command;
  }
}

TEST(command_line, help_of_run_names_all_flags_and_exit_statuses) {
  const auto help = run_sandfleet({"run", "--help"}).out;
  for (const auto* part :
       {"--image", "--volume", "--env", "--timeout", "--network", "--isolation", "--cpus",
        "--memory", "--pids", "--disk", "--workdir", "--stdin", "124", "125", "126", "127"})
    EXPECT_TRUE(holds(help, part)) << part;
}

TEST(command_line, version_is_one_line) {
  const auto version = run_sandfleet({"--version"});
  EXPECT_EQ(version.status, 0);
  EXPECT_EQ(version.out.substr(0, 10), "sandfleet ");
}

TEST(command_line, without_a_command_it_prints_help_as_an_error) {
  const auto bare = run_sandfleet({});
  EXPECT_EQ(bare.status, 125);
  EXPECT_EQ(bare.out, "");
  EXPECT_TRUE(holds(bare.err, "Usage:"));
}

TEST(command_line, an_unknown_command_is_named_with_the_nearest) {
  const auto bad = run_sandfleet({"confg"});
  EXPECT_EQ(bad.status, 125);
  EXPECT_TRUE(holds(bad.err, "the command 'confg' is not known"));
  EXPECT_TRUE(holds(bad.err, "did you mean 'config'?"));
}

TEST(command_line, an_unknown_flag_is_named_with_the_nearest) {
  for (const auto& words : std::vector<std::vector<std::string>>{
           {"run", "--timout", "3", "--", "true"}, {"run", "--timout=3", "--", "true"}}) {
    const auto bad = run_sandfleet(words);
    EXPECT_EQ(bad.status, 125);
    EXPECT_TRUE(holds(bad.err, "the flag '--timout' is not known")) << bad.err;
    EXPECT_TRUE(holds(bad.err, "did you mean '--timeout'?"));
  }
}

TEST(command_line, a_flag_without_its_value_is_an_error) {
  const auto bad = run_sandfleet({"run", "--timeout"});
  EXPECT_EQ(bad.status, 125);
  EXPECT_TRUE(holds(bad.err, "--timeout"));
}

TEST(command_line, run_wants_a_command_behind_two_dashes) {
  const auto none = run_sandfleet({"run"});
  EXPECT_EQ(none.status, 125);
  EXPECT_TRUE(holds(none.err, "sandfleet run -- echo hello"));
  const auto bare = run_sandfleet({"run", "echo", "hi"});
  EXPECT_EQ(bare.status, 125);
  EXPECT_TRUE(holds(bare.err, "sandfleet run -- echo"));
}

TEST(command_line, words_behind_two_dashes_belong_to_run_alone) {
  EXPECT_EQ(run_sandfleet({"config", "--", "x"}).status, 125);
}

TEST(config_command, prints_each_setting_with_value_and_source) {
  const auto shown = run_sandfleet({"config", "--timeout-is-no-flag"});
  EXPECT_EQ(shown.status, 125);
  const auto good =
      run_sandfleet({"config", "--set", "image=rootfs:/x"}, {{{"SANDBOX_TIMEOUT", "9"}}, {}});
  EXPECT_EQ(good.status, 0);
  EXPECT_TRUE(holds(good.out, "rootfs:/x"));
  EXPECT_TRUE(holds(good.out, "flag --image"));
  EXPECT_TRUE(holds(good.out, "9 s"));
  EXPECT_TRUE(holds(good.out, "environment SANDBOX_TIMEOUT"));
  EXPECT_TRUE(holds(good.out, "start_backoff_cap"));
}

TEST(config_command, prints_json_for_programs) {
  const auto shown = run_sandfleet({"--output", "json", "config", "--set", "memory_mb=64"});
  ASSERT_EQ(shown.status, 0);
  const auto memory = setting(shown.out, "memory_mb");
  EXPECT_EQ(memory.at("value"), 64);
  EXPECT_EQ(memory.at("from").at(0), "flag --memory");
  EXPECT_TRUE(setting(shown.out, "cpus").at("value").is_null());
}

TEST(config_command, takes_global_flags_on_either_side) {
  EXPECT_EQ(run_sandfleet({"--output", "json", "config"}).out,
            run_sandfleet({"config", "--output", "json"}).out);
}

TEST(config_command, reads_the_file_of_the_working_directory) {
  const scratch_directory work;
  const auto file = work.write("sandfleet.toml", "[sandfleet]\nnetwork = 'host'\n");
  const auto shown = run_sandfleet({"config", "--output", "json"}, {{}, work.path()});
  ASSERT_EQ(shown.status, 0) << shown.err;
  EXPECT_EQ(setting(shown.out, "network").at("value"), "host");
  EXPECT_EQ(setting(shown.out, "network").at("from").at(0).as_string(), "file " + file + ":2");
}

TEST(config_command, lists_names_of_openhands_that_mean_nothing) {
  const scratch_directory work;
  const auto file =
      work.write("config.toml", "[core]\nruntime = 'local'\n[llm]\napi_key = 'hunter2'\n");
  const auto shown = run_sandfleet({"--config", file, "config"});
  EXPECT_EQ(shown.status, 0);
  EXPECT_TRUE(holds(shown.out, "llm.api_key"));
  EXPECT_FALSE(holds(shown.out, "hunter2"));
}

TEST(config_command, says_once_which_names_are_old_and_what_to_say_now) {
  const surroundings around{{{"WORKSPACE_BASE", "/srv/project"}}, {}};
  const auto told = run_sandfleet({"config", "--output", "json"}, around);
  EXPECT_EQ(boost::json::parse(told.out).at("deprecated").at(0).at("name"), "WORKSPACE_BASE");
  const auto first = told.err.find("names=\"WORKSPACE_BASE\"");
  ASSERT_NE(first, std::string::npos) << told.err;
  EXPECT_EQ(told.err.find("names=", first + 1), std::string::npos);
  EXPECT_NE(told.err.find("SANDBOX_VOLUMES=/srv/project:/workspace:rw"), std::string::npos);
  EXPECT_EQ(run_sandfleet({"config", "--quiet"}, around).err, "");
}

TEST(config_command, never_shows_the_values_of_env) {
  const auto shown = run_sandfleet({"config"}, {{{"SANDFLEET_ENV", "TOKEN=hunter2"}}, {}});
  EXPECT_TRUE(holds(shown.out, "TOKEN=***"));
  EXPECT_FALSE(holds(shown.out, "hunter2"));
}

TEST(config_command, bad_configuration_is_an_error_that_names_all) {
  const auto bad = run_sandfleet({"config"}, {{{"SANDFLEET_OUTPUT", "yaml"}}, {}});
  EXPECT_EQ(bad.status, 125);
  EXPECT_EQ(bad.out, "");
  EXPECT_TRUE(holds(bad.err, "output: 'yaml' (environment SANDFLEET_OUTPUT)"));
  EXPECT_TRUE(holds(bad.err, "one of: table, json"));
}

TEST(config_command, says_when_the_engine_would_refuse_the_settings) {
  const auto bad = run_sandfleet({"config"}, {{{"RUNTIME", "kubernetes"}}, {}});
  EXPECT_EQ(bad.status, 125);
  EXPECT_TRUE(holds(bad.out, "kubernetes"));
  EXPECT_TRUE(holds(bad.err, "environment RUNTIME"));
}

TEST(config_command, shows_control_characters_as_text) {
  const auto shown = run_sandfleet({"config", "--set", "image=rootfs:/\x1b[2J"});
  EXPECT_FALSE(holds(shown.out, "\x1b"));
  EXPECT_TRUE(holds(shown.out, "rootfs:/\\x1b[2J"));
}

TEST(config_command, colours_only_when_told_to_where_there_is_no_terminal) {
  EXPECT_FALSE(holds(run_sandfleet({"config"}).out, "\x1b["));
  EXPECT_TRUE(holds(run_sandfleet({"config", "--color", "always"}).out, "\x1b["));
}

} // namespace
} // namespace sandfleet::test
