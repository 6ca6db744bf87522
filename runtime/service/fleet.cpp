#include "runtime/service/fleet.hpp"

#include "actors/control_plane.hpp"
#include "actors/log.hpp"
#include "runtime/engine/access.hpp"
#include "runtime/protocol/error_json.hpp"
#include "runtime/service/journal_query.hpp"
#include "runtime/service/specify.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/strand.hpp>

#include <algorithm>

namespace sandfleet::service {

namespace asio = boost::asio;
using engine_detail::access;
using std::chrono::system_clock;

namespace {

error unknown(std::string_view what, std::string_view name) {
  return make_error(errc::not_found,
                    "there is no " + std::string(what) + " '" + std::string(name) + "'");
}

/// Why nothing can be done with it: its verdict, or that it has none.
error not_running(const member& which) {
  return which.verdict().value_or(
      make_error(errc::invalid_argument, "the sandbox " + which.id().str() + " does not run"));
}

/// A verdict, or that there is none of that id any more.
error ended(const member& which) {
  const auto verdict = which.verdict();
  if (verdict && which.describe().status == "error")
    return *verdict;
  auto gone = unknown("runtime", which.id().str());
  return verdict ? std::move(gone).with_cause(verdict->message) : gone;
}

bool stands_still(const sandbox& box) {
  return box.state() == sandbox_state::paused || box.state() == sandbox_state::pausing;
}

} // namespace

fleet::fleet(engine& runtime, std::shared_ptr<api_keys> keys, fleet_settings settings,
             std::shared_ptr<metrics> counted)
    : engine_(runtime), keys_(std::move(keys)), settings_(std::move(settings)),
      counted_(std::move(counted)), pool_(settings_.warm),
      watch_strand_(asio::make_strand(runtime.executor())),
      watch_timer_(std::make_shared<asio::steady_timer>(watch_strand_,
                                                        asio::steady_timer::time_point::max())) {}

void fleet::close() {
  closed_ = true;
  listening_ = {};
  wake_watch();
  const std::lock_guard lock(mutex_);
  for (const auto& [id, one] : by_id_)
    one->leave_command();
}

void fleet::add(const member_ptr& one) {
  const auto row = one->row();
  const std::lock_guard lock(mutex_);
  by_id_[row.id.str()] = one;
  if (!row.owner.empty()) // else it is a warm one
    by_session_[{row.owner, row.session_id}] = one;
}

/// With the lock held.
result<void> fleet::admit(const std::string& owner, const protocol::runtime_start& asked) const {
  std::int64_t alive = 0;
  resources taken;
  for (const auto& [id, one] : by_id_) {
    if (one->has_ended() || one->owner() != owner)
      continue;
    ++alive;
    const auto its = resources_of(settings_.base, one->asked());
    taken.cpus += its.cpus;
    taken.memory_mb += its.memory_mb;
  }
  return keys_->admit(owner, alive, taken, resources_of(settings_.base, asked),
                      api_keys::clock::now());
}

journal::sandbox_row fleet::new_row(const std::string& owner,
                                    const protocol::runtime_start& asked) const {
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
  if (const auto life = keys_->policy_of(owner).time_to_live)
    row.expires = row.created + *life;
  return row;
}

asio::awaitable<result<member_ptr>> fleet::start(std::string owner, protocol::runtime_start asked) {
  const auto self = shared_from_this();
  auto row = new_row(owner, asked);
  auto spec = specify(settings_.base, row, asked);
  if (!spec)
    co_return fail(std::move(spec.error()));
  const auto warm_image = warm_image_for(*spec, asked);
  member_ptr one;
  std::optional<sandbox> box;
  {
    const std::lock_guard lock(mutex_);
    auto& place = by_session_[{owner, row.session_id}];
    if (place && !place->has_ended())
      co_return place;
    if (auto admitted = admit(owner, asked); !admitted)
      co_return fail(std::move(admitted.error()));
    if (const auto warm = warm_image.empty() ? nullptr : pool_.take(warm_image)) {
      box = warm->box();
      row.id = warm->id();
      row.session_key = warm->row().session_key;
    }
    one = std::make_shared<member>(row, std::move(asked));
    place = one;
    by_id_[row.id.str()] = one;
  }
  std::function<result<void>(journal::store&)> put = [row](journal::store& store) {
    return store.put(row);
  };
  auto noted = co_await in_journal(engine_, std::move(put));
  if (!noted) {
    one->ended(noted.error(), sandbox_state::error, system_clock::now());
    co_return fail(std::move(noted.error()));
  }
  if (box) {
    asio::co_spawn(engine_.executor(), hand_over(self, one, std::move(*box)), asio::detached);
    refill();
  } else {
    begin_start(one, std::move(*spec));
  }
  wake_watch();
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
        } else if (one->owner().empty()) {
          if (made)
            self->warm_started(one, std::move(*made));
          else
            self->warm_failed(one, std::move(made.error()));
        } else if (made) {
          self->has_started(one, std::move(*made));
        } else {
          const auto state = made.error().code == errc::out_of_memory ? sandbox_state::error_memory
                                                                      : sandbox_state::error;
          self->conclude(one, std::move(made.error()), state);
        }
      }));
}

