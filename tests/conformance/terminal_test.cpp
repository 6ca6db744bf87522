#include "tests/support/engine_fixture.hpp"

#include <csignal>

namespace sandfleet::tests {
namespace {

class engine_terminal : public engine_fixture {
 protected:
  terminal open(sandbox& box, const std::string& script, window_size size = {}) {
    terminal_request request;
    request.argv = {"sh", "-c", script};
    request.size = size;
    auto made = wait_for(box.open_terminal(std::move(request)));
    if (!made)
      throw std::runtime_error(made.error().to_string());
    return *made;
  }

  /// Reads until the text was shown, or to the end.
  std::string read_until(terminal& from, const std::string& text) {
    std::string shown;
    while (shown.find(text) == std::string::npos) {
      const auto piece = wait_for(from.read());
      if (!piece || piece->empty())
        return shown + (piece ? "" : " [" + piece.error().to_string() + "]");
      shown += *piece;
    }
    return shown;
  }
};

TEST_F(engine_terminal, types_shows_resizes_and_tells_the_end) {
  auto box = start();
  auto remote =
      open(box, "stty size; read line; echo got $line; read x; stty size; exit 9", {33, 99});
  EXPECT_NE(read_until(remote, "33 99\r\n").find("33 99"), std::string::npos);
  ASSERT_TRUE(wait_for(remote.write("hello\n")));
  EXPECT_NE(read_until(remote, "got hello\r\n").find("got hello"), std::string::npos);
  ASSERT_TRUE(wait_for(remote.resize({44, 111})));
  ASSERT_TRUE(wait_for(remote.write("\n")));
  EXPECT_NE(read_until(remote, "44 111\r\n").find("44 111"), std::string::npos);
  while (!wait_for(remote.read())->empty()) {
  }
  EXPECT_EQ(remote.ended(), (terminal_exit{9, {}}));
}

TEST_F(engine_terminal, long_input_is_typed_in_pieces) {
  auto box = start();
  auto remote = open(box, "stty -icanon -echo; echo ready; head -c 300000 | wc -c");
  read_until(remote, "ready");
  ASSERT_TRUE(wait_for(remote.write(std::string(300'000, 'x'))));
  EXPECT_NE(read_until(remote, "300000").find("300000"), std::string::npos);
}

TEST_F(engine_terminal, what_cannot_be_started_is_an_error_with_its_reason) {
  auto box = start();
  terminal_request request;
  request.argv = {"no-such-program"};
  const auto made = wait_for(box.open_terminal(std::move(request)));
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code, errc::not_found);
}

TEST_F(engine_terminal, the_end_of_the_sandbox_is_the_verdict) {
  auto box = start();
  auto remote = open(box, "echo ready; sleep 1000");
  read_until(remote, "ready");
  ASSERT_TRUE(wait_for(box.stop()));
  const auto piece = wait_for(remote.read());
  ASSERT_FALSE(piece);
  EXPECT_EQ(piece.error().code, errc::sandbox_lost) << piece.error().to_string();
}

TEST_F(engine_terminal, hanging_up_ends_what_is_awaited_and_the_program) {
  auto box = start();
  auto remote = open(box, "echo $$ > /tmp/pid; echo ready; sleep 1000");
  read_until(remote, "ready");
  auto waiting = boost::asio::co_spawn(engine_->executor(), remote.read(), boost::asio::use_future);
  remote.hang_up();
  EXPECT_EQ(waiting.get().error().code, errc::cancelled);
  const auto gone = run(box, "while kill -0 $(cat /tmp/pid) 2>/dev/null; do :; done; echo gone");
  EXPECT_EQ(gone->output, "gone\n");
}

TEST_F(engine_terminal, an_engine_closes_while_terminals_are_open) {
  auto box = start();
  auto remote = open(box, "echo ready; sleep 1000");
  read_until(remote, "ready");
  auto waiting = boost::asio::co_spawn(engine_->executor(), remote.read(), boost::asio::use_future);
  const auto begun = std::chrono::steady_clock::now();
  engine_.reset();
  EXPECT_FALSE(waiting.get());
  EXPECT_LT(std::chrono::steady_clock::now() - begun, std::chrono::seconds(4));
}

} // namespace
} // namespace sandfleet::tests
