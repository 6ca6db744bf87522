#include "runtime/providers/agent_life.hpp"

#include "runtime/protocol/agent_api.hpp"
#include "runtime/transport/http_client.hpp"

namespace sandfleet::providers {

namespace asio = boost::asio;
using std::chrono::milliseconds;

namespace {
constexpr milliseconds agent_patience{10'000};
}

void set_life(sandbox_record& record, milliseconds life) {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  record.kept = true;
  record.expires_ms =
      life.count() == 0 ? 0 : std::chrono::duration_cast<milliseconds>(now + life).count();
}

asio::awaitable<result<void>> tell_life(asio::any_io_executor executor, instance where,
                                        milliseconds life) {
  transport::http_request request;
  request.method = "POST";
  request.target = where.agent.path + "/life";
  request.headers = {{std::string(protocol::api_key_header), where.session_key}};
  request.body = protocol::encode_life(life);
  request.timeout = agent_patience;
  transport::http_client agent(std::move(executor), where.agent.where, 0, where.agent.by);
  const auto reply = co_await agent.send(std::move(request));
  if (!reply)
    co_return fail(reply.error());
  if (reply->status != 200)
    co_return fail(protocol::decode_failure(reply->status, reply->body, "POST /life"));
  co_return result<void>{};
}

bool has_expired(const sandbox_record& record) {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return record.expires_ms != 0 && milliseconds(record.expires_ms) <= now;
}

} // namespace sandfleet::providers
