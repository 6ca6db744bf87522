#include "runtime/engine/sandbox_impl.hpp"
#include "runtime/engine/terminal_impl.hpp"
#include "runtime/engine/workspace.hpp"

#include <sandfleet/sandbox.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/strand.hpp>

namespace sandfleet {

namespace asio = boost::asio;
using engine_detail::agent_client;
using engine_detail::guarded;
using impl_ptr = std::shared_ptr<sandbox::impl>;

namespace {

/// How long a command may wait for those before it in its session.
constexpr std::chrono::hours turn_timeout{24};

/// More goes piece by piece.
constexpr std::size_t most_stdin_at_once = 1U << 20;

/// Attempts of one call over successive routes of a sandbox that was resumed in between.
constexpr int max_route_attempts = 3;

error closed_error() {
  return make_error(errc::shutting_down, "the engine of this sandbox has been closed");
}

/// True for failures that say something about the sandbox or the way to it, not about the request.
bool asks_for_inquest(const error& failure) {
  return failure.code == errc::connection_failed || failure.code == errc::protocol_error ||
         (failure.code == errc::timed_out && failure.blame == failure_class::infrastructure);
}

/// True when the agent cannot have seen the request.
bool never_sent(const error& failure) {
  for (const auto& [name, value] : failure.evidence)
    if (name == "connected")
      return value == evidence_value{std::int64_t{0}};
  return false;
}

enum class repeatable { no, yes };

/// Makes `call` with the current client. When the connection fails, the control plane finds out
/// what became of the sandbox: the caller gets its verdict, or the call is made again where that is
/// safe.
template <class T, class Call>
asio::awaitable<result<T>> with_agent(impl_ptr self, repeatable again, Call call) {
  for (int attempt = 1;; ++attempt) {
    if (self->core->closed)
      co_return fail(closed_error());
    std::uint64_t generation = 0;
    auto client = self->client(generation);
    result<T> outcome = fail(errc::internal, "");
    if (client)
      outcome = co_await call(*client);
    else
      outcome = fail(client.error());
    if (outcome || !asks_for_inquest(outcome.error()))
      co_return outcome;

    auto next =
        co_await self->core->control->report_failure(self->ready.id, generation, outcome.error());
    if (!next)
      co_return fail(next.error());
    const bool safe = again == repeatable::yes || never_sent(outcome.error());
    if (!safe || attempt == max_route_attempts)
      co_return outcome;
  }
}

template <class T>
void note_kills(sandbox::impl& self, const result<T>& done) {
  if (done)
    self.oom_kills += done->oom_kills;
}

asio::awaitable<result<command_result>> run_in(impl_ptr self, command_request request) {
  if (self->core->closed)
    co_return fail(closed_error());
  auto turn =
      co_await self->core->control->take_turn(self->ready.id, request.session, turn_timeout);
  if (!turn)
    co_return fail(turn.error());
  auto done = co_await with_agent<command_result>(
      self, repeatable::no, [&](const agent_client& agent) { return agent.run(request); });
  note_kills(*self, done);
  co_return done;
}

asio::awaitable<result<exec_result>>
exec_fed_in(impl_ptr self, exec_request request,
            std::function<void(int, std::string_view)> on_output,
            std::function<asio::awaitable<result<std::string>>()> next_input) {
  if (request.argv.empty())
    co_return fail(errc::invalid_argument, "exec: argv is empty");
  if (!request.stdin_bytes.empty())
    co_return fail(errc::invalid_argument, "exec: standard input is given twice");
  const asio::any_io_executor strand = asio::make_strand(self->core->pool->executor());
  auto done =
      co_await with_agent<exec_result>(self, repeatable::no, [&](const agent_client& agent) {
        return transport::run_on(strand, agent.exec_fed(strand, request, on_output, next_input));
      });
  note_kills(*self, done);
  co_return done;
}

asio::awaitable<result<exec_result>> exec_in(impl_ptr self, exec_request request,
                                             std::function<void(int, std::string_view)> on_output) {
  if (request.argv.empty())
    co_return fail(errc::invalid_argument, "exec: argv is empty");
  if (request.stdin_bytes.size() > most_stdin_at_once) {
    const auto bytes = std::make_shared<std::string>(std::move(request.stdin_bytes));
    request.stdin_bytes.clear();
    co_return co_await exec_fed_in(
        self, std::move(request), std::move(on_output),
        [bytes]() -> asio::awaitable<result<std::string>> { co_return std::exchange(*bytes, {}); });
  }
  auto done =
      co_await with_agent<exec_result>(self, repeatable::no, [&](const agent_client& agent) {
        return on_output ? agent.exec_streamed(request, on_output) : agent.exec(request);
      });
  note_kills(*self, done);
  co_return done;
}

asio::awaitable<result<terminal>> open_in(impl_ptr self, terminal_request request) {
  const asio::any_io_executor strand = asio::make_strand(self->core->pool->executor());
  auto opened = co_await with_agent<transport::websocket>(
      self, repeatable::no, [&](const agent_client& agent) {
        return transport::run_on(strand, agent.open_terminal(strand, request));
      });
  if (!opened)
    co_return fail(std::move(opened.error()));
  auto made = std::make_shared<terminal::impl>(strand, std::move(*opened));
  made->box = self;
  if (const auto route = self->ready.link->current_route())
    made->generation = route->generation;
  co_return terminal(std::move(made));
}

asio::awaitable<result<void>> write_in(impl_ptr self, std::string path, std::string bytes,
                                       std::uint32_t mode) {
  co_return co_await with_agent<void>(self, repeatable::yes, [&](const agent_client& agent) {
    return agent.put_file(path, bytes, mode);
  });
}

asio::awaitable<result<file_content>> read_in(impl_ptr self, std::string path,
                                              std::size_t max_bytes) {
  co_return co_await with_agent<file_content>(
      self, repeatable::yes,
      [&](const agent_client& agent) { return agent.get_file(path, max_bytes); });
}

asio::awaitable<result<std::vector<std::string>>> glob_in(impl_ptr self, std::string pattern) {
  co_return co_await with_agent<std::vector<std::string>>(
      self, repeatable::yes, [&](const agent_client& agent) { return agent.glob(pattern); });
}

asio::awaitable<result<void>> kill_in(impl_ptr self) {
  co_return co_await with_agent<void>(
      self, repeatable::yes, [](const agent_client& agent) { return agent.kill_processes(); });
}

asio::awaitable<result<void>> set_environment_in(impl_ptr self,
                                                 std::map<std::string, std::string> variables) {
  co_return co_await with_agent<void>(self, repeatable::yes, [&](const agent_client& agent) {
    return agent.set_environment(variables);
  });
}

asio::awaitable<result<std::string>> act_in(impl_ptr self, std::string action_json,
                                            std::chrono::milliseconds timeout) {
  if (self->core->closed)
    co_return fail(closed_error());
  auto turn = co_await self->core->control->take_turn(self->ready.id, session_name{"default"},
                                                      turn_timeout);
  if (!turn)
    co_return fail(turn.error());
  co_return co_await with_agent<std::string>(self, repeatable::no, [&](const agent_client& agent) {
    return agent.execute_action(action_json, timeout);
  });
}

asio::awaitable<result<void>> keep_in(impl_ptr self, std::chrono::milliseconds life) {
  if (self->core->closed)
    co_return fail(closed_error());
  if (life.count() < 0)
    co_return fail(errc::invalid_argument, "keep: the time to live is below 0");
  co_return co_await self->core->control->keep_sandbox(self->ready.id, life);
}

asio::awaitable<result<void>> pause_in(impl_ptr self) {
  if (self->core->closed)
    co_return fail(closed_error());
  co_return co_await self->core->control->pause_sandbox(self->ready.id);
}

asio::awaitable<result<void>> resume_in(impl_ptr self) {
  if (self->core->closed)
    co_return fail(closed_error());
  co_return co_await self->core->control->resume_sandbox(self->ready.id);
}

asio::awaitable<result<void>> detach_in(impl_ptr self) {
  if (self->core->closed)
    co_return fail(closed_error());
  co_return co_await self->core->control->detach_sandbox(self->ready.id);
}

asio::awaitable<result<stop_report>> stop_in(impl_ptr self) {
  if (self->core->closed)
    co_return fail(closed_error());
  auto gone = co_await self->core->control->stop_sandbox(self->ready.id);
  if (!gone)
    co_return fail(gone.error());
  stop_report report{gone->usage, gone->failure};
  if (!report.usage.oom_kills && self->oom_kills > 0)
    report.usage.oom_kills = self->oom_kills;
  co_return report;
}

} // namespace

sandbox::impl::impl(std::shared_ptr<engine_detail::core> shared, actors::ready_sandbox made)
    : core(std::move(shared)), ready(std::move(made)) {}

result<agent_client> sandbox::impl::client(std::uint64_t& generation) {
  auto route = ready.link->current_route();
  if (!route)
    return fail(make_error(errc::connection_failed, "sandbox " + ready.id.str() + " has no route")
                    .with("connected", std::int64_t{0}));
  generation = route->generation;
  const std::lock_guard lock(mutex_);
  if (route != client_route_) {
    client_.emplace(core->pool->executor(), route->agent, route->session_key);
    client_route_ = std::move(route);
  }
  return *client_;
}

sandbox::sandbox(std::shared_ptr<impl> made) : impl_(std::move(made)) {}

const sandbox_id& sandbox::id() const {
  return impl_->ready.id;
}
sandbox_state sandbox::state() const {
  return impl_->ready.link->state();
}
const limits_report& sandbox::limits() const {
  return impl_->ready.limits;
}
const std::string& sandbox::workspace() const {
  return impl_->ready.workspace;
}
const std::vector<published_port>& sandbox::ports() const {
  return impl_->ready.ports;
}

asio::awaitable<result<command_result>> sandbox::run(command_request request) {
  return guarded(run_in(impl_, std::move(request)));
}

asio::awaitable<result<command_result>> sandbox::run(std::string command) {
  command_request request;
  request.command = std::move(command);
  return run(std::move(request));
}

asio::awaitable<result<exec_result>> sandbox::exec(exec_request request) {
  return guarded(exec_in(impl_, std::move(request), nullptr));
}

asio::awaitable<result<exec_result>>
sandbox::exec(exec_request request, std::function<void(int, std::string_view)> on_output) {
  return guarded(exec_in(impl_, std::move(request), std::move(on_output)));
}

asio::awaitable<result<exec_result>>
sandbox::exec(exec_request request, std::function<void(int, std::string_view)> on_output,
              std::function<asio::awaitable<result<std::string>>()> next_input) {
  return guarded(
      exec_fed_in(impl_, std::move(request), std::move(on_output), std::move(next_input)));
}

asio::awaitable<result<terminal>> sandbox::open_terminal(terminal_request request) {
  return guarded(open_in(impl_, std::move(request)));
}

asio::awaitable<result<void>> sandbox::write_file(std::string path, std::string bytes,
                                                  std::uint32_t mode) {
  return guarded(write_in(impl_, std::move(path), std::move(bytes), mode));
}

asio::awaitable<result<file_content>> sandbox::read_file(std::string path, std::size_t max_bytes) {
  return guarded(read_in(impl_, std::move(path), max_bytes));
}

asio::awaitable<result<std::vector<std::string>>> sandbox::glob(std::string pattern) {
  return guarded(glob_in(impl_, std::move(pattern)));
}

asio::awaitable<result<void>> sandbox::kill_processes() {
  return guarded(kill_in(impl_));
}

asio::awaitable<result<std::string>> sandbox::execute_action(std::string action_json,
                                                             std::chrono::milliseconds timeout) {
  return guarded(act_in(impl_, std::move(action_json), timeout));
}

asio::awaitable<result<void>>
sandbox::set_environment(std::map<std::string, std::string> variables) {
  return guarded(set_environment_in(impl_, std::move(variables)));
}

asio::awaitable<result<setup_report>> sandbox::set_up(workspace_setup wanted) {
  return guarded(engine_detail::set_up_workspace(impl_, std::move(wanted)));
}

asio::awaitable<result<void>> sandbox::keep(std::chrono::milliseconds time_to_live) {
  return guarded(keep_in(impl_, time_to_live));
}

asio::awaitable<result<void>> sandbox::pause() {
  return guarded(pause_in(impl_));
}

asio::awaitable<result<void>> sandbox::resume() {
  return guarded(resume_in(impl_));
}

asio::awaitable<result<void>> sandbox::detach() {
  return guarded(detach_in(impl_));
}

asio::awaitable<result<stop_report>> sandbox::stop() {
  return guarded(stop_in(impl_));
}

} // namespace sandfleet
