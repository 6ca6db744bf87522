#include "actors/control_plane.hpp"
#include "actors/log.hpp"
#include "runtime/engine/access.hpp"
#include "runtime/protocol/agent_api.hpp"
#include "runtime/service/fleet.hpp"
#include "runtime/service/journal_query.hpp"
#include "runtime/service/specify.hpp"
#include "runtime/transport/http_client.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include <algorithm>

/// Sandboxes that are ready before anybody asks for them. They stand in the journal without an
/// owner; whoever takes one is its owner there before it is told.
namespace sandfleet::service {

namespace asio = boost::asio;
using engine_detail::access;

namespace {

constexpr std::chrono::seconds first_pause{1};
constexpr int most_doublings = 6;
constexpr std::chrono::seconds patience{10};

/// What may differ between a warm sandbox and the one that is wanted.
sandbox_spec without_names(sandbox_spec spec) {
  spec.id = {};
  spec.session_key.clear();
  spec.labels.clear();
  spec.env.clear();
  if (spec.provider.str() == "local") // which takes no notice of them
    spec.docker = {};
  return spec;
}

} // namespace

result<sandbox_spec> fleet::specify_warm(const journal::sandbox_row& row) const {
  protocol::runtime_start asked;
  asked.image = row.image;
  return specify(settings_.base, row, asked);
}

/// Empty: none of them would do.
std::string fleet::warm_image_for(const sandbox_spec& spec,
                                  const protocol::runtime_start& asked) const {
  const auto image = pool_.image_for(asked.image, settings_.base.provider.str() != "local");
  if (image.empty())
    return {};
  journal::sandbox_row row;
  row.image = image;
  const auto warm = specify_warm(row);
  const bool names_fit =
      protocol::decode_environment(protocol::encode_environment(asked.environment)).has_value();
  return warm && names_fit && !member(row, asked).runs_command() &&
                 without_names(*warm) == without_names(spec)
             ? image
             : std::string();
}

void fleet::refill() {
  refill_at_ = member::clock::time_point::max();
  for (const auto& [image, count] : pool_.wanted())
    for (auto missing = pool_.claim_missing(image); missing > 0; --missing)
      asio::co_spawn(engine_.executor(), start_warm(shared_from_this(), image), asio::detached);
}

asio::awaitable<void> fleet::start_warm(self_ptr self, std::string image) {
  protocol::runtime_start asked;
  asked.image = image;
  const auto row = self->new_row({}, asked);
  const auto one = std::make_shared<member>(row, asked);
  auto spec = self->specify_warm(row);
  if (!spec) {
    self->warm_failed(one, std::move(spec.error()));
    co_return;
  }
  self->add(one);
  std::function<result<void>(journal::store&)> put = [row](journal::store& store) {
    return store.put(row);
  };
  auto noted = co_await in_journal(self->engine_, std::move(put));
  if (noted)
    self->begin_start(one, std::move(*spec));
  else
    self->warm_failed(one, std::move(noted.error()));
}

/// Others are tried after a while.
void fleet::warm_failed(const member_ptr& one, error why) {
  const auto failures = warm_failures_.fetch_add(1);
  actors::log_event(actors::log_level::error, "warm_start_failed",
                    {{"image", one->row().image}, {"error", why.to_string()}});
  conclude(one, std::move(why), sandbox_state::error);
  pool_.has_failed(one->row().image);
  refill_at_ = member::clock::now() + first_pause * (1 << std::min(failures, most_doublings));
  wake_watch();
}

void fleet::warm_started(const member_ptr& one, sandbox box) {
  warm_failures_ = 0;
  one->started(std::move(box));
  pool_.has_come(one->row().image, one, true);
}

/// One that has outlived the service, and may be one too many now.
void fleet::take_up_warm(const member_ptr& one, sandbox box) {
  if (pool_.has_room(one->row().image)) {
    one->started(std::move(box));
    pool_.has_come(one->row().image, one, false);
    return;
  }
  conclude(one, std::nullopt, sandbox_state::stopped);
  take_away(std::move(box));
}

/// Gives it what its owner wants it to have.
asio::awaitable<void> fleet::hand_over(self_ptr self, member_ptr one, sandbox box) {
  if (!one->asked().environment.empty()) {
    transport::http_request request;
    request.method = "POST";
    request.target = "/environment";
    request.timeout = patience;
    request.headers.emplace_back("Content-Type", "application/json");
    request.headers.emplace_back(protocol::api_key_header, one->row().session_key);
    request.body = protocol::encode_environment(one->asked().environment);
    const auto route = access::route_of(box);
    result<transport::http_reply> told =
        fail(errc::connection_failed, "the warm sandbox " + one->id().str() + " has no agent");
    if (route) {
      transport::http_client agent(self->engine_.executor(), route->agent.where);
      told = co_await agent.send(std::move(request));
    }
    if (told && told->status != 200)
      told = fail(protocol::decode_failure(told->status, told->body, "POST /environment"));
    if (!told) {
      self->conclude(one, std::move(told.error()), sandbox_state::error);
      self->take_away(std::move(box));
      co_return;
    }
  }
  if (one->has_ended()) // it was stopped meanwhile
    self->take_away(std::move(box));
  else
    self->has_started(one, std::move(box));
}

} // namespace sandfleet::service
