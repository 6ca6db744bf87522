#include "actors/turn_board.hpp"
#include "actors/turn_gate.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <deque>
#include <memory>
#include <mutex>
#include <random>
#include <thread>
#include <variant>
#include <vector>

namespace sandfleet::actors {
namespace {

struct counting_listener final : turn_gate::listener {
  void turn_released() override { ++releases; }
  int releases = 0;
};

token_ptr take(const std::shared_ptr<turn_gate>& gate) {
  auto entered = gate->enter();
  auto* token = std::get_if<token_ptr>(&entered);
  return token ? std::move(*token) : nullptr;
}

waiter_ptr line_up(const std::shared_ptr<turn_gate>& gate) {
  auto entered = gate->enter();
  auto* place = std::get_if<waiter_ptr>(&entered);
  return place ? std::move(*place) : nullptr;
}

TEST(turn_gate, an_uncontended_turn_tells_nobody) {
  auto gate = std::make_shared<turn_gate>();
  auto ear = std::make_shared<counting_listener>();
  gate->listen(ear);
  for (int i = 0; i < 3; ++i) {
    auto token = take(gate);
    ASSERT_TRUE(token);
  }
  EXPECT_EQ(ear->releases, 0);
}

TEST(turn_gate, a_release_with_somebody_in_line_is_told_once) {
  auto gate = std::make_shared<turn_gate>();
  auto ear = std::make_shared<counting_listener>();
  gate->listen(ear);
  auto token = take(gate);
  auto place = line_up(gate);
  ASSERT_TRUE(place);
  token.reset();
  EXPECT_EQ(ear->releases, 1);
  EXPECT_TRUE(gate->confirm_release());
  token = place->promote();
  place.reset();
  EXPECT_FALSE(take(gate)) << "the promoted waiter holds the turn";
}

TEST(turn_gate, a_release_before_there_is_a_listener_is_told_later) {
  auto gate = std::make_shared<turn_gate>();
  auto token = take(gate);
  auto place = line_up(gate);
  token.reset();
  auto ear = std::make_shared<counting_listener>();
  gate->listen(ear);
  EXPECT_EQ(ear->releases, 1);
}

TEST(turn_gate, newcomers_cannot_overtake_one_who_waits) {
  auto gate = std::make_shared<turn_gate>();
  auto token = take(gate);
  auto place = line_up(gate);
  token.reset();
  EXPECT_FALSE(take(gate));
}

TEST(turn_gate, a_waiter_that_leaves_while_the_turn_is_held_changes_nothing) {
  auto gate = std::make_shared<turn_gate>();
  auto ear = std::make_shared<counting_listener>();
  gate->listen(ear);
  auto token = take(gate);
  line_up(gate).reset();
  token.reset();
  EXPECT_EQ(ear->releases, 0);
  EXPECT_TRUE(take(gate));
}

TEST(turn_gate, the_notice_of_a_release_is_void_when_all_waiters_left_after_it) {
  auto gate = std::make_shared<turn_gate>();
  auto token = take(gate);
  auto place = line_up(gate);
  token.reset(); // told
  place.reset(); // and gone: the turn is free
  auto other = take(gate);
  ASSERT_TRUE(other);
  auto next = line_up(gate);
  EXPECT_FALSE(gate->confirm_release()) << "`other` holds the turn";
  other.reset();
  EXPECT_TRUE(gate->confirm_release());
}

TEST(turn_board, finds_one_gate_for_one_session_of_an_open_sandbox) {
  turn_board board;
  const sandbox_id id("sb-1");
  EXPECT_EQ(board.find(id, session_name("default")), nullptr);
  board.open(id);
  const auto gate = board.find(id, session_name("default"));
  EXPECT_NE(gate, nullptr);
  EXPECT_EQ(board.find(id, session_name("default")), gate);
  EXPECT_NE(board.find(id, session_name("other")), gate);
  board.close(id);
  EXPECT_EQ(board.find(id, session_name("default")), nullptr);
}

/// Stands for the session's actor: one line, one lock.
class locked_line final : public turn_gate::listener {
 public:
  explicit locked_line(std::shared_ptr<turn_gate> gate) : gate_(std::move(gate)) {}

  void turn_released() override {
    const std::lock_guard lock(mutex_);
    ++notices_;
    work();
  }

  struct waiting {
    waiter_ptr place;
    std::shared_ptr<std::atomic<bool>> granted;
    token_ptr* slot;
  };

  void push(waiting one) {
    const std::lock_guard lock(mutex_);
    line_.push_back(std::move(one));
    work();
  }

  /// False when the turn had been granted already.
  bool leave(const std::shared_ptr<std::atomic<bool>>& who) {
    const std::lock_guard lock(mutex_);
    return std::erase_if(line_, [&](const waiting& w) { return w.granted == who; }) > 0;
  }

 private:
  void work() {
    while (notices_ > 0 && !line_.empty()) {
      --notices_;
      if (!gate_->confirm_release())
        continue;
      auto first = std::move(line_.front());
      line_.pop_front();
      *first.slot = first.place->promote();
      first.granted->store(true);
      first.granted->notify_one();
    }
  }

  std::shared_ptr<turn_gate> gate_;
  std::mutex mutex_;
  std::deque<waiting> line_;
  int notices_ = 0;
};

TEST(turn_gate, under_contention_with_leavers_one_at_a_time_holds_it_and_nobody_is_forgotten) {
  auto gate = std::make_shared<turn_gate>();
  auto line = std::make_shared<locked_line>(gate);
  gate->listen(line);
  std::atomic<int> inside{0};
  std::atomic<int> most{0};
  std::atomic<int> held{0};
  std::vector<std::thread> threads;
  for (unsigned t = 0; t < 4; ++t)
    threads.emplace_back([&, t] {
      std::minstd_rand random(t + 1);
      for (int i = 0; i < 10'000; ++i) {
        auto entered = gate->enter();
        token_ptr token;
        if (auto* mine = std::get_if<token_ptr>(&entered)) {
          token = std::move(*mine);
        } else {
          auto granted = std::make_shared<std::atomic<bool>>(false);
          line->push({std::move(std::get<waiter_ptr>(entered)), granted, &token});
          const bool impatient = random() % 4 == 0;
          if (!(impatient && line->leave(granted)))
            granted->wait(false);
        }
        if (!token)
          continue;
        most = std::max(most.load(), ++inside);
        ++held;
        --inside;
      }
    });
  for (auto& one : threads)
    one.join();
  EXPECT_EQ(most, 1);
  EXPECT_GT(held, 10'000);
  EXPECT_TRUE(take(gate)) << "the turn is free in the end";
  gate->forget();
}

} // namespace
} // namespace sandfleet::actors
