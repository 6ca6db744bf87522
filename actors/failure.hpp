#pragma once

#include "actors/caf.hpp"

#include <utility>
#include <vector>

namespace sandfleet::actors {

/// Who says that a request failed.
enum class failure_origin : std::uint8_t {
  peer,     ///< the actor asked, as its answer
  deadline, ///< nobody: the time given to the request is over
  down,     ///< nobody: the actor asked has died
};

struct failure {
  error what;
  failure_origin origin = failure_origin::peer;
};

/// Our errors as CAF's, which carry them unchanged, and back.
[[nodiscard]] caf::error to_caf(error what);
[[nodiscard]] failure from_caf(const caf::error& e);

/// The answer of an actor that dies owing one; received as `failure_origin::down`.
[[nodiscard]] caf::error owner_died();

/// Answers that are owed to somebody. CAF knows no broken promise, so the destructor says that the
/// owner died.
template <class T>
class owed {
 public:
  using promise = caf::typed_response_promise<T>;

  owed() = default;
  owed(owed&&) noexcept = default;
  owed& operator=(owed&&) noexcept = default;
  owed(const owed&) = delete;
  owed& operator=(const owed&) = delete;
  ~owed() {
    for (auto& p : std::exchange(promises_, {}))
      p.deliver(owner_died());
  }

  promise& add(promise p) { return promises_.emplace_back(std::move(p)); }

  [[nodiscard]] bool empty() const noexcept { return promises_.empty(); }

  void deliver(const T& value) {
    for (auto& p : std::exchange(promises_, {}))
      p.deliver(value);
  }

  void fail(const error& what) {
    for (auto& p : std::exchange(promises_, {}))
      p.deliver(to_caf(what));
  }

 private:
  std::vector<promise> promises_;
};

} // namespace sandfleet::actors
