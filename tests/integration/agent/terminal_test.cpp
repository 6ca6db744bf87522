#include "runtime/protocol/terminal_api.hpp"
#include "tests/integration/agent/raw_websocket.hpp"

#include <gtest/gtest.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <unistd.h>

using namespace agent_test;
using namespace sandfleet;
using namespace sandfleet::protocol;

namespace {

agent_process& shared() {
  static agent_process one;
  return one;
}

/// A client of `GET /terminal` that keeps the rules.
class remote_terminal {
 public:
  explicit remote_terminal(const terminal_request& request, agent_process& agent = shared())
      : socket_(agent, agent.key_header()) {
    socket_.send(raw_websocket::text, encode_terminal_order(request));
  }

  void type(const std::string& text) { socket_.send(raw_websocket::binary, text); }
  void resize(window_size size) { socket_.send(raw_websocket::text, encode_terminal_order(size)); }
  raw_websocket& socket() { return socket_; }

  /// Reads until the terminal has shown the text; false at the end.
  bool shows(const std::string& text) {
    while (shown_.find(text) == std::string::npos)
      if (!more())
        return false;
    shown_.erase(0, shown_.find(text) + text.size());
    return true;
  }

  std::optional<terminal_exit> wait() {
    while (!exit_ && more()) {
    }
    return exit_;
  }

  std::optional<terminal_refused> refusal() {
    while (!refused_ && more()) {
    }
    return refused_;
  }

  [[nodiscard]] const std::string& shown() const { return shown_; }

  bool more() {
    const auto got = socket_.receive();
    if (got.opcode == raw_websocket::binary)
      shown_ += got.payload;
    if (got.opcode != raw_websocket::text)
      return got.opcode == raw_websocket::binary;
    const auto news = decode_terminal_news(got.payload).value();
    if (const auto* ended = std::get_if<terminal_exit>(&news))
      exit_ = *ended;
    if (const auto* refused = std::get_if<terminal_refused>(&news))
      refused_ = *refused;
    return true;
  }

 private:
  raw_websocket socket_;
  std::string shown_;
  std::optional<terminal_exit> exit_;
  std::optional<terminal_refused> refused_;
};

terminal_request shell(const std::string& text) {
  terminal_request request;
  request.argv = {"sh", "-c", text};
  return request;
}

/// The same, to be found by `processes_marked`.
terminal_request marked(const std::string& text, const std::string& mark) {
  auto request = shell(text);
  request.env = {{"SANDBOX_TEST", mark}};
  return request;
}

std::string mark_of(const char* name) {
  return std::string(name) + "-" + std::to_string(::getpid());
}

void expect_all_gone(const std::vector<pid_t>& pids) {
  EXPECT_FALSE(pids.empty());
  for (const auto pid : pids)
    EXPECT_TRUE(gone(pid, std::chrono::seconds(10))) << pid;
}

} // namespace

TEST(agent_terminal, a_program_has_a_terminal_of_the_size_that_was_asked_for) {
  auto request = shell("test -t 0 && test -t 1 && stty size && echo $TERM $A && pwd; exit 7");
  request.size = {31, 97};
  request.env = {{"A", "b"}};
  request.cwd = "/tmp";
  remote_terminal remote(request);
  EXPECT_EQ(remote.wait(), (terminal_exit{7, {}}));
  EXPECT_EQ(remote.shown(), "31 97\r\nxterm-256color b\r\n/tmp\r\n");
  EXPECT_EQ(remote.socket().close_code(), 1000);
}

TEST(agent_terminal, keys_go_in_and_signals_are_made_of_them) {
  terminal_request request;
  request.argv = {"cat"};
  remote_terminal remote(request);
  remote.type("words\n");
  ASSERT_TRUE(remote.shows("words\r\nwords\r\n")); // the echo, and what cat says
  remote.type("\x03");
  EXPECT_EQ(remote.wait(), (terminal_exit{{}, SIGINT}));
}

TEST(agent_terminal, a_new_size_is_told_to_the_program) {
  remote_terminal remote(shell("trap 'stty size' WINCH; echo ready; "
                               "while :; do sleep 1000 & wait; done"));
  ASSERT_TRUE(remote.shows("ready"));
  remote.resize({50, 160});
  EXPECT_TRUE(remote.shows("50 160"));
}

