#include "runtime/service/api_keys.hpp"

#include <openssl/sha.h>

namespace sandfleet::service {

namespace {
constexpr std::size_t shortest_secret = 16;
constexpr std::chrono::minutes window{1};
} // namespace

api_keys::digest api_keys::digest_of(std::string_view secret) {
  digest made{};
  SHA256(reinterpret_cast<const unsigned char*>(secret.data()), secret.size(), made.data());
  return made;
}

result<api_keys> api_keys::make(std::vector<api_key> keys) {
  const auto refuse = [](std::string message) {
    return fail(make_error(errc::invalid_configuration, std::move(message))
                    .with_hint("each key has a table [keys.NAME] with key = \"SECRET\""));
  };
  if (keys.empty())
    return refuse("there is no API key");
  api_keys made;
  for (auto& one : keys) {
    if (one.secret.size() < shortest_secret)
      return refuse("the API key '" + one.name + "' is shorter than 16 characters");
    if (!made.owners_.emplace(digest_of(one.secret), one.name).second)
      return refuse("the API key '" + one.name + "' is another's too");
    if (!made.accounts_.emplace(one.name, account{one.quota, {}}).second)
      return refuse("there are two API keys called '" + one.name + "'");
  }
  return made;
}

std::optional<std::string> api_keys::owner_of(std::string_view secret) const {
  const auto found = owners_.find(digest_of(secret));
  return found == owners_.end() ? std::nullopt : std::optional(found->second);
}

result<void> api_keys::admit(const std::string& owner, std::int64_t alive, clock::time_point now) {
  const auto refuse = [&](const std::string& what, std::int64_t most, std::int64_t seconds) {
    return fail(make_error(errc::limit_exceeded, "the key '" + owner + "' may have no more " + what)
                    .blamed_on(failure_class::task)
                    .with("limit", most)
                    .with("retry_after_s", seconds));
  };
  const std::lock_guard lock(*mutex_);
  auto& [quota, starts] = accounts_[owner];
  while (!starts.empty() && starts.front() + window <= now)
    starts.pop_front();
  if (quota.max_sandboxes && alive >= *quota.max_sandboxes)
    return refuse("sandboxes at once", *quota.max_sandboxes, 5);
  if (quota.starts_per_minute &&
      static_cast<std::int64_t>(starts.size()) >= *quota.starts_per_minute) {
    const auto wait = starts.empty()
                          ? window
                          : std::chrono::ceil<std::chrono::seconds>(starts.front() + window - now);
    return refuse("starts a minute", *quota.starts_per_minute,
                  std::chrono::duration_cast<std::chrono::seconds>(wait).count());
  }
  if (quota.starts_per_minute)
    starts.push_back(now);
  return {};
}

} // namespace sandfleet::service
