#include "tests/integration/cli/program.hpp"
#include "tests/support/user_terminal.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <sys/wait.h>
#include <unistd.h>

namespace sandfleet::test {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsSupersetOf;
using testing::Not;
using testing::StartsWith;

std::string bin() {
  return std::getenv("SANDFLEET_BIN");
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);)
    lines.push_back(line);
  return lines;
}

/// Runs a text by a shell; its standard output, and its status.
std::pair<std::string, int> run_by(const std::string& shell, const std::string& text) {
  const scratch_directory place;
  const auto script = place.path() + "/script";
  std::ofstream(script) << text;
  const auto command = "PATH='" + bin() + "':$PATH " + shell + " '" + script + "' </dev/null 2>'" +
                       place.path() + "/err'";
  FILE* pipe = ::popen(command.c_str(), "re");
  std::string out;
  char piece[4096];
  for (std::size_t count = 0; (count = std::fread(piece, 1, sizeof piece, pipe)) > 0;)
    out.append(piece, count);
  const int status = ::pclose(pipe);
  std::ifstream errors(place.path() + "/err");
  std::stringstream said;
  said << errors.rdbuf();
  EXPECT_EQ(said.str(), "") << text;
  return {out, WEXITSTATUS(status)};
}

bool installed(const char* program) {
  return std::system(("command -v " + std::string(program) + " >/dev/null").c_str()) == 0;
}

