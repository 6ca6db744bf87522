#include <sandfleet/spec.hpp>

#include <gtest/gtest.h>

#include <limits>

namespace sandfleet {
namespace {

/// The failure's message, or "" when the specification is good.
std::string complaint(const sandbox_spec& spec) {
  const auto checked = validate(spec);
  if (checked)
    return {};
  EXPECT_EQ(checked.error().blame, failure_class::task);
  EXPECT_EQ(checked.error().code, errc::invalid_argument);
  return checked.error().message;
}

TEST(spec, defaults_are_good) {
  EXPECT_EQ(complaint({}), "");
}

TEST(spec, workspace_must_be_absolute) {
  for (const auto* path : {"", "work", "./work", "~"}) {
    sandbox_spec spec;
    spec.workspace = path;
    EXPECT_EQ(complaint(spec), "workspace: '" + std::string(path) + "' is not an absolute path");
  }
}

TEST(spec, workspace_must_hold_no_nul_byte) {
  sandbox_spec spec;
  spec.workspace = std::string("/a\0b", 4);
  EXPECT_NE(complaint(spec), "");
}

TEST(spec, image_and_network_must_hold_no_nul_byte) {
  sandbox_spec image;
  image.image = std::string("host\0--network\0host", 20);
  EXPECT_NE(complaint(image), "");
  sandbox_spec network;
  network.network = std::string("none\0", 5);
  EXPECT_NE(complaint(network), "");
}

TEST(spec, names_of_variables_must_be_possible) {
  for (const auto& name : {std::string(), std::string("A=B"), std::string("A\0", 2)}) {
    sandbox_spec spec;
    spec.env[name] = "x";
    EXPECT_EQ(complaint(spec).substr(0, 5), "env: ") << name;
  }
}

TEST(spec, values_of_variables_may_be_anything_but_nul) {
  sandbox_spec spec;
  spec.env["A"] = "x=y\n\xff";
  EXPECT_EQ(complaint(spec), "");
  spec.env["A"] = std::string("\0", 1);
  EXPECT_EQ(complaint(spec), "env: the value of 'A' holds a NUL byte");
}

TEST(spec, volumes_must_be_absolute_on_both_sides_and_not_cover_the_root) {
  sandbox_spec spec;
  spec.volumes = {{"data", "/data", false}};
  EXPECT_EQ(complaint(spec), "volumes: 'data' is not an absolute path");
  spec.volumes = {{"/data", "data", false}};
  EXPECT_EQ(complaint(spec), "volumes: 'data' is not an absolute path");
  spec.volumes = {{"/data", "/", false}};
  EXPECT_EQ(complaint(spec), "volumes: nothing can be mounted over '/'");
}

TEST(spec, limits_have_minimums) {
  const auto with = [](resource_limits limits) {
    sandbox_spec spec;
    spec.limits = limits;
    return complaint(spec);
  };
  EXPECT_EQ(with({0.5, 16, 8, 1}), "");
  EXPECT_EQ(with({{}, 15, {}, {}}), "resources.memory_mb: 15 is below the minimum of 16");
  EXPECT_EQ(with({{}, {}, 7, {}}), "resources.pids: 7 is below the minimum of 8");
  EXPECT_EQ(with({{}, {}, {}, 0}), "resources.disk_mb: 0 is below the minimum of 1");
  for (const double cpus : {0.0, -1.0, std::numeric_limits<double>::infinity(),
                            std::numeric_limits<double>::quiet_NaN()})
    EXPECT_EQ(with({cpus, {}, {}, {}}), "resources.cpus: must be a number above 0") << cpus;
}

TEST(spec, the_start_needs_time) {
  sandbox_spec spec;
  spec.start_timeout = std::chrono::milliseconds::zero();
  EXPECT_EQ(complaint(spec), "start_timeout: must be above 0");
}

TEST(volume, is_read_with_and_without_a_mode) {
  EXPECT_EQ(parse_volume("/a:/b").value(), (volume{"/a", "/b", false}));
  EXPECT_EQ(parse_volume("/a:/b:rw").value(), (volume{"/a", "/b", false}));
  EXPECT_EQ(parse_volume("/a:/b:ro").value(), (volume{"/a", "/b", true}));
}

TEST(volume, is_an_engines_when_it_has_a_name_or_an_overlay) {
  EXPECT_EQ(parse_volume("cache:/b").value(), (volume{"cache", "/b", false, volume_kind::named}));
  EXPECT_EQ(parse_volume("cache:/b:ro").value(), (volume{"cache", "/b", true, volume_kind::named}));
  EXPECT_EQ(parse_volume("/a:/b:overlay").value(),
            (volume{"/a", "/b", false, volume_kind::overlay}));
}

TEST(volume, says_what_is_wrong_with_a_text) {
  const auto message = [](const std::string& text) { return parse_volume(text).error().message; };
  EXPECT_EQ(message("/a"), "volume '/a': the path inside the sandbox is missing");
  EXPECT_EQ(message("/a:/b:rx"), "volume '/a:/b:rx': the mode is neither ro nor rw nor overlay");
  EXPECT_EQ(message("/a:/b:ro:z"),
            "volume '/a:/b:ro:z': the mode is neither ro nor rw nor overlay");
  for (const auto* text :
       {"", ":", ":/b", "a:/b", "../a:/b", "/a:", "/a:b", "/a:/", "vol:/b:overlay"})
    EXPECT_FALSE(parse_volume(text)) << text;
}

} // namespace
} // namespace sandfleet
