#include "tools/batch/task_parser.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <ostream>

namespace sandfleet::batch {
namespace {

using std::chrono::milliseconds;

result<task> parse(const std::string& line) {
  return task_parser().parse(line);
}

TEST(task_parser, the_least_task_has_the_formats_defaults) {
  const auto read = parse(R"({"id": "a", "commands": ["true"]})");
  ASSERT_TRUE(read);
  task expected;
  expected.id = "a";
  expected.commands = {"true"};
  EXPECT_EQ(*read, expected);
  EXPECT_EQ(read->timeout, milliseconds(120'000));
  EXPECT_EQ(read->retries, 2U);
  EXPECT_FALSE(read->continue_on_error);
}

TEST(task_parser, reads_every_key) {
  const auto read = parse(R"({
    "id": "t/1", "image": "rootfs:/x", "provider": "local",
    "files": {"a": "text", "b": {"base64": "AAE=", "mode": "0755"}, "c": {"from": "x/y"}},
    "env": {"A": "1", "B": ""}, "setup": ["s"], "commands": ["c1", "c2\nmore"],
    "continue_on_error": true, "timeout_s": 1.5, "command_timeout_s": 1, "stdin": "in\u0000",
    "verify": {"files": {"v": "w"}, "commands": ["check"], "env": {"V": "2"}, "timeout_s": 7},
    "collect": ["*.txt"], "resources": {"cpus": 0.5, "memory_mb": 64, "pids": 8, "disk_mb": 1},
    "network": "host",
    "expect": {"exit_code": 3, "output_contains": "x", "output_regex": "^y"}, "retries": 0})");
  ASSERT_TRUE(read) << read.error().to_string();
  task expected;
  expected.id = "t/1";
  expected.image = "rootfs:/x";
  expected.provider = "local";
  expected.files["a"] = {"text", std::nullopt};
  expected.files["b"] = {std::string("\0\1", 2), 0755};
  expected.files["c"] = {file_source::host_path{"x/y"}, std::nullopt};
  expected.env = {{"A", "1"}, {"B", ""}};
  expected.setup = {"s"};
  expected.commands = {"c1", "c2\nmore"};
  expected.continue_on_error = true;
  expected.timeout = milliseconds(1500);
  expected.command_timeout = milliseconds(1000);
  expected.stdin_text = std::string("in\0", 3);
  expected.verify.emplace();
  expected.verify->files["v"] = {"w", std::nullopt};
  expected.verify->commands = {"check"};
  expected.verify->env = {{"V", "2"}};
  expected.verify->timeout = milliseconds(7000);
  expected.collect = {"*.txt"};
  expected.resources = {0.5, 64, 8, 1};
  expected.network = "host";
  expected.expect = {3, "x", "^y"};
  expected.retries = 0;
  EXPECT_EQ(*read, expected);
}

struct refusal {
  const char* field; ///< put into a task that is otherwise good
  const char* says;  ///< part of message and hint

  friend std::ostream& operator<<(std::ostream& out, const refusal& r) { return out << r.field; }
};

class a_wrong_field : public testing::TestWithParam<refusal> {};

TEST_P(a_wrong_field, is_refused_by_name) {
  const auto read =
      parse(R"({"id": "a", "commands": ["x"], )" + std::string(GetParam().field) + "}");
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, errc::invalid_argument);
  EXPECT_EQ(read.error().blame, failure_class::task);
  EXPECT_THAT(read.error().to_string(), testing::HasSubstr(GetParam().says));
}

INSTANTIATE_TEST_SUITE_P(
    task_parser, a_wrong_field,
    testing::Values(
        refusal{R"("comands": [])", "unknown key \"comands\""},
        refusal{R"("comands": [])", "did you mean \"commands\"?"},
        refusal{R"("timeout": 3)", "did you mean \"timeout_s\"?"},
        refusal{R"("zzzzzz": 3)", "known keys: id, image"},
        refusal{R"("id": "b")", "key \"id\" is given twice"},
        refusal{R"("\u0069d": "b")", "key \"id\" is given twice"},
        refusal{R"("image": "")", "key \"image\": expected a string that is not empty"},
        refusal{R"("image": "a\u0000")", "NUL"}, refusal{R"("image": null)", "found null"},
        refusal{R"("provider": 1)", "key \"provider\""},
        refusal{R"("files": [])", "key \"files\": expected an object of files, found a list"},
        refusal{R"("files": {"": "x"})", "cannot be the path of a file"},
        refusal{R"("files": {"a": 1})", "key \"files.a\""},
        refusal{R"("files": {"a": "1", "a": "2"})", "\"files.a\" is given twice"},
        refusal{R"("files": {"a": {}})", "found neither"},
        refusal{R"("files": {"a": {"mode": "0644"}})", "found neither"},
        refusal{R"("files": {"a": {"base64": "", "from": "x"}})", "found both"},
        refusal{R"("files": {"a": {"base64": "?"}})", "expected base64"},
        refusal{R"("files": {"a": {"from": ""}})", "files.a.from"},
        refusal{R"("files": {"a": {"from": "x", "mode": 644}})", "octal digits in quotes"},
        refusal{R"("files": {"a": {"from": "x", "mode": "0888"}})", "octal digits"},
        refusal{R"("files": {"a": {"form": "x"}})", "did you mean \"from\"?"},
        refusal{R"("env": {"A=B": "1"})", "cannot be the name of a variable"},
        refusal{R"("env": {"A": 1})", "key \"env.A\": expected a string, found a number"},
        refusal{R"("env": {"A": "\u0000"})", "NUL"},
        refusal{R"("setup": "x")", "expected a list of strings, found a string"},
        refusal{R"("setup": ["a", 2])", "key \"setup[1]\""},
        refusal{R"("setup": ["a\u0000"])", "NUL"},
        refusal{R"("continue_on_error": "yes")", "expected true or false, found a string"},
        refusal{R"("timeout_s": 0)", "expected a number above 0"},
        refusal{R"("timeout_s": -1)", "found -1"}, refusal{R"("timeout_s": "5")", "found a string"},
        refusal{R"("timeout_s": 1e300)", "up to 1000000"},
        refusal{R"("command_timeout_s": null)", "key \"command_timeout_s\""},
        refusal{R"("stdin": ["x"])", "key \"stdin\""},
        refusal{R"("verify": {})", "\"verify.commands\" is missing"},
        refusal{R"("verify": {"commands": []})", "at least one string, found an empty list"},
        refusal{R"("verify": {"commands": ["x"], "file": {}})", "did you mean \"files\"?"},
        refusal{R"("verify": ["x"])", "key \"verify\""},
        refusal{R"("collect": [""])", "key \"collect[0]\""},
        refusal{R"("resources": {"cpus": 0})", "resources.cpus"},
        refusal{R"("resources": {"memory_mb": 15})", "from 16"},
        refusal{R"("resources": {"memory_mb": 64.5})", "a whole number"},
        refusal{R"("resources": {"pids": 7})", "from 8"},
        refusal{R"("resources": {"disk_mb": 0})", "from 1"},
        refusal{R"("resources": {"memory": 64})", "known keys: cpus, memory_mb, pids, disk_mb"},
        refusal{R"("network": "")", "key \"network\""},
        refusal{R"("expect": {})", "at least one of its keys"},
        refusal{R"("expect": {"exit_code": 256})", "from 0 to 255"},
        refusal{R"("expect": {"output_regex": "("})", "not a regular expression"},
        refusal{R"("retries": -1)", "from 0 to 100, found -1"},
        refusal{R"("retries": 99999999999999999999)", "a whole number"},
        refusal{R"("retries": 1.5)", "a whole number"}));

TEST(task_parser, the_required_keys_are_required) {
  EXPECT_EQ(parse(R"({"commands": ["x"]})").error().message, "key \"id\" is missing");
  EXPECT_EQ(parse(R"({"id": "x"})").error().message, "key \"commands\" is missing");
  EXPECT_THAT(parse(R"({"id": "x", "commands": []})").error().message,
              testing::HasSubstr("at least one string"));
  EXPECT_FALSE(parse(R"({"id": "", "commands": ["x"]})"));
  EXPECT_FALSE(parse(R"({"id": ")" + std::string(1025, 'x') + R"(", "commands": ["x"]})"));
}

TEST(task_parser, what_is_no_json_is_refused) {
  for (const std::string line :
       {"{", "}", "[]", "\"x\"", "1", "null", "nonsense", R"({"id": "a", "commands": ["x"]} x)",
        R"({"id": "a", "commands": ["x"]}{})", R"({"id": "a", "commands": ["x"],})",
        R"({"id": "a" "commands": ["x"]})", R"({"id": "a", "commands": ["x"})",
        R"({"id": "a", "commands": ["x")", R"({id: "a", "commands": ["x"]})",
        "{\"id\": \"\xff\", \"commands\": [\"x\"]}", "{\"id\": \"a\nb\", \"commands\": [\"x\"]}",
        R"({"id": "a", "commands": ["x"], "retries": 1x})",
        R"({"id": "\ud800", "commands": ["x"]})",
        R"({"id": "a", "commands": ["x"], "continue_on_error": truest})"}) {
    const auto read = parse(line);
    EXPECT_FALSE(read) << line;
  }
}

TEST(task_parser, goes_on_after_a_bad_line) {
  task_parser parser;
  EXPECT_FALSE(parser.parse("{\"id\": [[[["));
  EXPECT_TRUE(parser.parse(R"({"id": "a", "commands": ["x"]})"));
}

TEST(task_parser, a_long_key_does_not_hide_the_message) {
  const auto read =
      parse(R"({"id": "a", "commands": ["x"], ")" + std::string(100'000, 'k') + R"(": 1})");
  ASSERT_FALSE(read);
  EXPECT_LT(read.error().message.size(), 300U);
}

} // namespace
} // namespace sandfleet::batch
