#include "tests/unit/core/config_fixture.hpp"

namespace sandfleet::config {
namespace {

using std::chrono::milliseconds;
using text_map = std::map<std::string, std::string>;

class layers : public config_test {};

TEST_F(layers, defaults_alone_are_those_of_the_engine) {
  const auto config = resolve_good();
  const settings defaults;
  const auto engine = config.engine_settings().value();
  EXPECT_EQ(engine.provider, defaults.provider);
  EXPECT_EQ(engine.image, defaults.image);
  EXPECT_EQ(engine.isolation, defaults.isolation);
  EXPECT_EQ(engine.state_dir, defaults.state_dir);
  EXPECT_EQ(engine.io_threads, defaults.io_threads);
  EXPECT_EQ(engine.max_parallel_starts, defaults.max_parallel_starts);
  EXPECT_EQ(engine.start_attempts, defaults.start_attempts);
  EXPECT_EQ(engine.start_backoff_base, defaults.start_backoff_base);
  EXPECT_EQ(engine.start_backoff_cap, defaults.start_backoff_cap);
  EXPECT_EQ(engine.health_interval, defaults.health_interval);
  EXPECT_EQ(engine.health_timeout, defaults.health_timeout);
  EXPECT_EQ(first_origin(config, key::image), "default");
  EXPECT_TRUE(config.at(key::cpus).from.empty());
  EXPECT_FALSE(config.was_given(key::memory_mb));
  EXPECT_FALSE(config.file());
}

TEST_F(layers, the_base_specification_is_the_default_one) {
  sandbox_spec expected;
  expected.provider = provider_name("local");
  expected.image = "host";
  expected.isolation = isolation_mode::namespaces;
  expected.limits.memory_mb = 4096;
  expected.limits.pids = 1024;
  EXPECT_EQ(resolve_good().base_spec().value(), expected);
}

TEST_F(layers, zero_lifts_a_limit_that_there_is_by_default) {
  given_.flags = {{"memory_mb", "0"}, {"pids", "0"}};
  const auto config = resolve_good();
  EXPECT_EQ(config.base_spec().value().limits, resource_limits{});
  EXPECT_TRUE(config.was_given(key::pids));
}

TEST_F(layers, each_layer_wins_over_those_below_it) {
  EXPECT_EQ(resolve_good().duration(key::timeout), milliseconds(120'000));
  use_file("[sandfleet]\ntimeout = 1\n");
  auto config = resolve_good();
  EXPECT_EQ(config.duration(key::timeout), milliseconds(1'000));
  EXPECT_EQ(first_origin(config, key::timeout), "file " + *given_.config_file + ":2");
  given_.environment["SANDFLEET_TIMEOUT"] = "2";
  config = resolve_good();
  EXPECT_EQ(config.duration(key::timeout), milliseconds(2'000));
  EXPECT_EQ(first_origin(config, key::timeout), "environment SANDFLEET_TIMEOUT");
  given_.flags = {{"timeout", "3"}};
  config = resolve_good();
  EXPECT_EQ(config.duration(key::timeout), milliseconds(3'000));
  EXPECT_EQ(first_origin(config, key::timeout), "flag --timeout");
  EXPECT_EQ(config.at(key::timeout).from.size(), 1U);
}

TEST_F(layers, flags_that_contradict_each_other_are_refused) {
  given_.flags = {{"image", "rootfs:/a"}, {"image", "rootfs:/b"}};
  const auto failure = resolve_bad();
  EXPECT_EQ(failure.message, "image: 'rootfs:/a' and 'rootfs:/b' contradict each other");
  EXPECT_EQ(failure.cause, "the flag --image is given twice");
  given_.flags[1].second = "rootfs:/a";
  EXPECT_EQ(resolve_good().text(key::image), "rootfs:/a");
}

TEST_F(layers, our_own_variable_wins_over_that_of_openhands) {
  given_.environment["SANDBOX_TIMEOUT"] = "7";
  EXPECT_EQ(resolve_good().duration(key::timeout), milliseconds(7'000));
  given_.environment["SANDFLEET_TIMEOUT"] = "8";
  EXPECT_EQ(resolve_good().duration(key::timeout), milliseconds(8'000));
}

TEST_F(layers, understand_the_variables_of_openhands) {
  given_.environment.insert({{"RUNTIME", "local"},
                             {"SANDBOX_BASE_CONTAINER_IMAGE", "rootfs:/base"},
                             {"SANDBOX_VOLUMES", "/d:/data:ro,/e:/e"},
                             {"SANDBOX_USE_HOST_NETWORK", "true"},
                             {"SANDBOX_RUNTIME_STARTUP_ENV_VARS", "{'A': 'b'}"},
                             {"SANDBOX_ENV_TOKEN", "t"},
                             {"WORKSPACE_BASE", "w"},
                             {"WORKSPACE_MOUNT_PATH_IN_SANDBOX", "/ws"},
                             {"LOG_LEVEL", "DEBUG"}});
  const auto config = resolve_good();
  const auto spec = config.base_spec().value();
  EXPECT_EQ(spec.image, "rootfs:/base");
  EXPECT_EQ(spec.network, "host");
  EXPECT_EQ(spec.env, (text_map{{"A", "b"}, {"TOKEN", "t"}}));
  EXPECT_EQ(spec.workspace, "/ws");
  EXPECT_EQ(spec.volumes, (std::vector<volume>{{"/d", "/data", true}, {"/e", "/e", false}}));
  EXPECT_EQ(config.text(key::workspace_base), given_.directory + "/w");
  EXPECT_EQ(config.text(key::log_level), "debug");
}

TEST_F(layers, the_runtime_image_wins_over_the_base_image) {
  given_.environment["SANDBOX_BASE_CONTAINER_IMAGE"] = "rootfs:/base";
  given_.environment["SANDBOX_RUNTIME_CONTAINER_IMAGE"] = "rootfs:/runtime";
  EXPECT_EQ(resolve_good().text(key::image), "rootfs:/runtime");
}

TEST_F(layers, an_agents_image_has_its_tag_in_a_variable_of_its_own) {
  given_.environment["AGENT_SERVER_IMAGE_REPOSITORY"] = "ghcr.io/a/agent";
  EXPECT_EQ(resolve_good().text(key::image), "ghcr.io/a/agent:latest");
  given_.environment["AGENT_SERVER_IMAGE_TAG"] = "1.2";
  EXPECT_EQ(resolve_good().text(key::image), "ghcr.io/a/agent:1.2");
  given_.environment["SANDBOX_BASE_CONTAINER_IMAGE"] = "base:1";
  EXPECT_EQ(resolve_good().text(key::image), "base:1");
}

TEST_F(layers, what_goes_into_an_image_has_names_of_openhands_too) {
  given_.environment.insert({{"SANDBOX_RUNTIME_EXTRA_DEPS", "pip install x"},
                             {"SANDBOX_RUNTIME_EXTRA_BUILD_ARGS", "['--network', 'host']"},
                             {"SANDBOX_FORCE_REBUILD_RUNTIME", "true"},
                             {"OH_RUNTIME_RUNTIME_IMAGE_REPO", "mine/images"}});
  const auto config = resolve_good();
  const auto spec = config.base_spec().value();
  EXPECT_EQ(spec.docker.extra_deps, "pip install x");
  EXPECT_EQ(spec.docker.extra_build_args, (std::vector<std::string>{"--network", "host"}));
  EXPECT_TRUE(spec.docker.force_rebuild);
  EXPECT_EQ(config.engine_settings()->image_repository, "mine/images");
}

TEST_F(layers, an_empty_variable_counts_as_not_set) {
  given_.environment["SANDFLEET_IMAGE"] = "";
  given_.environment["SANDBOX_TIMEOUT"] = "";
  EXPECT_EQ(resolve_good().text(key::image), "host");
}

TEST_F(layers, env_is_merged_by_name_and_remembers_all_its_sources) {
  use_file("[sandfleet.env]\nA = \"file\"\nB = \"file\"\n");
  given_.environment["SANDFLEET_ENV"] = "B=environment";
  given_.flags = {{"env", "C=flag,with,commas"}};
  const auto config = resolve_good();
  EXPECT_EQ(config.base_spec().value().env,
            (text_map{{"A", "file"}, {"B", "environment"}, {"C", "flag,with,commas"}}));
  const auto& from = config.at(key::env).from;
  ASSERT_EQ(from.size(), 3U);
  EXPECT_EQ(from[0].to_string(), "flag --env");
  EXPECT_EQ(from[1].to_string(), "environment SANDFLEET_ENV");
  EXPECT_EQ(from[2].layer, origin::layer_kind::file);
}

TEST_F(layers, values_of_env_are_never_shown) {
  given_.flags = {{"env", "TOKEN=hunter2"}};
  EXPECT_EQ(resolve_good().shown(key::env), "TOKEN=***");
}

TEST_F(layers, two_flags_cannot_mount_at_one_place) {
  given_.flags = {{"volumes", "/a:/x"}, {"volumes", "/b:/x"}};
  EXPECT_NE(resolve_bad().message.find("'/a:/x' and '/b:/x'"), std::string::npos);
  given_.flags = {{"volumes", "/a:/x"}, {"volumes", "/b:/y"}};
  EXPECT_EQ(resolve_good().base_spec().value().volumes.size(), 2U);
}

TEST_F(layers, volumes_are_merged_by_the_path_inside) {
  given_.environment["SANDBOX_VOLUMES"] = "/a:/x,/b:/y";
  given_.flags = {{"volumes", "/c:/x:ro"}};
  EXPECT_EQ(resolve_good().base_spec().value().volumes,
            (std::vector<volume>{{"/b", "/y", false}, {"/c", "/x", true}}));
}

TEST_F(layers, a_volume_over_the_workspace_replaces_its_base) {
  given_.environment["WORKSPACE_BASE"] = "/base";
  given_.flags = {{"volumes", "/mine:/workspace"}};
  EXPECT_EQ(resolve_good().base_spec().value().volumes,
            (std::vector<volume>{{"/mine", "/workspace", false}}));
}

TEST_F(layers, old_names_of_the_workspace_are_told_and_give_way_to_volumes) {
  given_.environment = {{"WORKSPACE_BASE", "/base"}, {"WORKSPACE_MOUNT_PATH_IN_SANDBOX", "/ws"}};
  const auto config = resolve_good();
  std::vector<std::string> names;
  for (const auto& old : config.deprecated())
    names.push_back(old.name + " by " + old.from.to_string());
  EXPECT_EQ(names, (std::vector<std::string>{"WORKSPACE_MOUNT_PATH_IN_SANDBOX by environment "
                                             "WORKSPACE_MOUNT_PATH_IN_SANDBOX",
                                             "WORKSPACE_BASE by environment WORKSPACE_BASE"}));
  EXPECT_EQ(config.base_spec().value().volumes, (std::vector<volume>{{"/base", "/ws", false}}));

  given_.environment["WORKSPACE_MOUNT_PATH"] = "/mounted";
  EXPECT_EQ(resolve_good().base_spec().value().volumes,
            (std::vector<volume>{{"/mounted", "/ws", false}}));

  given_.environment["SANDBOX_VOLUMES"] = "/data:/data";
  EXPECT_EQ(resolve_good().base_spec().value().volumes,
            (std::vector<volume>{{"/data", "/data", false}}));

  given_.environment["SANDFLEET_WORKSPACE_BASE"] = "/ours";
  EXPECT_EQ(resolve_good().base_spec().value().volumes,
            (std::vector<volume>{{"/ours", "/ws", false}, {"/data", "/data", false}}));

  given_.environment = {{"SANDFLEET_WORKSPACE_BASE", "/ours"}, {"SANDFLEET_WORKSPACE", "/ws"}};
  EXPECT_TRUE(resolve_good().deprecated().empty());
}

TEST_F(layers, limits_reach_the_specification) {
  given_.flags = {{"cpus", "0.5"}, {"memory_mb", "64"}, {"pids", "32"}, {"disk_mb", "10"}};
  EXPECT_EQ(resolve_good().base_spec().value().limits, (resource_limits{0.5, 64, 32, 10}));
}

TEST_F(layers, every_setting_has_a_variable_of_its_own) {
  const std::map<value_kind, std::string> samples = {
      {value_kind::text, "rootfs:/x"}, {value_kind::secret, "key"},
      {value_kind::path, "/x"},        {value_kind::sandbox_path, "/x"},
      {value_kind::integer, "8"},      {value_kind::number, "2"},
      {value_kind::duration, "77"},    {value_kind::truth, "yes"},
      {value_kind::list, "a,b"},       {value_kind::volumes, "/a:/b"},
      {value_kind::env, "A=b"},        {value_kind::object, "{'init': True}"}};
  for (const auto& setting : setting_table())
    given_.environment[own_variable(setting)] = setting.kind == value_kind::choice
                                                    ? std::string(setting.choices.back())
                                                    : samples.at(setting.kind);
  const auto config = resolve_good();
  for (std::size_t i = 0; i < key_count; ++i) {
    const auto which = static_cast<key>(i);
    EXPECT_EQ(first_origin(config, which), "environment " + own_variable(info(which)));
    EXPECT_NE(config.shown(which), "") << info(which).name;
  }
}

TEST_F(layers, a_misspelt_variable_of_ours_is_an_error) {
  given_.environment["SANDFLEET_IMGAE"] = "x";
  const auto failure = resolve_bad();
  EXPECT_EQ(failure.code, errc::invalid_configuration);
  EXPECT_EQ(failure.message, "the environment variable SANDFLEET_IMGAE is not known");
  EXPECT_EQ(failure.hint, "did you mean 'SANDFLEET_IMAGE'?");
}

TEST_F(layers, a_misspelt_name_behind_set_is_an_error) {
  given_.flags = {{"start_attemts", "4"}};
  const auto failure = resolve_bad();
  EXPECT_EQ(failure.message, "the setting 'start_attemts' (flag --set) is not known");
  EXPECT_EQ(failure.hint, "did you mean 'start_attempts'?");
}

TEST_F(layers, a_bad_value_names_setting_source_and_what_is_allowed) {
  given_.environment["SANDFLEET_IO_THREADS"] = "many";
  const auto failure = resolve_bad();
  EXPECT_EQ(failure.message,
            "io_threads: 'many' (environment SANDFLEET_IO_THREADS) is not acceptable");
  EXPECT_EQ(failure.cause, "allowed: a whole number from 1 to 64");
}

TEST_F(layers, a_bad_value_is_an_error_even_where_a_stronger_layer_overrides_it) {
  given_.environment["SANDFLEET_IO_THREADS"] = "many";
  given_.flags = {{"io_threads", "2"}};
  EXPECT_EQ(resolve_bad().code, errc::invalid_configuration);
}

TEST_F(layers, what_the_engine_refuses_names_its_source) {
  given_.environment["RUNTIME"] = "kubernetes";
  const auto checked = resolve_good().engine_settings();
  ASSERT_FALSE(checked);
  EXPECT_EQ(checked.error().message,
            "provider: 'kubernetes' is not acceptable (environment RUNTIME)");
  EXPECT_EQ(checked.error().cause, "allowed: local, docker, remote");
}

TEST_F(layers, variables_of_others_are_left_alone) {
  given_.environment.insert(
      {{"SANDBOX_UNHEARD_OF", "x"}, {"SANDFLEET_BIN", "/x"}, {"SANDFLEET_TEST_ANY", "x"}});
  EXPECT_TRUE(resolve_good().ignored().empty());
}

TEST_F(layers, variables_of_openhands_that_mean_nothing_here_are_listed) {
  given_.environment["SANDBOX_CLOSE_DELAY"] = "1";
  const auto config = resolve_good();
  ASSERT_EQ(config.ignored().size(), 1U);
  EXPECT_EQ(config.ignored()[0].name, "SANDBOX_CLOSE_DELAY");
}

TEST_F(layers, openhands_names_of_what_containers_get_are_read) {
  given_.environment.insert({{"RUNTIME", "docker"},
                             {"SANDBOX_ADDITIONAL_NETWORKS", R"(["one", "two"])"},
                             {"SANDBOX_RUNTIME_BINDING_ADDRESS", "0.0.0.0"},
                             {"SANDBOX_VSCODE_PORT", "41000"},
                             {"SANDBOX_USER_ID", "1000"},
                             {"SANDBOX_ENABLE_GPU", "true"},
                             {"SANDBOX_CUDA_VISIBLE_DEVICES", "0,1"},
                             {"SANDBOX_PLATFORM", "linux/arm64"},
                             {"SANDBOX_VOLUME_OVERLAYS", "/overlays"},
                             {"SANDBOX_VOLUMES", "cache:/cache,/src:/src:overlay"}});
  const auto spec = resolve_good().base_spec().value();
  EXPECT_EQ(spec.network, "bridge");
  EXPECT_EQ(spec.docker.networks, (std::vector<std::string>{"one", "two"}));
  EXPECT_EQ(spec.docker.binding_address, "0.0.0.0");
  EXPECT_EQ(spec.docker.vscode_port, 41000);
  EXPECT_EQ(spec.docker.user_id, 1000);
  EXPECT_TRUE(spec.docker.gpu);
  EXPECT_EQ(spec.docker.gpu_devices, "0,1");
  EXPECT_EQ(spec.docker.platform, "linux/arm64");
  EXPECT_EQ(spec.docker.overlays_dir, "/overlays");
  EXPECT_EQ(spec.volumes, (std::vector<volume>{{"cache", "/cache", false, volume_kind::named},
                                               {"/src", "/src", false, volume_kind::overlay}}));
}

TEST_F(layers, the_usual_container_is_what_an_empty_specification_says) {
  given_.environment["RUNTIME"] = "docker";
  EXPECT_EQ(resolve_good().base_spec().value().docker, docker_options{});
}

} // namespace
} // namespace sandfleet::config