/// What bash offers for a line, the cursor at its end.
std::vector<std::string> bash_offers(const std::string& words, const std::string& before = {}) {
  // As readline would break it: at blanks, and at = and : apart.
  const auto [out, status] = run_by("bash", before + R"(
source <(sandfleet completion bash)
complete -p sandfleet >/dev/null || exit 3
COMP_LINE=)" + "'" + words + "'" + R"(
COMP_POINT=${#COMP_LINE}
COMP_WORDS=()
rest=$COMP_LINE
while [[ -n $rest ]]; do
  [[ $rest =~ ^[[:space:]]+ ]] && rest=${rest:${#BASH_REMATCH[0]}}
  [[ $rest =~ ^([=:]+|[^[:space:]=:]+) ]] || break
  COMP_WORDS+=("${BASH_REMATCH[0]}")
  rest=${rest:${#BASH_REMATCH[0]}}
done
[[ $COMP_LINE == *[[:space:]] ]] && COMP_WORDS+=('')
COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
_sandfleet 2>/dev/null
((${#COMPREPLY[@]} == 0)) || printf '%s\n' "${COMPREPLY[@]}"
)");
  EXPECT_EQ(status, 0);
  auto offered = lines_of(out);
  std::ranges::sort(offered);
  return offered;
}

TEST(completion, bash_offers_commands_and_flags) {
  EXPECT_THAT(bash_offers("sandfleet sh"), ElementsAre("shell"));
  EXPECT_THAT(bash_offers("sandfleet "), IsSupersetOf({"run", "batch", "ps", "completion"}));
  EXPECT_THAT(bash_offers("sandfleet "), Not(Contains("__complete")));
  EXPECT_THAT(bash_offers("sandfleet run --mem"), ElementsAre("--memory"));
  EXPECT_THAT(bash_offers("sandfleet run --conf"), ElementsAre("--config"));
  EXPECT_THAT(bash_offers("sandfleet completion "), ElementsAre("bash", "fish", "zsh"));
}

TEST(completion, bash_offers_values_of_flags_and_settings) {
  EXPECT_THAT(bash_offers("sandfleet run --network "), ElementsAre("bridge", "host", "none"));
  EXPECT_THAT(bash_offers("sandfleet run --network=ho"), ElementsAre("host"));
  EXPECT_THAT(bash_offers("sandfleet --set log_le"), ElementsAre("log_level="));
  EXPECT_THAT(bash_offers("sandfleet --set log_level=warn"), ElementsAre("warning"));
}

TEST(completion, bash_offers_files_where_files_stand) {
  const scratch_directory place;
  std::ofstream(place.path() + "/tasks one.jsonl").put('\n');
  const auto there = "cd '" + place.path() + "'";
  EXPECT_THAT(bash_offers("sandfleet batch ta", there), ElementsAre("tasks one.jsonl"));
  EXPECT_THAT(bash_offers("sandfleet batch x -o ta", there), ElementsAre("tasks one.jsonl"));
  EXPECT_THAT(bash_offers("sandfleet --config=ta", there), ElementsAre("tasks one.jsonl"));
  EXPECT_THAT(bash_offers("sandfleet run -- cat ta", there), ElementsAre("tasks one.jsonl"));
  EXPECT_THAT(bash_offers("sandfleet run -- sandfleet-lau"), ElementsAre("sandfleet-launcher"));
}

TEST(completion, bash_offers_ids_and_names_of_kept_sandboxes) {
  const scratch_directory state;
  surroundings around;
  around.environment["SANDFLEET_STATE_DIR"] = state.path();
  const auto made = run_sandfleet({"run", "--rm=false", "--name", "pet"}, around);
  ASSERT_EQ(made.status, 0) << made.err;
  const auto ids = lines_of(run_sandfleet({"ps", "--quiet"}, around).out);
  ASSERT_EQ(ids.size(), 1U);
  const auto here = "export SANDFLEET_STATE_DIR='" + state.path() + "'";
  for (const char* command : {"exec", "shell", "stop"}) {
    EXPECT_THAT(bash_offers(std::string("sandfleet ") + command + " pe", here), ElementsAre("pet"));
    EXPECT_THAT(bash_offers(std::string("sandfleet ") + command + " ", here),
                IsSupersetOf({ids.front(), std::string("pet")}));
  }
  EXPECT_EQ(run_sandfleet({"stop", "--all"}, around).status, 0);
}

TEST(completion, a_user_of_bash_types_and_presses_tab) {
  user_terminal user({"/bin/bash", "--norc", "--noprofile", "-i"},
                     {{"PATH", bin() + ":/usr/bin:/bin"}, {"TERM", "dumb"}, {"PS1", "> "}});
  ASSERT_TRUE(user.shows("> "));
  user.type("source <(sandfleet completion bash)\r");
  ASSERT_TRUE(user.shows("\n"));
  ASSERT_TRUE(user.shows("> "));
  user.type("echo sandfleet; sandfleet doc\t--help >/dev/null && echo complete\r");
  EXPECT_TRUE(user.shows("doctor --help"));
  EXPECT_TRUE(user.shows("\ncomplete\r\n"));
}

TEST(completion, zsh_and_fish_take_their_scripts) {
  EXPECT_THAT(run_sandfleet({"completion", "zsh"}).out, StartsWith("#compdef sandfleet"));
  EXPECT_THAT(run_sandfleet({"completion", "fish"}).out, HasSubstr("complete -c sandfleet"));
  const auto wrong = run_sandfleet({"completion", "csh"});
  EXPECT_EQ(wrong.status, 125);
  EXPECT_THAT(wrong.err, HasSubstr("csh"));
  if (!installed("zsh") && !installed("fish"))
    GTEST_SKIP() << "neither zsh nor fish is installed";
  if (installed("zsh")) {
    EXPECT_EQ(run_by("zsh -f", "autoload -U compinit; compinit -D\nsource <(sandfleet completion "
                               "zsh)\n[[ ${_comps[sandfleet]} == _sandfleet ]]")
                  .second,
              0);
  }
  if (installed("fish")) {
    const auto offered =
        run_by("fish --no-config",
               "sandfleet completion fish | source\ncomplete -C 'sandfleet completion '");
    EXPECT_THAT(lines_of(offered.first), IsSupersetOf({"bash", "fish", "zsh"}));
  }
}

TEST(manual, is_generated_whole_and_without_a_warning) {
  const auto page = run_sandfleet({"manual"});
  EXPECT_EQ(page.status, 0);
  for (const char* part : {".TH SANDFLEET 1", ".SH NAME", ".SH SYNOPSIS", "sandfleet shell",
                           "SANDFLEET_MEMORY_MB", ".SH EXIT STATUS", "\\-\\-json\\-logs"})
    EXPECT_THAT(page.out, HasSubstr(part));
  EXPECT_THAT(page.out, Not(HasSubstr("__complete")));
  if (!installed("man") && !installed("mandoc"))
    GTEST_SKIP() << "neither man nor mandoc is installed";
  const scratch_directory place;
  const auto file = place.path() + "/sandfleet.1";
  std::ofstream(file) << page.out;
  if (installed("man")) {
    EXPECT_EQ(run_by("bash", "LC_ALL=C.UTF-8 MANROFFSEQ= man --warnings -E UTF-8 -l -Tutf8 -Z '" +
                                 file + "' >/dev/null")
                  .second,
              0);
  }
  if (installed("mandoc")) {
    EXPECT_EQ(run_by("bash", "mandoc -T lint -W warning '" + file + "'").second, 0);
  }
}

} // namespace
} // namespace sandfleet::test