void fleet::has_started(const member_ptr& one, sandbox box) {
  one->started(std::move(box));
  note_use(one);
  wake_watch();
  if (one->runs_command())
    one->running_command(transport::op::start(asio::make_strand(engine_.executor()),
                                              run_command(weak_from_this(), one),
                                              [](const result<void>&) {}));
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
  conclude(*one, event.failure, event.to);
  take_away(std::move(box));
  if (pool_.drop(*one))
    refill();
}

void fleet::conclude(const member_ptr& one, std::optional<error> why, sandbox_state state) {
  one->ended(std::move(why), state, system_clock::now());
  note(one);
}

void fleet::conclude_aloud(const member_ptr& one, error why, sandbox_state state) {
  const auto box = one->box();
  journal::status_row news;
  news.id = one->id();
  news.from = to_string(box ? box->state() : sandbox_state::starting_runtime);
  news.to = to_string(state);
  news.verdict = protocol::encode_error(why);
  news.at = system_clock::now();
  access::control_of(engine_).record([news](journal::store& store) { (void)store.note(news); });
  conclude(one, std::move(why), state);
}

/// What is known of it, with nobody waiting.
void fleet::note(const member_ptr& one) {
  auto row = one->row();
  if (const auto verdict = one->verdict())
    row.verdict = protocol::encode_error(*verdict);
  access::control_of(engine_).record([row](journal::store& store) {
    if (const auto noted = store.put(row); !noted)
      actors::log_event(actors::log_level::error, "journal_failed",
                        {{"sandbox", row.id.str()}, {"error", noted.error().to_string()}});
  });
}

/// That somebody used it until now.
void fleet::note_use(const member_ptr& one) {
  const auto at = std::max(system_clock::now(), one->row().created + std::chrono::milliseconds(1));
  access::control_of(engine_).record(
      [id = one->id(), at](journal::store& store) { (void)store.touch(id, at); });
}

void fleet::note_action(journal::action_row action) {
  access::control_of(engine_).record([action](journal::store& store) {
    const auto noted = action.ended ? store.end(action) : store.begin(action);
    if (!noted)
      actors::log_event(actors::log_level::error, "journal_failed",
                        {{"sandbox", action.id.str()}, {"error", noted.error().to_string()}});
  });
}

asio::awaitable<std::optional<journal::action_row>> fleet::action(sandbox_id id, std::string key) {
  std::function<result<std::optional<journal::action_row>>(journal::store&)> job =
      [id = std::move(id), key = std::move(key)](journal::store& store) {
        return store.action(id, key);
      };
  auto found = co_await in_journal(engine_, std::move(job));
  co_return found ? *found : std::nullopt;
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
  conclude(which, std::nullopt, sandbox_state::stopped);
  // Who is told so can rely on it, even when this process dies now.
  std::function<result<void>(journal::store&)> last = [](journal::store&) {
    return result<void>{};
  };
  co_return co_await in_journal(engine_, std::move(last));
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
  if (found && (*found)->owner() != owner)
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
    if (!one->has_ended() && !one->owner().empty())
      ++found[one->describe().status];
  return found;
}

std::vector<member_ptr> fleet::of(const std::string& owner) const {
  std::vector<member_ptr> found;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [id, one] : by_id_)
      if (!one->has_ended() && one->owner() == owner)
        found.push_back(one);
  }
  std::ranges::sort(found, {}, [](const member_ptr& one) { return one->row().created; });
  return found;
}

asio::awaitable<result<member_route>> fleet::way_to(member_ptr which, server_kind server,
                                                    std::uint64_t used, error seen) {
  if (which->has_ended())
    co_return fail(ended(*which));
  const auto box = which->box();
  if (!box)
    co_return fail(
        make_error(errc::connection_failed, "the sandbox " + which->id().str() + " is starting")
            .with_hint("ask /runtime/" + which->id().str() + " when it is ready"));
  auto route = which->route(engine_.executor(), server);
  if (route.server && route.generation != used)
    co_return route;
  if (stands_still(*box) && !keys_->policy_of(which->owner()).auto_resume)
    co_return fail(
        make_error(errc::sandbox_paused, "the sandbox " + which->id().str() + " is paused")
            .with_hint("POST /resume, and try again when it is ready"));
  const auto found =
      co_await access::control_of(engine_).report_failure(which->id(), used, std::move(seen));
  if (!found)
    co_return fail(found.error());
  route = which->route(engine_.executor(), server);
  if (!route.server)
    co_return fail(make_error(errc::sandbox_paused,
                              "the sandbox " + which->id().str() + " was paused meanwhile"));
  co_return route;
}

} // namespace sandfleet::service
