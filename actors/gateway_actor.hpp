#pragma once

#include "actors/protocols.hpp"
#include "actors/reply.hpp"

#include <functional>
#include <unordered_map>

namespace sandfleet::actors {

class gateway_state {
 public:
  static inline const char* name = "gateway";

  gateway_state() = default;
  gateway_state(const gateway_state&) = delete;
  gateway_state& operator=(const gateway_state&) = delete;
  ~gateway_state();

  void begin(gateway_actor::pointer self, supervisor_actor supervisor);

  template <class T, class... Ts>
  void forward(caf::timespan deadline, std::shared_ptr<reply<T>> to, Ts&&... message);

  /// For what is answered by a mere `ok`.
  template <class... Ts>
  void forward_done(caf::timespan deadline, const done_reply& to, Ts&&... message);

  void shutdown(const done_reply& to);

  [[nodiscard]] const supervisor_actor& supervisor() const { return supervisor_; }

 private:
  gateway_actor::pointer self_ = nullptr;
  supervisor_actor supervisor_;
  /// How to answer what is open, because CAF drops response handlers of a dead actor late.
  std::unordered_map<std::uint64_t, std::function<void()>> open_;
  std::uint64_t last_id_ = 0;
};

gateway_actor::behavior_type gateway_behavior(gateway_actor::stateful_pointer<gateway_state> self,
                                              supervisor_actor supervisor);

} // namespace sandfleet::actors