TEST(agent_terminal, the_shell_is_interactive_and_has_a_prompt) {
  remote_terminal remote({});
  ASSERT_TRUE(remote.shows(::geteuid() == 0 ? "# " : "$ "));
  remote.type("echo $((6 * 7)) $-\n");
  ASSERT_TRUE(remote.shows("42 "));
  EXPECT_TRUE(remote.shows("i"));
  remote.type("exit 5\n");
  EXPECT_EQ(remote.wait(), (terminal_exit{5, {}}));
}

TEST(agent_terminal, the_key_is_asked_for_like_everywhere) {
  raw_websocket without(shared(), "");
  EXPECT_EQ(without.status(), 403);
  raw_websocket wrong(shared(), "X-Session-API-Key: wrong\r\n");
  EXPECT_EQ(wrong.status(), 403);
}

TEST(agent_terminal, a_program_that_is_not_there_is_refused) {
  terminal_request request;
  request.argv = {"no-such-program"};
  remote_terminal named(request);
  const auto refusal = named.refusal();
  ASSERT_TRUE(refusal);
  EXPECT_EQ(refusal->status, 404);
  EXPECT_NE(refusal->detail.find("no-such-program"), std::string::npos);
  EXPECT_EQ(named.socket().close_code(), 1008);

  request.argv = {"/etc/passwd"};
  EXPECT_EQ(remote_terminal(request).refusal()->status, 403);
  request.argv = {"/no/such/program"};
  EXPECT_EQ(remote_terminal(request).refusal()->status, 404);
  auto elsewhere = shell("true");
  elsewhere.cwd = "/no/such/directory";
  EXPECT_EQ(remote_terminal(elsewhere).refusal()->status, 404);
}

TEST(agent_terminal, without_a_handshake_it_says_what_it_wants) {
  const auto got = shared().get("/terminal");
  EXPECT_EQ(got.status, 426);
  EXPECT_EQ(got.headers.at("upgrade"), "websocket");
  EXPECT_NE(got.body.find("WebSocket"), std::string::npos);
  EXPECT_EQ(shared().post("/terminal", "{}").status, 405);
}

TEST(agent_terminal, a_ping_is_answered) {
  remote_terminal remote(shell("echo ready; read x"));
  ASSERT_TRUE(remote.shows("ready"));
  remote.socket().send(raw_websocket::ping, "are you there");
  const auto got = remote.socket().receive();
  EXPECT_EQ(got.opcode, raw_websocket::pong);
  EXPECT_EQ(got.payload, "are you there");
}

TEST(agent_terminal, what_breaks_the_rules_is_closed_with_its_code) {
  const auto code_of = [](auto break_rules) {
    remote_terminal remote(shell("echo ready; sleep 1000"));
    EXPECT_TRUE(remote.shows("ready"));
    break_rules(remote.socket());
    return remote.socket().close_code();
  };
  using raw = raw_websocket;
  EXPECT_EQ(code_of([](raw& s) { s.send(raw::text, "no json"); }), 1007);
  EXPECT_EQ(code_of([](raw& s) { s.send(raw::text, R"({"type":"other"})"); }), 1007);
  EXPECT_EQ(code_of([](raw& s) { s.send(raw::text, R"({"type":"resize","rows":0,"columns":9})"); }),
            1007);
  EXPECT_EQ(code_of([](raw& s) { s.send(raw::text, "\xff\xfe"); }), 1007);
  EXPECT_EQ(code_of([](raw& s) { s.send(raw::text, R"({"type":"open"})"); }), 1008);
  EXPECT_EQ(code_of([](raw& s) { s.send(raw::binary, "x", false); }), 1002);
  EXPECT_EQ(code_of([](raw& s) { s.send(raw::binary | 0x40, "x"); }), 1002);
  EXPECT_EQ(code_of([](raw& s) {
              s.send(raw::binary, std::string(max_terminal_message_bytes + 1, 'x'));
            }),
            1009);
  EXPECT_EQ(code_of([](raw& s) { s.send(raw::close_frame, {"\x03\xe8", 2}); }), 1000);
}

