#include "runtime/config/toml_reader.hpp"
#include "tests/unit/core/config_fixture.hpp"

#include <algorithm>
#include <unistd.h>

namespace sandfleet::config {
namespace {

using std::chrono::milliseconds;
using text_map = std::map<std::string, std::string>;

class config_file : public config_test {};

/// Shaped like a configuration file of OpenHands, with every kind of section that it has.
constexpr auto openhands_sample = R"(
[core]
workspace_base = "./project"
cache_dir = "/tmp/cache"
debug = true
disable_color = true
file_uploads_allowed_extensions = [".*"]
max_iterations = 500
max_budget_per_task = 0.0
runtime = "local"
jwt_secret = "not for anyone"

[llm]
api_key = "not for anyone"
model = "some-model"
safety_settings = [ { "category" = "hate", "threshold" = "low" } ]

[llm.draft_editor]
correct_num = 5

[agent]
enable_browsing = true

[agent.RepoExplorerAgent]
llm_config = 'gpt3'

[sandbox]
timeout = 90
user_id = 1000
use_host_network = false
runtime_container_image = ""
base_container_image = "rootfs:/srv/python"
runtime_extra_build_args = ["--network=host"]
runtime_startup_env_vars = { PIP_INDEX_URL = "https://example.org", MODE = "test" }
docker_runtime_kwargs = { shm_size = "1g", init = true, ulimits = [ { name = "nofile", soft = 9 } ] }
volumes = "/path1:/workspace/path1,/path2:/workspace/path2:ro"
vscode_port = 41234

[security]
confirmation_mode = false

[condenser]
type = "noop"

[kubernetes]
namespace = "default"

[mcp]
sse_servers = [ "http://localhost:8080", { url = "https://example.org", api_key = "k" } ]

[model_routing]
router_name = "noop_router"

[extended]
anything = 1
)";

TEST_F(config_file, of_openhands_is_read_as_it_is) {
  use_file(openhands_sample);
  const auto config = resolve_good();
  EXPECT_EQ(config.text(key::provider), "local");
  EXPECT_EQ(config.text(key::image), "rootfs:/srv/python");
  EXPECT_EQ(config.duration(key::timeout), milliseconds(90'000));
  EXPECT_EQ(config.text(key::color), "never");
  EXPECT_EQ(config.text(key::log_level), "debug");
  const auto spec = config.base_spec().value();
  EXPECT_EQ(spec.network, "none");
  EXPECT_EQ(spec.env, (text_map{{"PIP_INDEX_URL", "https://example.org"}, {"MODE", "test"}}));
  EXPECT_EQ(spec.volumes, (std::vector<volume>{{"/path1", "/workspace/path1", false},
                                               {"/path2", "/workspace/path2", true}}));
}

TEST_F(config_file, of_openhands_has_names_that_are_listed_as_ignored) {
  use_file(openhands_sample);
  const auto config = resolve_good();
  std::vector<std::string> names;
  for (const auto& name : config.ignored())
    names.push_back(name.name);
  for (const auto* name : {"core.cache_dir", "core.jwt_secret", "llm.api_key", "llm.draft_editor",
                           "agent.RepoExplorerAgent", "core.jwt_secret",
                           "security.confirmation_mode", "condenser.type", "kubernetes.namespace",
                           "mcp.sse_servers", "model_routing.router_name", "extended.anything"})
    EXPECT_NE(std::ranges::find(names, name), names.end()) << name;
  EXPECT_EQ(std::ranges::find(names, "sandbox.timeout"), names.end());
}

TEST_F(config_file, has_arguments_of_containers_in_a_table) {
  use_file(openhands_sample);
  const auto config = resolve_good();
  EXPECT_EQ(config.base_spec().value().docker.arguments,
            R"({"init":true,"shm_size":"1g","ulimits":[{"name":"nofile","soft":9}]})");
  EXPECT_EQ(config.shown(key::docker_runtime_kwargs), "init=***, shm_size=***, ulimits=***");

  use_file("[sandbox.docker_runtime_kwargs]\nprivileged = true\nports = { 80 = [1, 2] }\n");
  given_.environment["SANDBOX_DOCKER_RUNTIME_KWARGS"] = "{'privileged': False}";
  EXPECT_EQ(resolve_good().base_spec().value().docker.arguments,
            R"({"ports":{"80":[1,2]},"privileged":false})");
}

TEST_F(config_file, own_names_win_over_those_of_openhands) {
  use_file("[sandfleet]\ntimeout = 1\n[sandbox]\ntimeout = 2\n");
  EXPECT_EQ(resolve_good().duration(key::timeout), milliseconds(1'000));
}

TEST_F(config_file, takes_lists_and_tables) {
  use_file("[sandfleet]\nvolumes = ['/a:/x', './b:/y:ro']\nenv = { A = '1' }\ncpus = 2\n");
  const auto spec = resolve_good().base_spec().value();
  EXPECT_EQ(spec.volumes,
            (std::vector<volume>{{"/a", "/x", false}, {given_.directory + "/b", "/y", true}}));
  EXPECT_EQ(spec.env, (text_map{{"A", "1"}}));
  EXPECT_EQ(spec.limits.cpus, 2.0);
}

TEST_F(config_file, an_unknown_key_is_named_with_its_line_and_the_nearest_known_one) {
  use_file("[sandfleet]\nimage = 'host'\ntimout = 3\n");
  const auto failure = resolve_bad();
  EXPECT_EQ(failure.code, errc::invalid_configuration);
  EXPECT_EQ(failure.message, *given_.config_file + ":3: the key 'sandfleet.timout' is not known");
  EXPECT_EQ(failure.hint, "did you mean 'sandfleet.timeout'?");
}

TEST_F(config_file, an_unknown_key_of_an_openhands_section_is_an_error_too) {
  use_file("[sandbox]\nbase_container_imagee = 'x'\n");
  EXPECT_EQ(resolve_bad().hint, "did you mean 'sandbox.base_container_image'?");
  use_file("[core]\nno_such_thing_at_all = 1\n");
  EXPECT_EQ(resolve_bad().hint, "'sandfleet config' lists all settings");
}

TEST_F(config_file, an_unknown_section_is_an_error) {
  use_file("[sandbx]\ntimeout = 3\n");
  EXPECT_EQ(resolve_bad().hint, "did you mean 'sandbox.timeout'?");
}

TEST_F(config_file, a_key_before_any_section_says_where_it_belongs) {
  use_file("image = 'host'\n");
  EXPECT_EQ(resolve_bad().hint, "write it below a line [sandfleet]");
}

TEST_F(config_file, a_value_of_the_wrong_type_is_an_error_with_its_line) {
  use_file("[sandfleet]\n\nio_threads = 'x'\n");
  EXPECT_EQ(resolve_bad().message,
            "io_threads: 'x' (file " + *given_.config_file + ":3) is not acceptable");
  use_file("[sandfleet]\nimage = 1979-05-27\n");
  EXPECT_NE(resolve_bad().message.find("of a type that does not fit"), std::string::npos);
  use_file("[sandfleet]\nvolumes = [1]\n");
  EXPECT_NE(resolve_bad().message.find("volumes"), std::string::npos);
  use_file("[sandbox]\nuse_host_network = 'perhaps'\n");
  EXPECT_EQ(resolve_bad().cause, "allowed: true or false");
}

TEST_F(config_file, what_is_not_toml_is_named_with_its_line) {
  use_file("[sandfleet]\nimage = \n");
  const auto failure = resolve_bad();
  EXPECT_EQ(failure.code, errc::invalid_configuration);
  EXPECT_EQ(failure.message, *given_.config_file + ":2: this is not TOML");
  EXPECT_NE(failure.cause, "");
}

TEST_F(config_file, that_was_named_must_exist) {
  given_.config_file = root_ + "/none.toml";
  EXPECT_EQ(resolve_bad().code, errc::not_found);
  given_.config_file.reset();
  given_.environment["SANDFLEET_CONFIG"] = root_ + "/none.toml";
  EXPECT_EQ(resolve_bad().code, errc::not_found);
}

TEST_F(config_file, that_is_a_directory_cannot_be_read) {
  given_.config_file = root_;
  EXPECT_EQ(resolve_bad().code, errc::io_error);
}

TEST_F(config_file, that_is_too_large_is_refused) {
  use_file(std::string((1 << 20) + 1, '#'));
  EXPECT_EQ(resolve_bad().code, errc::limit_exceeded);
}

TEST_F(config_file, is_looked_for_in_order) {
  const auto image = [&] { return resolve_good().text(key::image); };
  write("home/.config/sandfleet/config.toml", "[sandfleet]\nimage = 'rootfs:/home'\n");
  EXPECT_EQ(image(), "rootfs:/home");
  given_.environment["XDG_CONFIG_HOME"] = root_ + "/xdg";
  EXPECT_EQ(image(), "host");
  write("xdg/sandfleet/config.toml", "[sandfleet]\nimage = 'rootfs:/xdg'\n");
  EXPECT_EQ(image(), "rootfs:/xdg");
  write("work/sandfleet.toml", "[sandfleet]\nimage = 'rootfs:/work'\n");
  EXPECT_EQ(image(), "rootfs:/work");
  given_.environment["SANDFLEET_CONFIG"] =
      write("named.toml", "[sandfleet]\nimage = 'rootfs:/named'\n");
  EXPECT_EQ(image(), "rootfs:/named");
  use_file("[sandfleet]\nimage = 'rootfs:/flag'\n");
  EXPECT_EQ(image(), "rootfs:/flag");
  EXPECT_EQ(resolve_good().file(), given_.config_file);
}

TEST_F(config_file, of_another_user_in_the_working_directory_is_refused) {
  if (::geteuid() != 0)
    GTEST_SKIP() << "only root can give a file away";
  const auto path = write("work/sandfleet.toml", "[sandfleet]\nlauncher_program = '/tmp/evil'\n");
  ASSERT_EQ(::chown(path.c_str(), 12345, 12345), 0);
  const auto failure = resolve_bad();
  EXPECT_EQ(failure.code, errc::permission_denied);
  EXPECT_EQ(failure.message, path + " belongs to another user");
  given_.config_file = path;
  EXPECT_EQ(resolve_good().text(key::launcher_program), "/tmp/evil");
}

TEST(toml, keys_keep_their_section_and_line) {
  const auto entries = parse_toml("top = 1\n[a]\nx = true\n[a.b]\ny = 2\n", "f").value();
  ASSERT_EQ(entries.size(), 3U);
  std::map<std::string, unsigned> lines;
  for (const auto& entry : entries)
    lines[entry.path()] = entry.line;
  EXPECT_EQ(lines, (std::map<std::string, unsigned>{{"top", 1}, {"a.x", 3}, {"a.b", 4}}));
}

} // namespace
} // namespace sandfleet::config
