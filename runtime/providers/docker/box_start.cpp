#include "runtime/docker/tar.hpp"
#include "runtime/providers/docker/arguments.hpp"
#include "runtime/providers/docker/box.hpp"
#include "runtime/providers/docker/start_failure.hpp"
#include "runtime/providers/docker/uninterrupted.hpp"
#include "runtime/providers/docker/web_ports.hpp"

#include <boost/asio/this_coro.hpp>

#include <algorithm>
#include <filesystem>
#include <unistd.h>

namespace sandfleet::providers::docker {

namespace asio = boost::asio;
namespace fs = std::filesystem;
using std::chrono::milliseconds;
using clock = std::chrono::steady_clock;

namespace {

constexpr int port_attempts = 5;

milliseconds left_until(clock::time_point deadline) {
  const auto left = std::chrono::duration_cast<milliseconds>(deadline - clock::now());
  return std::max(left, milliseconds{1});
}

/// Of which no other would do.
bool has_fixed_port(const sandbox_spec& spec) {
  return (spec.docker.publish_ports && spec.docker.vscode_port) ||
         spec.docker.arguments.find("\"ports\"") != std::string::npos;
}

error cancelled() {
  return make_error(errc::cancelled, "the start of a container was cancelled");
}

} // namespace

void box::describe(const sandbox_spec& spec) {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  record_.id = id_;
  record_.session_id = spec.session_id;
  record_.owner = shared_->entries->owner();
  record_.owner_pid = ::getpid();
  record_.image = spec.image.empty() ? shared_->settings.default_image : spec.image;
  record_.workspace = spec.workspace;
  record_.boot_id = current_boot_id();
  record_.created_ms = std::chrono::duration_cast<milliseconds>(now).count();
  record_.labels = spec.labels;
  pause_stops_ = spec.docker.pause_stops;
  limits_ = limits_of(spec);
  facts_.memory_mb = spec.limits.memory_mb;
  plan_.image = record_.image;
  plan_.session_key = spec.session_key.empty() ? make_secret() : spec.session_key;
  if (engine_.host().is_local()) {
    plan_.agent_program = shared_->settings.agent_program;
    plan_.overlays_dir = spec.docker.overlays_dir.empty() ? dir_ + "/overlays"
                                                          : spec.docker.overlays_dir + "/" + name_;
    if (!spec.docker.overlays_dir.empty() && !overlay_directories(plan_, spec).empty())
      record_.overlays = plan_.overlays_dir;
    if (connects_by_socket(spec.docker))
      plan_.sockets_dir = dir_ + "/sockets";
  }
}

asio::awaitable<result<instance>> box::start(start_request request) {
  asked_ = std::move(request);
  const auto wanted = with_arguments(*asked_.spec);
  if (!wanted)
    co_return fail(wanted.error());
  const auto* spec = &*wanted;
  co_await asio::this_coro::throw_if_cancelled(false);
  const auto deadline = clock::now() + spec->start_timeout;
  describe(*spec);
  record_.engine = co_await engine_.identity();
  // The entry is there before anything that would have to be removed.
  auto noted = shared_->entries->add(record_, plan_.session_key);
  if (!noted)
    co_return fail(std::move(noted.error()));
  lease_ = std::move(*noted);
  auto built = co_await build_up(*spec, deadline);
  asked_ = {};
  if (built)
    co_return endpoint();
  const bool in_vain = co_await was_cancelled();
  co_await take_down();
  if (in_vain)
    co_return fail(cancelled());
  co_return fail(std::move(built.error()));
}

/// It merely waits from here on, and others may go before.
void box::prepare(preparation what) {
  prepares_ = true;
  if (asked_.on_preparing)
    asked_.on_preparing(what);
}

asio::awaitable<result<void>> box::go_on() {
  if (!std::exchange(prepares_, false) || !asked_.go_on)
    co_return result<void>{};
  co_return co_await asked_.go_on();
}

void box::add_time(time_point began, time_point& deadline) {
  const auto spent = clock::now() - began;
  deadline += spent;
  preparation_time_ += std::chrono::duration_cast<milliseconds>(spent);
}

asio::awaitable<result<void>> box::derive_image(const sandbox_spec& spec, time_point& deadline) {
  auto wish = wish_of(plan_.image, spec.docker);
  const auto began = clock::now();
  auto made = co_await shared_->images->derive(std::move(wish),
                                               [this](preparation what) { prepare(what); });
  result<void> goes_on;
  if (made)
    goes_on = co_await go_on();
  else
    goes_on = fail(std::move(made.error()));
  add_time(began, deadline);
  if (!goes_on)
    co_return goes_on;
  plan_.image = std::move(*made);
  co_return result<void>{};
}

/// Ports that others take in the meantime are a reason to try again, with others.
asio::awaitable<result<void>> box::build_up(const sandbox_spec& spec, time_point deadline) {
  if (!spec.docker.extra_deps.empty()) {
    auto derived = co_await derive_image(spec, deadline);
    if (!derived)
      co_return derived;
  }
  for (int attempts = 1;; ++attempts) {
    auto done = co_await attempt(spec, deadline);
    const bool in_vain = co_await was_cancelled();
    if (done || in_vain || attempts == port_attempts || !is_taken_port(done.error()))
      co_return done;
    if (has_fixed_port(spec))
      co_return fail(std::move(done.error())
                         .blamed_on(failure_class::task)
                         .with_hint("another program has the port: name a free one, or none"));
    is_between_attempts_ = true;
    auto removed = co_await uninterrupted(engine_.remove(container()));
    if (!removed)
      co_return removed;
    container_id_.clear();
  }
}

asio::awaitable<result<void>> box::attempt(const sandbox_spec& spec, time_point& deadline) {
  if (auto taken = take_ports(spec); !taken)
    co_return taken;
  auto heeded = co_await heed_podman(spec, deadline);
  if (!heeded)
    co_return heeded;
  auto reachable = co_await check_way_in(spec, deadline);
  if (!reachable)
    co_return reachable;
  auto made = co_await make_container(spec, deadline);
  if (!made)
    co_return made;
  auto furnished = co_await furnish(spec, deadline);
  if (!furnished)
    co_return furnished;
  auto started = co_await start_container(deadline);
  if (!started)
    co_return started;
  co_return co_await look_for_ports(spec);
}

/// Others than those of the plan are the engine's choice.
asio::awaitable<result<void>> box::look_for_ports(const sandbox_spec& spec) {
  if (spec.network == "none")
    co_return result<void>{};
  const std::map<std::string, std::string> labels = {
      {std::string(label_ports), ports_text(plan_.ports)}};
  ports_ = published_ports(labels, planned_bindings(plan_, spec), agent_host(engine_.host()));
  if (spec.docker.arguments.find("ports") == std::string::npos)
    co_return result<void>{};
  const auto seen = co_await engine_.inspect(container());
  if (!seen)
    co_return fail(explain_start(seen.error()));
  if (*seen)
    ports_ = published_ports((*seen)->labels, (*seen)->bindings, agent_host(engine_.host()));
  co_return result<void>{};
}

result<void> box::take_ports(const sandbox_spec& spec) {
  port_wishes wishes;
  wishes.agent = plan_.sockets_dir.empty();
  wishes.others = spec.docker.publish_ports;
  wishes.vscode = static_cast<std::uint16_t>(spec.docker.vscode_port.value_or(0));
  wishes.address = spec.docker.binding_address;
  port_locks_.clear();
  if (!wishes.agent && !wishes.others)
    return {};
  auto taken = docker::take_ports(shared_->ports_dir, wishes);
  if (!taken)
    return fail(std::move(taken.error()));
  plan_.ports = taken->numbers;
  port_locks_ = std::move(taken->locks);
  return {};
}

result<void> box::offer_socket() {
  if (plan_.sockets_dir.empty())
    return {};
  auto offered = handover::prepare(strand_, plan_.sockets_dir, socket_path());
  if (!offered)
    return fail(std::move(offered.error()));
  handover_ = std::move(*offered);
  handover_->offer();
  return {};
}

/// Whether the container's first process is not root.
asio::awaitable<result<bool>> box::has_plain_user(const sandbox_spec& spec, time_point deadline) {
  const auto is_plain = [](const std::string& user) {
    const auto name = user.substr(0, user.find(':'));
    return !name.empty() && name != "0" && name != "root";
  };
  if (spec.docker.user_id)
    co_return false;
  if (!spec.docker.user.empty())
    co_return is_plain(spec.docker.user);
  {
    const std::lock_guard lock(shared_->users->mutex);
    const auto found = shared_->users->known.find(plan_.image);
    if (found != shared_->users->known.end())
      co_return found->second;
  }
  auto engine = engine_.within(left_until(deadline));
  const auto image = co_await engine.image(plan_.image);
  if (!image)
    co_return fail(image.error());
  const bool plain = *image && is_plain((*image)->user);
  const std::lock_guard lock(shared_->users->mutex);
  shared_->users->known[plan_.image] = plain;
  co_return plain;
}

/// For an agent that is not root, which can make none at the root. One that is there, or is
/// mounted, stays as it is.
asio::awaitable<result<void>> box::make_workspace(const sandbox_spec& spec, time_point deadline) {
  const auto plain = co_await has_plain_user(spec, deadline);
  if (!plain)
    co_return fail(plain.error());
  const bool is_mounted =
      spec.docker.read_only_root ||
      std::ranges::find(spec.volumes, spec.workspace, &volume::sandbox_path) != spec.volumes.end();
  if (!*plain || is_mounted)
    co_return result<void>{};
  auto engine = engine_.within(left_until(deadline));
  const auto there = co_await engine.has_path(container(), spec.workspace);
  if (!there)
    co_return fail(explain_start(there.error()));
  if (*there)
    co_return result<void>{};
  const auto directory = sandfleet::docker::make_tar(
      {{.path = spec.workspace.substr(1) + "/", .bytes = {}, .mode = 0777}});
  if (!directory)
    co_return fail(directory.error());
  auto made = co_await uninterrupted(engine.put_archive(container(), "/", *directory));
  if (!made)
    co_return fail(explain_start(std::move(made.error())));
  co_return result<void>{};
}

/// What a container needs before it starts.
asio::awaitable<result<void>> box::furnish(const sandbox_spec& spec, time_point deadline) {
  auto engine = engine_.within(left_until(deadline));
  if (plan_.agent_program.empty()) {
    auto archive = shared_->archive->get();
    if (!archive)
      co_return fail(std::move(archive.error()));
    auto copied = co_await uninterrupted(
        engine.put_archive(container(), std::string(inside_dir.substr(0, 1)), **archive));
    if (!copied)
      co_return fail(explain_start(std::move(copied.error())));
  }
  auto workspace = co_await make_workspace(spec, deadline);
  if (!workspace)
    co_return workspace;
  for (const auto& network : spec.docker.networks) {
    auto joined = co_await uninterrupted(engine.connect_network(network, container()));
    if (!joined)
      co_return fail(explain_start(std::move(joined.error())));
  }
  co_return offer_socket();
}

/// Podman takes `host-gateway` for an address, and makes a plain volume of what is to be an
/// overlay.
asio::awaitable<result<void>> box::heed_podman(const sandbox_spec& spec, time_point deadline) {
  auto engine = engine_.within(left_until(deadline));
  const auto is_podman = co_await engine.is_podman();
  if (!is_podman)
    co_return fail(explain_start(is_podman.error()));
  if (!*is_podman)
    co_return result<void>{};
  if (std::ranges::find(spec.volumes, volume_kind::overlay, &volume::kind) != spec.volumes.end())
    co_return fail(make_error(errc::unsupported, "volumes: podman makes no overlays")
                       .blamed_on(failure_class::task)
                       .with_hint("mount the directory as rw or ro, or take a Docker engine"));
  if (spec.network == "none")
    co_return result<void>{};
  const std::string network = spec.network == "host" ? "bridge" : spec.network;
  auto gateway = co_await engine.gateway(network);
  // A network that is not there is better explained by the engine.
  if (gateway)
    plan_.host_gateway = std::move(*gateway);
  co_return result<void>{};
}

/// No port is published on networks that are kept from the outside, of which the engine says
/// nothing.
asio::awaitable<result<void>> box::check_way_in(const sandbox_spec& spec, time_point deadline) {
  if (!plan_.sockets_dir.empty() || spec.network == "bridge" || spec.network == "host")
    co_return result<void>{};
  auto engine = engine_.within(left_until(deadline));
  std::vector<std::string> networks = spec.docker.networks;
  networks.push_back(spec.network);
  for (const auto& network : networks) {
    const auto internal = co_await engine.is_internal(network);
    // One that is not there is better explained later.
    if (!internal || !*internal)
      co_return result<void>{};
  }
  co_return fail(make_error(errc::unsupported, "the network '" + spec.network +
                                                   "' is internal: the agent cannot be reached by "
                                                   "a published port there")
                     .blamed_on(failure_class::task)
                     .with_hint("leave docker_connection to its default on an engine of this "
                                "machine, or join a network that is not internal by "
                                "additional_networks"));
}

asio::awaitable<result<void>> box::make_container(const sandbox_spec& spec, time_point& deadline) {
  std::error_code failed;
  for (const auto& directory : overlay_directories(plan_, spec))
    if (fs::create_directories(directory, failed); failed)
      co_return fail(
          errno_error(errc::io_error, "cannot make '" + directory + "'", failed.value()));
  if (!plan_.sockets_dir.empty())
    fs::create_directory(plan_.sockets_dir, failed);
  const auto body = container_body(plan_, spec);
  if (!body)
    co_return fail(body.error());
  auto engine = engine_.within(left_until(deadline));
  auto made = co_await uninterrupted(engine.create(name_, *body, spec.docker.platform));
  is_between_attempts_ = false;
  may_exist_ = made || !was_refused(made.error());
  if (!made && made.error().code == errc::already_exists) {
    // Left by an attempt that nobody answered.
    auto removed = co_await uninterrupted(engine.remove(name_));
    if (removed)
      made = co_await uninterrupted(engine.create(name_, *body, spec.docker.platform));
  }
  if (!made && is_missing_image(made.error())) {
    const auto began = clock::now();
    prepare(preparation::image_pull);
    auto pulled = co_await shared_->images->pull(plan_.image, spec.docker.platform);
    if (pulled)
      pulled = co_await go_on();
    add_time(began, deadline);
    if (!pulled)
      co_return fail(std::move(pulled.error()));
    engine = engine_.within(left_until(deadline));
    made = co_await uninterrupted(engine.create(name_, *body, spec.docker.platform));
    may_exist_ = made || !was_refused(made.error());
  }
  if (!made)
    co_return fail(explain_start(std::move(made.error())));
  container_id_ = made->id;
  if (auto foreign = foreign_platform(plan_.image, made->warnings))
    co_return fail(std::move(*foreign));
  for (std::size_t i = 0; i < made->warnings.size(); ++i)
    limits_["warning " + std::to_string(i + 1)] = made->warnings[i];
  co_return result<void>{};
}

asio::awaitable<result<void>> box::start_container(time_point deadline) {
  if (co_await was_cancelled())
    co_return fail(cancelled());
  follow_failure_.reset();
  facts_.sent_signal.reset();
  facts_.end_was_told = false;
  auto engine = engine_.within(left_until(deadline));
  const auto is_podman = co_await engine.is_podman();
  if (!is_podman)
    co_return fail(explain_start(is_podman.error()));
  follow_output(!*is_podman);
  // Podman loses what is printed while somebody is just attaching, and shows earlier lines without
  // their ends.
  if (*is_podman) {
    const std::function<bool()> is_attached = [this] { return is_attached_; };
    auto attached = co_await output_shows(is_attached, deadline);
    if (!attached)
      co_return attached;
  }
  auto started = co_await uninterrupted(engine.start(container()));
  if (!started)
    co_return fail(explain_start(std::move(started.error())));
  const std::function<bool()> is_ready = [this] { return facts_.was_ready; };
  co_return co_await output_shows(is_ready, deadline);
}

/// Waits for what is only seen by the container's output.
asio::awaitable<result<void>> box::output_shows(std::function<bool()> what, time_point deadline) {
  while (!what() && !report_) {
    if (follow_failure_)
      co_return fail(explain_start(std::move(*follow_failure_)));
    const auto woke = co_await next_change(deadline);
    if (woke == wake::cancelled)
      co_return fail(cancelled());
    if (woke == wake::timed_out)
      co_return fail(
          make_error(errc::timed_out, "the sandbox " + id_.str() + " was not ready in time")
              .blamed_on(failure_class::infrastructure)
              .with("log", facts_.log));
  }
  if (report_)
    co_return fail(ended());
  co_return result<void>{};
}

} // namespace sandfleet::providers::docker
