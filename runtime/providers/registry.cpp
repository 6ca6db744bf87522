#include "runtime/providers/registry.hpp"

#include "runtime/core/text.hpp"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

namespace sandfleet::providers {

namespace fs = std::filesystem;

namespace {

constexpr const char* record_name = "/record.json";
constexpr const char* key_name = "/key";
constexpr std::string_view half_made_prefix = ".new-";
constexpr std::size_t token_length = 16;
constexpr int lease_attempts = 5;

std::string read_file(const std::string& path) {
  const std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  return in ? text.str() : std::string{};
}

/// 0 or an errno. Readers see the old text or the new one, never a part.
int replace_file(const std::string& path, std::string_view text) {
  const auto temporary = path + ".new";
  const int fd = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0)
    return errno;
  int failed = 0;
  while (!text.empty() && failed == 0) {
    const auto n = ::write(fd, text.data(), text.size());
    if (n >= 0)
      text.remove_prefix(static_cast<std::size_t>(n));
    else if (errno != EINTR)
      failed = errno;
  }
  ::close(fd);
  if (failed == 0 && ::rename(temporary.c_str(), path.c_str()) != 0)
    failed = errno;
  return failed;
}

tl::unexpected<error> broken(const std::string& what, int error_number) {
  auto code =
      error_number == EACCES || error_number == EPERM ? errc::permission_denied : errc::io_error;
  return fail(errno_error(code, what, error_number)
                  .with_hint("choose another directory by the setting state_dir"));
}

/// Others must not be able to put links or sockets where this user's are expected.
result<void> make_private_dir(const std::string& path) {
  if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST)
    return broken("cannot make '" + path + "'", errno);
  struct stat info {};
  if (::lstat(path.c_str(), &info) != 0)
    return broken("cannot use '" + path + "'", errno);
  if (!S_ISDIR(info.st_mode) || info.st_uid != ::geteuid() || (info.st_mode & 0022) != 0)
    return fail(make_error(errc::permission_denied, "'" + path + "' is not safe to use")
                    .with_cause("it is not a directory that belongs to this user and that no other "
                                "may write to")
                    .with_hint("remove it, or choose another directory by the setting state_dir"));
  return {};
}

/// Whether another process holds the lock of a file alone.
bool is_held(const std::string& path) {
  return !file_lock::try_share(path) && errno == EWOULDBLOCK;
}

/// The record of an entry, if it is one and that entry's own.
std::optional<sandbox_record> record_of(const std::string& dir, const sandbox_id& id) {
  auto record = parse_record(read_file(dir + record_name));
  return record && record->id == id ? std::optional(std::move(*record)) : std::nullopt;
}

/// Whether it lives, as far as can be seen here. A container has no launcher.
bool has_claim(const registry_entry& entry) {
  const auto& record = entry.record;
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const bool expired =
      record.expires_ms != 0 && std::chrono::milliseconds(record.expires_ms) <= now;
  return !expired && (record.kept ? entry.held || record.launcher == 0 : entry.owned);
}

bool is_ours(const std::string& path) {
  struct stat info {};
  return ::lstat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode) && info.st_uid == ::geteuid();
}

} // namespace

std::string current_boot_id() {
  return std::string(core::trim(read_file("/proc/sys/kernel/random/boot_id")));
}

std::string default_state_dir() {
  if (::geteuid() == 0)
    return "/run/sandfleet";
  const char* runtime = std::getenv("XDG_RUNTIME_DIR"); // NOLINT(concurrency-mt-unsafe): start-up
  if (runtime != nullptr && *runtime == '/')
    return std::string(runtime) + "/sandfleet";
  return "/tmp/sandfleet-" + std::to_string(::geteuid());
}

