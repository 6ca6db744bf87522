#include "sandbox_agent/server/action_jobs.hpp"

#include "runtime/protocol/action_codec.hpp"
#include "runtime/protocol/agent_api.hpp"
#include "sandbox_agent/server/linter.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include <algorithm>
#include <functional>
#include <utility>
#include <variant>

namespace sandfleet::agent {

namespace asio = boost::asio;

asio::awaitable<void> action_job::changed(std::uint64_t seen) {
  if (!done_ && seen >= output_end_)
    co_await news_.wait();
}

asio::awaitable<void> action_job::answered() {
  while (!done_)
    co_await news_.wait();
}

std::string action_job::take_output(std::uint64_t& seen, std::uint64_t& lost) const {
  const auto from = std::max(seen, output_end_ - output_.size());
  lost = from - seen;
  seen = output_end_;
  return output_.substr(output_.size() - static_cast<std::size_t>(output_end_ - from));
}

void action_job::printed(std::string_view bytes) {
  output_ += bytes;
  output_end_ += bytes.size();
  if (output_.size() > 2 * max_held_output)
    output_.erase(0, output_.size() - max_held_output);
  news_.ring();
}

void action_job::finish(int status, std::string body) {
  status_ = status;
  body_ = std::move(body);
  done_ = true;
  news_.ring();
}

action_jobs::action_jobs(asio::any_io_executor executor, sessions& shells,
                         files::file_actions& file_actions, const one_shot_settings* lint_with)
    : executor_(std::move(executor)), shells_(shells), file_actions_(file_actions),
      lint_with_(lint_with) {}

result<std::shared_ptr<action_job>> action_jobs::begin(std::string_view key,
                                                       std::string_view request,
                                                       protocol::action wanted, bool streams) {
  if (key.size() > max_key)
    return fail(make_error(errc::invalid_argument, "the idempotency key is too long")
                    .with("max_bytes", static_cast<std::int64_t>(max_key)));
  const auto hash = key.empty() ? 0 : std::hash<std::string_view>{}(request);
  if (const auto found = kept_.find(key); found != kept_.end()) {
    if (found->second.request_hash != hash)
      return fail(
          make_error(errc::invalid_argument, "the idempotency key was used for another action")
              .with_hint("use a key of its own for each action"));
    return found->second.job;
  }
  auto job = std::make_shared<action_job>(executor_, streams);
  if (!key.empty()) {
    kept_.emplace(key, kept_job{hash, job});
    kept_order_.emplace_back(key);
    forget_oldest();
  }
  asio::co_spawn(executor_, perform(job, std::move(wanted), !key.empty()), asio::detached);
  return job;
}

/// Those that are still under way stay.
void action_jobs::forget_oldest() {
  const auto answered = [this](const std::string& key) {
    return kept_.find(key)->second.job->done();
  };
  while (kept_order_.size() > max_kept || kept_bytes_ > max_kept_bytes) {
    const auto oldest = std::ranges::find_if(kept_order_, answered);
    if (oldest == kept_order_.end())
      return;
    const auto found = kept_.find(*oldest);
    kept_bytes_ -= found->second.job->held_bytes();
    kept_.erase(found);
    kept_order_.erase(oldest);
  }
}

std::shared_ptr<turn_queue> action_jobs::turns_of(const session_name& session) {
  std::erase_if(turns_, [](const auto& entry) { return entry.second.expired(); });
  auto& held = turns_[session];
  auto turns = held.lock();
  if (!turns) {
    turns = std::make_shared<turn_queue>(executor_);
    held = turns;
  }
  return turns;
}

asio::awaitable<protocol::observation> action_jobs::run(protocol::run_action wanted,
                                                        std::shared_ptr<action_job> job) {
  auto session = co_await shells_.get(session_name(wanted.session_id));
  if (!session)
    co_return protocol::error_observation{session.error().to_string(), ""};
  output_watcher watcher;
  if (job->streams())
    watcher = [job](std::string_view bytes) { job->printed(bytes); };
  auto outcome = co_await (*session)->run(std::move(wanted), std::move(watcher));
  if (auto* ran = std::get_if<protocol::run_observation>(&outcome))
    co_return std::move(*ran);
  co_return std::get<protocol::error_observation>(std::move(outcome));
}

asio::awaitable<result<protocol::observation>> action_jobs::act(protocol::action wanted,
                                                                std::shared_ptr<action_job> job) {
  if (auto* command = std::get_if<protocol::run_action>(&wanted))
    co_return co_await run(std::move(*command), std::move(job));
  if (const auto* read = std::get_if<protocol::read_action>(&wanted))
    co_return file_actions_.read(*read, shells_.working_dir(session_name(read->session_id)));
  if (const auto* write = std::get_if<protocol::write_action>(&wanted))
    co_return file_actions_.write(*write, shells_.working_dir(session_name(write->session_id)));
  auto done = file_actions_.edit(std::get<protocol::edit_action>(wanted));
  if (lint_with_ && done.change) {
    const auto at = done.change->lint_at;
    const auto said = co_await lint_change(std::move(*done.change), *lint_with_);
    if (said)
      done.seen.content.insert(at, "\n" + *said + "\n");
  }
  co_return std::move(done.seen);
}

asio::awaitable<void> action_jobs::perform(std::shared_ptr<action_job> job, protocol::action wanted,
                                           bool kept) {
  const auto name = std::visit([](const auto& any) { return any.session_id; }, wanted);
  const auto turns = turns_of(session_name(name));
  const auto turn = co_await turns->take();
  const auto outcome = co_await act(std::move(wanted), job);
  if (outcome)
    job->finish(200, protocol::encode(*outcome));
  else
    job->finish(500, protocol::encode_detail("Internal server error: " + outcome.error().message));
  if (!kept)
    co_return;
  kept_bytes_ += job->held_bytes();
  forget_oldest();
}

} // namespace sandfleet::agent
