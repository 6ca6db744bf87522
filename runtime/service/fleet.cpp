#include "runtime/service/fleet.hpp"

#include "actors/control_plane.hpp"
#include "actors/log.hpp"
#include "runtime/engine/access.hpp"
#include "runtime/protocol/error_json.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>

namespace sandfleet::service {

namespace asio = boost::asio;
using engine_detail::access;
using std::chrono::system_clock;

namespace {

constexpr std::string_view service_label = "sandfleet.service";

error unknown(std::string_view what, std::string_view name) {
  return make_error(errc::not_found,
                    "there is no " + std::string(what) + " '" + std::string(name) + "'");
}

/// Why nothing can be done with it: its verdict, or that it has none.
error not_running(const member& which) {
  return which.verdict().value_or(
      make_error(errc::invalid_argument, "the sandbox " + which.id().str() + " does not run"));
}

/// What one coroutine waits for and another context tells, once.
template <class T>
struct answer {
  explicit answer(const asio::any_io_executor& executor)
      : timer(executor, asio::steady_timer::time_point::max()) {}
  asio::steady_timer timer;
  std::optional<result<T>> told;
};

void log_failure(std::string_view what, const sandbox_id& id, const error& why) {
  actors::log_event(actors::log_level::error, what,
                    {{"sandbox", id.str()}, {"error", why.to_string()}});
}

} // namespace

fleet::fleet(engine& runtime, fleet_settings settings, std::shared_ptr<metrics> counted)
    : engine_(runtime), settings_(std::move(settings)), counted_(std::move(counted)) {}

template <class T>
asio::awaitable<result<T>> fleet::in_journal(std::function<result<T>(journal::store&)> job) {
  const auto here = co_await asio::this_coro::executor;
  const auto state = std::make_shared<answer<T>>(here);
  const bool asked = access::control_of(engine_).record([state, here, job](journal::store& store) {
    asio::post(here, [state, told = job(store)]() mutable {
      state->told = std::move(told);
      state->timer.cancel();
    });
  });
  if (!asked)
    co_return fail(errc::shutting_down, "the journal is closed");
  while (!state->told) {
    boost::system::error_code ignored;
    co_await state->timer.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  }
  co_return std::move(*state->told);
}

void fleet::add(const member_ptr& one) {
  const auto row = one->row();
  const std::lock_guard lock(mutex_);
  by_id_[row.id.str()] = one;
  by_session_[{row.owner, row.session_id}] = one;
}

result<sandbox_spec> fleet::specify(const journal::sandbox_row& row,
                                    const protocol::runtime_start& asked) const {
  auto spec = settings_.base;
  spec.id = row.id;
  spec.session_key = row.session_key;
  // What a local sandbox is made of is for who runs the service to say.
  if (spec.provider.str() != "local")
    spec.image = asked.image;
  for (const auto& [name, value] : asked.environment)
    spec.env[name] = value;
  auto server = protocol::read_action_server_command(asked.command);
  if (!server)
    return fail(std::move(server.error()));
  if (!*server && !asked.command.empty())
    return fail(make_error(errc::unsupported, "command: '" + asked.command.front() +
                                                  "' is not OpenHands' action execution server")
                    .with_hint("other commands are not run by this service yet"));
  if (*server) {
    if (!(*server)->working_dir.empty())
      spec.workspace = (*server)->working_dir;
    spec.docker.user_id = (*server)->user_id;
    if (!(*server)->username.empty())
      spec.docker.user_name = (*server)->username;
  }
  const auto factor = asked.resource_factor;
  if (spec.limits.cpus)
    *spec.limits.cpus *= factor;
  if (spec.limits.memory_mb)
    *spec.limits.memory_mb *= factor;
  if (!asked.runtime_class.empty())
    spec.docker.runtime = asked.runtime_class;
  if (asked.run_as_user)
    spec.docker.user = std::to_string(*asked.run_as_user) +
                       (asked.run_as_group ? ":" + std::to_string(*asked.run_as_group) : "");
  spec.labels[std::string(service_label)] = row.owner;
  spec.labels["sandfleet.session"] = row.session_id;
  if (auto checked = validate(spec); !checked)
    return fail(std::move(checked.error()));
  return spec;
}

asio::awaitable<result<void>> fleet::recover() {
  const auto self = shared_from_this();
  listening_ = engine_.on_status([weak = weak_from_this()](const status_event& event) {
    if (const auto alive = weak.lock())
      alive->on_status(event);
  });
  std::function<result<std::vector<journal::sandbox_row>>(journal::store&)> all =
      [](journal::store& store) { return store.sandboxes(false); };
  auto rows = co_await in_journal(std::move(all));
  if (!rows)
    co_return fail(std::move(rows.error()));
  auto listed = co_await engine_.list();
  if (!listed)
    co_return fail(std::move(listed.error()));
  std::map<std::string, bool> runs; ///< by id: whether it is one of ours that is known
  for (const auto& one : *listed)
    if (one.kept && one.state != listed_state::abandoned)
      runs[one.id.str()] = false;

  const auto here = co_await asio::this_coro::executor;
  const auto left = std::make_shared<answer<void>>(here);
  auto open = std::make_shared<std::size_t>(rows->size());
  for (auto& row : *rows) {
    const auto found = runs.find(row.id.str());
    if (found != runs.end())
      found->second = true;
    asio::co_spawn(here, take_up(self, std::move(row), found != runs.end()),
                   [left, open](const std::exception_ptr&, const result<void>&) {
                     if (--*open == 0)
                       left->timer.cancel();
                   });
  }
  while (*open > 0) {
    boost::system::error_code ignored;
    co_await left->timer.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  }
  // Those of a journal that was lost, or whose end was noted before it came to pass.
  for (const auto& one : *listed)
    if (one.labels.contains(std::string(service_label)) && runs.contains(one.id.str()) &&
        !runs[one.id.str()]) {
      auto stray = co_await engine_.attach(one.id);
      if (stray)
        (void)co_await stray->stop();
    }
  co_return result<void>{};
}

asio::awaitable<result<void>> fleet::take_up(self_ptr self, journal::sandbox_row row, bool runs) {
  auto asked = protocol::decode_runtime_start(row.request);
  if (!asked)
    co_return fail(std::move(asked.error()));
  const auto id = row.id;
  const bool was_ready = row.state == to_string(sandbox_state::ready) ||
                         row.state == to_string(sandbox_state::pausing) ||
                         row.state == to_string(sandbox_state::paused) ||
                         row.state == to_string(sandbox_state::resuming) ||
                         row.state == to_string(sandbox_state::error_runtime_disconnected);
  const auto one = std::make_shared<member>(std::move(row), std::move(*asked));
  self->add(one);
  if (runs) {
    auto box = co_await self->engine_.attach(id);
    if (box) {
      one->started(std::move(*box));
      co_return result<void>{};
    }
    self->conclude(one, std::move(box.error()));
    co_return result<void>{};
  }
  if (was_ready) {
    self->conclude(one, make_error(errc::sandbox_lost, "the sandbox " + id.str() + " has gone")
                            .with_cause("it ended while no supervisor ran"));
    co_return result<void>{};
  }
  auto spec = self->specify(one->row(), one->asked());
  if (spec)
    self->begin_start(one, std::move(*spec));
  else
    self->conclude(one, std::move(spec.error()));
  co_return result<void>{};
}

asio::awaitable<result<member_ptr>> fleet::start(std::string owner, protocol::runtime_start asked) {
  const auto self = shared_from_this();
  journal::sandbox_row row;
  row.id = make_sandbox_id();
  row.session_id = asked.session_id;
  row.owner = owner;
  row.provider = settings_.base.provider;
  row.image = asked.image;
  row.request = protocol::encode_runtime_start(asked);
  row.session_key = make_secret();
  row.state = to_string(sandbox_state::created);
  row.created = row.used =
      std::chrono::time_point_cast<std::chrono::milliseconds>(system_clock::now());
  auto spec = specify(row, asked);
  if (!spec)
    co_return fail(std::move(spec.error()));
  const auto one = std::make_shared<member>(row, std::move(asked));
  {
    const std::lock_guard lock(mutex_);
    auto& place = by_session_[{owner, row.session_id}];
    if (place && !place->has_ended())
      co_return place;
    place = one;
    by_id_[row.id.str()] = one;
  }
  std::function<result<void>(journal::store&)> put = [row](journal::store& store) {
    return store.put(row);
  };
  auto noted = co_await in_journal(std::move(put));
  if (!noted) {
    one->ended(noted.error(), system_clock::now());
    co_return fail(std::move(noted.error()));
  }
  begin_start(one, std::move(*spec));
  co_return one;
}

void fleet::begin_start(const member_ptr& one, sandbox_spec spec) {
  const auto self = shared_from_this();
  const auto begun = std::chrono::steady_clock::now();
  one->starting(transport::op::start(
      engine_.executor(), engine_.start(std::move(spec)), [self, one, begun](result<sandbox> made) {
        self->counted_->count_start(made ? "ok" : to_string(made.error().blame),
                                    std::chrono::steady_clock::now() - begun);
        if (one->has_ended()) { // it was stopped meanwhile
          if (made)
            self->take_away(std::move(*made));
        } else if (made) {
          one->started(std::move(*made));
        } else {
          self->conclude(one, std::move(made.error()));
        }
      }));
}

/// With nobody waiting for it.
void fleet::take_away(sandbox box) {
  asio::co_spawn(
      engine_.executor(),
      [](sandbox held) -> asio::awaitable<void> { (void)co_await held.stop(); }(std::move(box)),
      asio::detached);
}

/// An end that nobody asked for: the sandbox is taken away, and its verdict stays.
void fleet::on_status(const status_event& event) {
  if (event.to != sandbox_state::error && event.to != sandbox_state::error_memory)
    return;
  const auto one = find(event.id.str());
  if (!one || !(*one)->box() || (*one)->has_ended())
    return;
  auto box = *(*one)->box();
  conclude(*one, event.failure);
  take_away(std::move(box));
}

void fleet::conclude(const member_ptr& one, std::optional<error> why) {
  one->ended(std::move(why), system_clock::now());
  auto row = one->row();
  if (const auto verdict = one->verdict())
    row.verdict = protocol::encode_error(*verdict);
  access::control_of(engine_).record([row](journal::store& store) {
    if (const auto noted = store.put(row); !noted)
      log_failure("journal_failed", row.id, noted.error());
  });
}

asio::awaitable<result<void>> fleet::stop(member_ptr which) {
  if (which->has_ended())
    co_return result<void>{};
  which->cancel_start();
  if (auto box = which->box()) {
    auto gone = co_await box->stop();
    if (!gone && gone.error().code != errc::not_found)
      co_return fail(std::move(gone.error()));
  }
  conclude(which, std::nullopt);
  co_return result<void>{};
}

asio::awaitable<result<void>> fleet::pause(member_ptr which) {
  if (auto box = which->box(); box && !which->has_ended())
    co_return co_await box->pause();
  co_return fail(not_running(*which));
}

result<void> fleet::resume(const member_ptr& which) {
  const auto box = which->box();
  if (!box || which->has_ended())
    return fail(not_running(*which));
  asio::co_spawn(
      engine_.executor(),
      [](sandbox held) -> asio::awaitable<void> { (void)co_await held.resume(); }(*box),
      asio::detached);
  return {};
}

result<member_ptr> fleet::find(std::string_view id) const {
  const std::lock_guard lock(mutex_);
  const auto found = by_id_.find(std::string(id));
  if (found == by_id_.end())
    return fail(unknown("runtime", id));
  return found->second;
}

result<member_ptr> fleet::find(const std::string& owner, std::string_view id) const {
  auto found = find(id);
  if (found && (*found)->row().owner != owner)
    return fail(unknown("runtime", id));
  return found;
}

result<member_ptr> fleet::find_session(const std::string& owner, const std::string& session) const {
  const std::lock_guard lock(mutex_);
  const auto found = by_session_.find({owner, session});
  if (found == by_session_.end() || !found->second)
    return fail(unknown("session", session));
  return found->second;
}

std::map<std::string, std::int64_t> fleet::count() const {
  std::map<std::string, std::int64_t> found;
  const std::lock_guard lock(mutex_);
  for (const auto& [id, one] : by_id_)
    if (!one->has_ended())
      ++found[one->describe().status];
  return found;
}

std::vector<member_ptr> fleet::of(const std::string& owner) const {
  std::vector<member_ptr> found;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [id, one] : by_id_)
      found.push_back(one);
  }
  std::erase_if(
      found, [&](const member_ptr& one) { return one->has_ended() || one->row().owner != owner; });
  std::ranges::sort(found, {}, [](const member_ptr& one) { return one->row().created; });
  return found;
}

asio::awaitable<result<member_route>> fleet::way_to(member_ptr which, std::uint64_t used,
                                                    error seen) {
  if (const auto verdict = which->verdict())
    co_return fail(*verdict);
  if (which->has_ended())
    co_return fail(unknown("runtime", which->id().str()));
  if (!which->box())
    co_return fail(
        make_error(errc::connection_failed, "the sandbox " + which->id().str() + " is starting")
            .with_hint("ask /runtime/" + which->id().str() + " when it is ready"));
  auto route = which->route(engine_.executor());
  if (route.agent && route.generation != used)
    co_return route;
  const auto found =
      co_await access::control_of(engine_).report_failure(which->id(), used, std::move(seen));
  if (!found)
    co_return fail(found.error());
  route = which->route(engine_.executor());
  if (!route.agent)
    co_return fail(make_error(errc::sandbox_paused,
                              "the sandbox " + which->id().str() + " was paused meanwhile"));
  co_return route;
}

} // namespace sandfleet::service