file_lock::file_lock(file_lock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

file_lock& file_lock::operator=(file_lock&& other) noexcept {
  std::swap(fd_, other.fd_);
  return *this;
}

file_lock::~file_lock() {
  if (fd_ >= 0)
    ::close(fd_);
}

std::optional<file_lock> file_lock::try_take(const std::string& path, bool make) {
  file_lock lock(
      ::open(path.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW | (make ? O_CREAT : 0), 0600));
  if (lock.fd_ < 0 || ::flock(lock.fd_, LOCK_EX | LOCK_NB) != 0)
    return std::nullopt;
  return lock;
}

std::optional<file_lock> file_lock::take(const std::string& path) {
  file_lock lock(::open(path.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_CREAT, 0600));
  if (lock.fd_ < 0)
    return std::nullopt;
  while (::flock(lock.fd_, LOCK_EX) != 0)
    if (errno != EINTR)
      return std::nullopt;
  return lock;
}

std::optional<file_lock> file_lock::try_share(const std::string& path) {
  file_lock lock(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (lock.fd_ < 0 || ::flock(lock.fd_, LOCK_SH | LOCK_NB) != 0)
    return std::nullopt;
  return lock;
}

registry::registry(std::string state_dir, std::string owner, file_lock lease)
    : state_dir_(std::move(state_dir)), owner_(std::move(owner)), lease_(std::move(lease)) {}

registry::~registry() {
  std::error_code ignored;
  fs::remove(lease_path(owner_), ignored);
}

std::string registry::lease_path(std::string_view owner) const {
  return state_dir_ + "/owners/" + std::string(owner) + ".lock";
}

std::string registry::dir_of(const sandbox_id& id) const {
  return state_dir_ + "/sandboxes/" + id.str();
}

result<std::shared_ptr<registry>> registry::open(const std::string& state_dir) {
  std::error_code ignored;
  fs::create_directories(fs::path(state_dir).parent_path(), ignored);
  for (const char* dir : {"", "/owners", "/sandboxes", "/sessions"})
    if (auto made = make_private_dir(state_dir + dir); !made)
      return fail(made.error());
  // Another engine's scan may take an unlocked file for a dead one: then a new one is made.
  int failed = 0;
  for (int attempt = 0; attempt < lease_attempts; ++attempt) {
    auto owner = make_secret().substr(0, token_length);
    // Locked before it has its name: a lease that can be seen is held or dead.
    const auto unnamed = state_dir + "/owners/" + std::string(half_made_prefix) + owner;
    auto lease = file_lock::try_take(unnamed, true);
    failed = errno;
    if (!lease)
      continue;
    std::shared_ptr<registry> made(new registry(state_dir, owner, std::move(*lease)));
    if (::rename(unnamed.c_str(), made->lease_path(owner).c_str()) == 0)
      return made;
    failed = errno;
  }
  return broken("cannot take a lease in '" + state_dir + "'", failed);
}

std::string registry::session_link(const std::string& session_id) const {
  return state_dir_ + "/sessions/" + session_id;
}

/// Two that want the same session id at one moment ask one after the other.
result<void> registry::claim_session(const sandbox_record& record) const {
  const auto link = session_link(record.session_id);
  const auto gate = file_lock::take(state_dir_ + "/sessions.lock");
  std::error_code failed;
  const auto holder = fs::read_symlink(link, failed);
  if (!failed) {
    const auto other = find(sandbox_id(holder.string()));
    if (other && has_claim(*other) && other->record.id != record.id &&
        other->record.session_id == record.session_id)
      return fail(
          make_error(errc::already_exists,
                     "session_id: there is a sandbox of the session '" + record.session_id + "'")
              .with_cause(other->record.id.str())
              .with_hint("attach to it, or stop it"));
    fs::remove(link, failed);
  }
  if (::symlink(record.id.str().c_str(), link.c_str()) != 0)
    return broken("cannot note the session '" + record.session_id + "'", errno);
  return {};
}

void registry::drop_dead_sessions() const {
  const auto gate = file_lock::take(state_dir_ + "/sessions.lock");
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(state_dir_ + "/sessions", ignored))
    if (!fs::exists(dir_of(sandbox_id(fs::read_symlink(entry.path(), ignored).string()))))
      fs::remove(entry.path(), ignored);
}

result<file_lock> registry::add(const sandbox_record& record, std::string_view session_key) const {
  // Named after the owner until the record stands in it, and until it is locked: whoever lists sees
  // it whole, and cannot come before the lock.
  const auto half_made =
      state_dir_ + "/sandboxes/" + std::string(half_made_prefix) + owner_ + "-" + record.id.str();
  const auto dir = dir_of(record.id);
  if (::mkdir(half_made.c_str(), 0700) != 0)
    return broken("cannot make '" + half_made + "'", errno);
  int failed = replace_file(half_made + record_name, to_json(record));
  if (failed == 0)
    failed = replace_file(half_made + key_name, session_key);
  std::optional<file_lock> lease;
  if (failed == 0 && !(lease = file_lock::try_take(half_made + key_name, false)))
    failed = errno;
  if (failed == 0 && ::rename(half_made.c_str(), dir.c_str()) != 0)
    failed = errno;
  std::error_code ignored;
  if (failed == 0) {
    const auto claimed = record.session_id.empty() ? result<void>() : claim_session(record);
    if (claimed)
      return std::move(*lease);
    fs::remove_all(dir, ignored);
    return fail(claimed.error());
  }
  fs::remove_all(half_made, ignored);
  if (failed == ENOTEMPTY || failed == EEXIST)
    return fail(errc::already_exists, "the sandbox " + record.id.str() + " exists");
  return broken("cannot note a sandbox in '" + dir + "'", failed);
}

result<void> registry::update(const sandbox_record& record) const {
  if (const int failed = replace_file(dir_of(record.id) + record_name, to_json(record)))
    return broken("cannot note a sandbox in '" + dir_of(record.id) + "'", failed);
  return {};
}

std::optional<registry_entry> registry::read_entry(const sandbox_id& id) const {
  registry_entry entry;
  entry.dir = dir_of(id);
  if (!is_ours(entry.dir))
    return std::nullopt;
  auto record = record_of(entry.dir, id);
  if (!record)
    return std::nullopt;
  entry.record = std::move(*record);
  entry.session_key = read_file(entry.dir + key_name);
  entry.held = is_held(entry.dir + key_name);
  return entry;
}

std::optional<registry_entry> registry::find(const sandbox_id& id) const {
  if (!is_sandbox_id(id.str()))
    return std::nullopt;
  auto entry = read_entry(id);
  if (entry)
    entry->owned = entry->record.owner == owner_ || is_held(lease_path(entry->record.owner));
  return entry;
}

std::vector<registry_entry> registry::list() const {
  std::vector<registry_entry> found;
  std::map<std::string, bool> alive = {{owner_, true}};
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(state_dir_ + "/sandboxes", ignored)) {
    const auto name = entry.path().filename().string();
    if (!is_sandbox_id(name))
      continue;
    auto one = read_entry(sandbox_id(name));
    if (!one)
      continue;
    const auto [owner, fresh] = alive.try_emplace(one->record.owner, false);
    if (fresh)
      owner->second = is_held(lease_path(owner->first));
    one->owned = owner->second;
    found.push_back(std::move(*one));
  }
  return found;
}