TEST(agent_terminal, the_first_message_must_say_what_to_run) {
  for (const auto& [code, type, payload] :
       {std::tuple{1008, raw_websocket::binary, "ls\n"},
        std::tuple{1008, raw_websocket::text, R"({"type":"resize","rows":9,"columns":9})"},
        std::tuple{1007, raw_websocket::text, R"({"type":"open","argv":"ls"})"}}) {
    raw_websocket socket(shared(), shared().key_header());
    EXPECT_EQ(socket.status(), 101);
    socket.send(type, payload);
    EXPECT_EQ(socket.close_code(), code) << payload;
  }
}

TEST(agent_terminal, a_client_that_goes_ends_the_process_tree) {
  const auto mark = mark_of("terminal-leave");
  std::vector<pid_t> pids;
  {
    remote_terminal remote(
        marked("trap '' HUP; setsid sleep 1000 & nohup sleep 1000 & echo ready; sleep 1000", mark));
    ASSERT_TRUE(remote.shows("ready"));
    pids = processes_marked(mark);
  }
  expect_all_gone(pids);
}

TEST(agent_terminal, a_hang_up_leaves_a_moment_to_save_work) {
  const auto file = shared().workspace() + "/saved";
  const auto mark = mark_of("terminal-save");
  std::vector<pid_t> pids;
  {
    remote_terminal remote(
        marked("trap 'echo work > saved; exit' HUP; echo ready; read line", mark));
    ASSERT_TRUE(remote.shows("ready"));
    pids = processes_marked(mark);
  }
  expect_all_gone(pids);
  std::string saved;
  std::getline(std::ifstream(file), saved);
  EXPECT_EQ(saved, "work");
}

