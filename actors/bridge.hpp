#pragma once

#include "actors/failure.hpp"
#include "runtime/transport/op.hpp"

#include <cstdint>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <utility>

namespace sandfleet::actors {

/// All that Asio work knows of the port that began it. Once it is closed, completions are dropped,
/// so work that outlives the actors touches nothing of theirs.
template <class Port>
class port_link {
 public:
  explicit port_link(Port owner) : owner_(std::move(owner)) {}

  void complete(std::uint64_t op_id, caf::message outcome) {
    const std::lock_guard lock(mutex_);
    if (owner_)
      caf::anon_send(owner_, op_done_atom_v, op_id, std::move(outcome));
  }

  void close() {
    const std::lock_guard lock(mutex_);
    owner_ = nullptr;
  }

 private:
  std::mutex mutex_;
  Port owner_;
};

/// The Asio work of a port, by number. Lives in the port's state: its destructor asks all work to
/// stop and lets the owners of unfinished work be told (`Owner`'s destructor does that).
template <class Port, class Owner>
class work_table {
 public:
  explicit work_table(Port self) : link_(std::make_shared<port_link<Port>>(std::move(self))) {}
  work_table(const work_table&) = delete;
  work_table& operator=(const work_table&) = delete;
  ~work_table() {
    link_->close();
    for (auto& [id, one] : entries_)
      one.work.cancel();
  }

  /// Runs `work` and files it under the number that is returned. The outcome comes back to the port
  /// as one message: `T`, or our error.
  template <class T>
  std::uint64_t begin(const boost::asio::any_io_executor& io,
                      boost::asio::awaitable<result<T>> work, Owner owner) {
    const auto id = ++last_id_;
    auto started = transport::op::start(io, std::move(work), [link = link_, id](result<T> outcome) {
      if (outcome)
        link->complete(id, caf::make_message(std::move(*outcome)));
      else
        link->complete(id, caf::make_message(std::move(outcome.error())));
    });
    entries_.emplace(id, entry{std::move(started), std::move(owner)});
    return id;
  }

  void cancel(std::uint64_t id) const {
    if (const auto found = entries_.find(id); found != entries_.end())
      found->second.work.cancel();
  }

  /// Takes the owner of finished work out.
  Owner finish(std::uint64_t id) {
    auto node = entries_.extract(id);
    return std::move(node.mapped().owner);
  }

  [[nodiscard]] bool contains(std::uint64_t id) const { return entries_.contains(id); }

 private:
  struct entry {
    transport::op work;
    Owner owner;
  };

  std::shared_ptr<port_link<Port>> link_;
  std::unordered_map<std::uint64_t, entry> entries_;
  std::uint64_t last_id_ = 0;
};

/// A promise that receives the outcome of one piece of work, whatever its type is. Its destructor
/// answers when nobody else did.
class owed_outcome {
 public:
  explicit owed_outcome(caf::response_promise promise) : promise_(std::move(promise)) {}
  owed_outcome(owed_outcome&& other) noexcept
      : promise_(std::exchange(other.promise_, caf::response_promise{})) {}
  owed_outcome& operator=(owed_outcome&&) = delete;
  ~owed_outcome() {
    if (promise_.pending())
      promise_.deliver(owner_died());
  }

  void deliver(const caf::message& outcome) {
    if (outcome.match_elements<error>())
      promise_.deliver(to_caf(outcome.get_as<error>(0)));
    else
      promise_.deliver(outcome);
    promise_ = caf::response_promise{};
  }

 private:
  caf::response_promise promise_;
};

} // namespace sandfleet::actors