std::optional<orphan_scan> registry::find_orphans() const {
  auto lock = file_lock::try_take(state_dir_ + "/scan.lock", true);
  if (!lock)
    return std::nullopt;
  orphan_scan scan;
  scan.scan = std::move(*lock);

  std::map<std::string, bool> alive = {{owner_, true}};
  const auto lives = [&](const std::string& owner) {
    const auto known = alive.find(owner);
    if (known != alive.end())
      return known->second;
    const auto path = lease_path(owner);
    // Shared, so that one who lists at this moment is not taken for the owner.
    auto lease = file_lock::try_share(path);
    const bool held = !lease && fs::exists(path);
    if (lease)
      scan.dead_leases.emplace_back(path, std::move(*lease));
    return alive[owner] = held;
  };

  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(state_dir_ + "/owners", ignored)) {
    const auto name = entry.path().filename().string();
    if (entry.path().extension() == ".lock")
      lives(entry.path().stem().string());
    else if (name.starts_with(half_made_prefix))
      if (auto lease = file_lock::try_take(entry.path().string(), false))
        scan.dead_leases.emplace_back(entry.path().string(), std::move(*lease));
  }
  for (const auto& entry : fs::directory_iterator(state_dir_ + "/sandboxes", ignored)) {
    const auto dir = entry.path().string();
    const auto name = entry.path().filename().string();
    const bool half_made = name.starts_with(half_made_prefix) &&
                           name.size() > half_made_prefix.size() + token_length + 1;
    if (!is_ours(dir) || !(half_made || is_sandbox_id(name))) {
      scan.failures.push_back(make_error(errc::io_error, "'" + dir + "' was left alone")
                                  .with_cause("it is not the record of a sandbox of this user")
                                  .with_hint("remove it when it is of no use"));
      continue;
    }
    orphan found;
    found.dir = dir;
    if (half_made) {
      found.id = sandbox_id(name.substr(half_made_prefix.size() + token_length + 1));
      if (lives(name.substr(half_made_prefix.size(), token_length)))
        continue;
    } else {
      found.id = sandbox_id(name);
      found.record = record_of(dir, found.id);
      // Records are replaced whole: one that cannot be read was damaged by a crash of the machine.
      if (found.record &&
          (found.record->kept ? is_held(dir + key_name) : lives(found.record->owner)))
        continue;
    }
    scan.orphans.push_back(std::move(found));
  }
  drop_dead_sessions();
  return scan;
}

void registry::forget(orphan_scan& scan) const {
  drop_dead_sessions();
  std::error_code ignored;
  for (const auto& [path, lease] : scan.dead_leases)
    fs::remove(path, ignored);
  scan.dead_leases.clear();
}

} // namespace sandfleet::providers