TEST(agent_terminal, a_client_that_goes_is_seen_behind_what_nobody_reads) {
  const auto mark = mark_of("terminal-deaf");
  std::vector<pid_t> pids;
  {
    remote_terminal remote(marked("stty -icanon -echo; echo ready; sleep 1000", mark));
    ASSERT_TRUE(remote.shows("ready"));
    for (int i = 0; i < 6; ++i)
      remote.type(std::string(30'000, 'x'));
    pids = processes_marked(mark);
  }
  expect_all_gone(pids);
}

TEST(agent_terminal, a_new_size_overtakes_what_nobody_reads_yet) {
  remote_terminal remote(shell("stty -icanon -echo; echo ready; "
                               "until test \"$(stty size)\" = '50 160'; do :; done; echo seen"));
  ASSERT_TRUE(remote.shows("ready"));
  remote.type(std::string(60'000, 'x'));
  remote.resize({50, 160});
  EXPECT_TRUE(remote.shows("seen"));
}

TEST(agent_terminal, much_output_arrives_whole_and_a_daemon_does_not_hold_the_end) {
  remote_terminal remote(
      shell("stty -opost; setsid sh -c 'echo daemon $$; sleep 1000' & seq 1 200000; echo the end"));
  EXPECT_EQ(remote.wait(), (terminal_exit{0, {}}));
  std::string expected;
  for (int i = 1; i <= 200'000; ++i)
    expected += std::to_string(i) + "\n";
  auto shown = remote.shown();
  const auto at = shown.find("daemon ");
  const auto end = at == std::string::npos ? at : shown.find('\n', at);
  if (end != std::string::npos) {
    ::kill(std::stoi(shown.substr(at + 7)), SIGKILL);
    shown.erase(at, end + 1 - at);
  }
  EXPECT_EQ(shown, expected + "the end\n");
}

TEST(agent_terminal, a_client_that_does_not_read_holds_the_program_up) {
  remote_terminal remote(
      shell("stty -opost; echo ready; while :; do echo x; echo x >> written; done"));
  ASSERT_TRUE(remote.shows("ready"));
  // Its file tells how far it came: in the end no further, for the buffers in between are bounded.
  const auto path = shared().workspace() + "/written";
  constexpr std::uintmax_t most = 8U << 20;
  std::uintmax_t before = 0;
  for (int still = 0; still < 20;) {
    (void)shared().run_action("true");
    std::error_code none_yet;
    const auto now = std::filesystem::file_size(path, none_yet);
    ASSERT_TRUE(none_yet || now < most) << "the program is not held up";
    still = !none_yet && now == before ? still + 1 : 0;
    before = now;
  }
}

TEST(agent_terminal, several_see_and_type_the_same_and_the_smallest_window_counts) {
  auto request = shell("echo ready; read line; echo got $line; read line; stty size; "
                       "read line; stty size; read line; exit 4");
  request.name = "shared";
  request.size = {40, 100};
  remote_terminal first(request);
  ASSERT_TRUE(first.shows("ready\r\n"));
  request.argv = {"no-such-program"}; // it joins, and starts none
  request.size = {30, 120};
  remote_terminal second(request);
  ASSERT_TRUE(second.shows("ready\r\n")); // what was shown before
  second.type("words\n");
  EXPECT_TRUE(first.shows("got words"));
  EXPECT_TRUE(second.shows("got words"));
  first.type("\n");
  EXPECT_TRUE(first.shows("30 100"));
  EXPECT_TRUE(second.shows("30 100"));
  second.resize({50, 90});
  second.type("\n");
  EXPECT_TRUE(first.shows("40 90"));
  second.type("\n");
  EXPECT_EQ(first.wait(), (terminal_exit{4, {}}));
  EXPECT_EQ(second.wait(), (terminal_exit{4, {}}));
  EXPECT_EQ(second.socket().close_code(), 1000);
}

TEST(agent_terminal, who_leaves_gives_the_others_their_window_back) {
  auto request = shell("trap 'stty size' WINCH; echo ready; while :; do sleep 1000 & wait; done");
  request.name = "windows";
  request.size = {40, 100};
  remote_terminal first(request);
  ASSERT_TRUE(first.shows("ready"));
  {
    request.size = {30, 120};
    const remote_terminal second(request);
    EXPECT_TRUE(first.shows("30 100"));
  }
  EXPECT_TRUE(first.shows("40 100"));
}

TEST(agent_terminal, the_last_who_leaves_ends_it) {
  const auto mark = mark_of("terminal-last");
  auto request = marked("echo ready; while read line; do echo got $line; done", mark);
  request.name = "last";
  std::vector<pid_t> pids;
  {
    std::optional<remote_terminal> first(std::in_place, request);
    ASSERT_TRUE(first->shows("ready"));
    remote_terminal second(request);
    ASSERT_TRUE(second.shows("ready"));
    first.reset();
    second.type("still\n");
    EXPECT_TRUE(second.shows("got still"));
    pids = processes_marked(mark);
  }
  expect_all_gone(pids);
  // The name is free again.
  remote_terminal again(request);
  EXPECT_TRUE(again.shows("ready"));
}

TEST(agent_terminal, one_who_breaks_the_rules_spoils_it_for_nobody_else) {
  auto request = shell("echo ready; read line; echo got $line");
  request.name = "spoiled";
  remote_terminal good(request);
  ASSERT_TRUE(good.shows("ready"));
  remote_terminal bad(request);
  ASSERT_TRUE(bad.shows("ready"));
  bad.socket().send(raw_websocket::text, "no json");
  EXPECT_EQ(bad.socket().close_code(), 1007);
  good.type("on\n");
  EXPECT_TRUE(good.shows("got on"));
}

TEST(agent_terminal, the_agents_end_is_told_and_ends_the_program) {
  agent_process agent;
  const auto mark = mark_of("terminal-stop");
  std::vector<pid_t> pids;
  {
    remote_terminal remote(marked("echo ready; sleep 1000", mark), agent);
    ASSERT_TRUE(remote.shows("ready"));
    pids = processes_marked(mark);
    agent.signal(SIGTERM);
    EXPECT_EQ(remote.socket().close_code(), 1001);
  }
  EXPECT_EQ(agent.wait(), 0);
  expect_all_gone(pids);
}

TEST(agent_terminal, the_end_of_another_program_spares_it) {
  remote_terminal remote(shell("echo ready; read line; echo alive"));
  ASSERT_TRUE(remote.shows("ready"));
  (void)shared().post("/exec", R"({"argv":["sleep","1000"],"timeout_s":0.05})");
  remote.type("\n");
  EXPECT_TRUE(remote.shows("alive"));
}
