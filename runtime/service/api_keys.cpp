#include "runtime/service/api_keys.hpp"

#include "runtime/core/text.hpp"

#include <algorithm>
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

result<std::shared_ptr<api_keys>> api_keys::make(std::vector<api_key> keys) {
  auto made = std::make_shared<api_keys>();
  auto filled = made->replace(std::move(keys));
  if (!filled)
    return fail(std::move(filled.error()));
  return made;
}

result<void> api_keys::replace(std::vector<api_key> keys) {
  const auto refuse = [](std::string message) {
    return fail(make_error(errc::invalid_configuration, std::move(message))
                    .with_hint("each key has a table [NAME] with key = \"SECRET\""));
  };
  if (keys.empty())
    return refuse("there is no API key");
  std::map<digest, std::string> owners;
  std::map<std::string, account> accounts;
  for (auto& one : keys) {
    if (one.name.empty())
      return refuse("an API key has no name");
    if (one.secret.size() < shortest_secret)
      return refuse("the API key '" + one.name + "' is shorter than 16 characters");
    if (!owners.emplace(digest_of(one.secret), one.name).second)
      return refuse("the API key '" + one.name + "' is another's too");
    if (!accounts.emplace(one.name, account{one.quota, one.policy, {}}).second)
      return refuse("there are two API keys called '" + one.name + "'");
  }
  const std::lock_guard lock(mutex_);
  for (auto& [name, now] : accounts)
    if (const auto before = accounts_.find(name); before != accounts_.end())
      now.starts = std::move(before->second.starts);
  owners_ = std::move(owners);
  accounts_ = std::move(accounts);
  return {};
}

std::optional<std::string> api_keys::owner_of(std::string_view secret) const {
  const auto shown = digest_of(secret);
  const std::lock_guard lock(mutex_);
  const auto found = owners_.find(shown);
  return found == owners_.end() ? std::nullopt : std::optional(found->second);
}

key_policy api_keys::policy_of(const std::string& owner) const {
  const std::lock_guard lock(mutex_);
  const auto found = accounts_.find(owner);
  return found == accounts_.end() ? key_policy{} : found->second.policy;
}

bool api_keys::limits_cpus() const {
  const std::lock_guard lock(mutex_);
  return std::ranges::any_of(accounts_,
                             [](const auto& one) { return one.second.quota.max_cpus.has_value(); });
}

bool api_keys::limits_memory() const {
  const std::lock_guard lock(mutex_);
  return std::ranges::any_of(
      accounts_, [](const auto& one) { return one.second.quota.max_memory_mb.has_value(); });
}

result<void> api_keys::admit(const std::string& owner, std::int64_t alive, resources taken,
                             resources wanted, clock::time_point now) {
  const auto refuse = [&](const std::string& what, evidence_value most, std::int64_t seconds) {
    return fail(make_error(errc::limit_exceeded, "the key '" + owner + "' may have no more " + what)
                    .blamed_on(failure_class::task)
                    .with("limit", std::move(most))
                    .with("retry_after_s", seconds));
  };
  constexpr std::int64_t until_one_ends = 5;
  const std::lock_guard lock(mutex_);
  auto& [quota, policy, starts] = accounts_[owner];
  while (!starts.empty() && starts.front() + window <= now)
    starts.pop_front();
  if (quota.max_sandboxes && alive >= *quota.max_sandboxes)
    return refuse("sandboxes at once", *quota.max_sandboxes, until_one_ends);
  if (quota.max_cpus && taken.cpus + wanted.cpus > *quota.max_cpus)
    return refuse("processors", core::number_text(*quota.max_cpus), until_one_ends);
  if (quota.max_memory_mb && taken.memory_mb + wanted.memory_mb > *quota.max_memory_mb)
    return refuse("MiB of memory", *quota.max_memory_mb, until_one_ends);
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
