#include "actors/turn_gate.hpp"

#include <utility>

namespace sandfleet::actors {

namespace {

constexpr std::uint64_t one_void_notice = std::uint64_t{1} << 32;

std::uint32_t counted(std::uint64_t word) {
  return static_cast<std::uint32_t>(word);
}

} // namespace

std::variant<token_ptr, waiter_ptr> turn_gate::enter() {
  if (counted(word_.fetch_add(1, std::memory_order_acquire)) == 0)
    return make_token();
  return std::make_shared<turn_waiter>(shared_from_this());
}

token_ptr turn_gate::make_token() {
  return {static_cast<void*>(this), [self = shared_from_this()](void*) { self->release(); }};
}

void turn_gate::release() {
  if (counted(word_.fetch_sub(1, std::memory_order_acq_rel)) == 1)
    return;
  const std::lock_guard lock(mutex_);
  if (listener_)
    listener_->turn_released();
  else
    ++untold_;
}

void turn_gate::withdraw() noexcept {
  auto word = word_.load();
  // The last one to leave frees the turn: the holder before it has counted on a successor.
  while (!word_.compare_exchange_weak(word,
                                      counted(word) == 1 ? word - 1 + one_void_notice : word - 1)) {
  }
}

bool turn_gate::confirm_release() noexcept {
  auto word = word_.load();
  while (word >= one_void_notice)
    if (word_.compare_exchange_weak(word, word - one_void_notice))
      return false;
  return true;
}

void turn_gate::listen(std::shared_ptr<listener> who) {
  const std::lock_guard lock(mutex_);
  listener_ = std::move(who);
  for (; untold_ > 0; --untold_)
    listener_->turn_released();
}

void turn_gate::forget() {
  const std::lock_guard lock(mutex_);
  listener_.reset();
}

turn_waiter::~turn_waiter() {
  if (!promoted_)
    gate_->withdraw();
}

token_ptr turn_waiter::promote() {
  promoted_ = true;
  return gate_->make_token();
}

} // namespace sandfleet::actors
