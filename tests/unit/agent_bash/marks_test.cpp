#include "sandbox_agent/bash/marks.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace sandfleet::agent {
namespace {

/// What a splitter gave, adjoining output joined.
struct record final : mark_sink {
  void on_output(std::string_view bytes) override {
    if (events.empty() || events.back().second)
      events.emplace_back(std::string(), std::nullopt);
    events.back().first += bytes;
  }
  void on_mark(const mark& seen) override { events.emplace_back(std::string(), seen); }

  std::vector<std::pair<std::string, std::optional<mark>>> events;
};

std::string sequence(const std::string& body, const std::string& nonce = "secret") {
  return "\x1b]6973;" + nonce + ';' + body + '\a';
}

auto split(const std::vector<std::string>& pieces) {
  record seen;
  mark_splitter splitter("secret");
  for (const auto& piece : pieces)
    splitter.feed(piece, seen);
  return seen.events;
}

prompt_mark prompt(int code) {
  prompt_mark out;
  out.exit_code = code;
  out.job_pid = 42;
  out.username = "me";
  out.hostname = "box";
  out.working_dir = "/a b;c\n'";
  out.path = "/bin";
  out.command = 3;
  out.options = "himBHs";
  out.shell_pid = 99;
  return out;
}

const std::string full_prompt = sequence(R"(P;7;42;3;himBHs;99;me;box;$'/a b;c\n\'';'/bin')");

TEST(marks, a_stream_cut_at_any_byte_gives_the_same) {
  const auto stream = "one" + sequence("S;2") + "\x1b[mtwo\x1b" + full_prompt + "three" +
                      sequence("S;1", "wrong") + sequence("C;3") + sequence("P;x;1") + "end";
  const auto whole = split({stream});
  ASSERT_EQ(whole.size(), 7U);
  EXPECT_EQ(whole[0].first, "one");
  EXPECT_EQ(whole[1].second, mark(start_mark{}));
  EXPECT_EQ(whole[2].first, "\x1b[mtwo\x1b");
  EXPECT_EQ(whole[3].second, mark(prompt(7)));
  EXPECT_EQ(whole[4].first, "three" + sequence("S;1", "wrong"));
  EXPECT_EQ(whole[5].second, mark(more_mark{}));
  EXPECT_EQ(whole[6].first, sequence("P;x;1") + "end");
  std::vector<std::string> bytes;
  for (std::size_t cut = 0; cut <= stream.size(); ++cut) {
    EXPECT_EQ(split({stream.substr(0, cut), stream.substr(cut)}), whole) << cut;
    if (cut < stream.size())
      bytes.emplace_back(1, stream[cut]);
  }
  EXPECT_EQ(split(bytes), whole);
}

TEST(marks, the_unexpanded_prompts_are_none) {
  for (const char* body :
       {"P;$?;${!-};\\#;$-;$$;\\u;\\h;${PWD+${PWD@Q}};${PATH+${PATH@Q}}", "S;\\#", "C;\\#",
        "p;$?;${!-}", "S", "C;", "P", "P;1", "P;1;2;3;s;4;u;h;'/a", "O;", "p;1;2;3",
        "P;1;;2;s;4;u;h;'/a';'/b';", "P;;;1;s;4;u;h;;", "P;1;;2;s;;u;h;;", "X;1", ""})
    EXPECT_FALSE(parse_mark(body) && std::string(body) != "O;") << body;
  EXPECT_EQ(split({sequence("S;\\#")}).at(0).first, sequence("S;\\#"));
}

TEST(marks, unset_variables_are_told_from_empty_ones) {
  const auto seen = parse_mark("P;0;;1;s;4;u;h;;''");
  ASSERT_TRUE(seen);
  const auto& fields = std::get<prompt_mark>(*seen);
  EXPECT_EQ(fields.job_pid, -1);
  EXPECT_FALSE(fields.working_dir);
  EXPECT_EQ(fields.path, "");
}

TEST(marks, a_plain_shell_tells_status_and_job_alone) {
  EXPECT_EQ(parse_mark("O"), mark(plain_shell_mark{}));
  const auto seen = parse_mark("p;130;9");
  ASSERT_TRUE(seen);
  EXPECT_EQ(std::get<prompt_mark>(*seen).exit_code, 130);
  EXPECT_EQ(std::get<prompt_mark>(*seen).job_pid, 9);
}

TEST(marks, a_control_byte_inside_makes_it_output) {
  for (const char* byte : {"\n", "\r", "\t", "\x1b", "\b"}) {
    const auto broken = std::string("\x1b]6973;secret;S;") + byte + "1\a";
    const auto seen = split({broken, full_prompt});
    ASSERT_EQ(seen.size(), 2U);
    EXPECT_EQ(seen[0].first, broken);
    EXPECT_TRUE(seen[1].second);
  }
}

TEST(marks, a_mark_without_end_is_held_back_up_to_a_bound) {
  const std::string begin = "\x1b]6973;secret;";
  EXPECT_TRUE(split({begin + std::string(1000, 'x')}).empty());
  const std::string endless(mark_splitter::body_limit + 1, 'x');
  const auto seen = split({begin, endless, "tail", full_prompt});
  ASSERT_EQ(seen.size(), 2U);
  EXPECT_EQ(seen[0].first, begin + endless + "tail");
}

} // namespace
} // namespace sandfleet::agent
