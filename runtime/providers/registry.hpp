#pragma once

#include <sandfleet/error.hpp>
#include <sandfleet/ids.hpp>
#include <sandfleet/spec.hpp>

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <vector>

namespace sandfleet::providers {

/// What must be known of a sandbox to list it, to attach to it, and to remove it when its owner has
/// died.
struct sandbox_record {
  sandbox_id id;
  std::string session_id;      ///< of its specification
  std::string owner;           ///< token of the engine that started it
  pid_t owner_pid = 0;         ///< for people
  bool kept = false;           ///< lives as long as its launcher, without its owner
  std::int64_t expires_ms = 0; ///< end of a kept one's life, since the epoch; 0: none
  std::string image;
  std::string workspace;
  isolation_mode isolation = isolation_mode::namespaces;
  pid_t launcher = 0; ///< 0: not started yet
  std::uint64_t launcher_start = 0;
  std::string boot_id; ///< processes of another boot are gone
  std::int64_t created_ms = 0;
  std::map<std::string, std::string> labels;
  std::string engine;         ///< what tells the container's engine from others; empty: not known
  std::string overlays;       ///< a directory elsewhere that goes with the sandbox; empty: none
  bool was_asked_for = false; ///< of a runtime service, `engine`; maybe without an answer
  std::string runtime_id;     ///< what that service calls it; empty: not known

  friend bool operator==(const sandbox_record&, const sandbox_record&) = default;
};

[[nodiscard]] std::string to_json(const sandbox_record& record);
[[nodiscard]] result<sandbox_record> parse_record(std::string_view text);

/// /run/sandfleet for root, $XDG_RUNTIME_DIR/sandfleet or /tmp/sandfleet-UID for others.
[[nodiscard]] std::string default_state_dir();

/// A lock on a file, held until its last copy is gone: by destruction, or by the end of the
/// processes that have or inherited its descriptor.
class file_lock {
 public:
  file_lock() = default;
  file_lock(file_lock&& other) noexcept;
  file_lock& operator=(file_lock&& other) noexcept;
  ~file_lock();

  /// Nothing when another holds it, or when the file does not exist and `make` is false.
  static std::optional<file_lock> try_take(const std::string& path, bool make);
  /// Waits for it: only for locks that are held for an instant. Made when missing.
  static std::optional<file_lock> take(const std::string& path);
  /// Shared with others who only look. Nothing when one holds it alone, or without the file.
  static std::optional<file_lock> try_share(const std::string& path);

  [[nodiscard]] int descriptor() const { return fd_; }

 private:
  explicit file_lock(int fd) : fd_(fd) {}
  int fd_ = -1;
};

/// An entry whose owner has died. While this lives nobody else removes it.
struct orphan {
  sandbox_id id;
  std::string dir;
  std::optional<sandbox_record> record; ///< empty when it cannot be read
};

struct orphan_scan {
  std::vector<orphan> orphans;
  std::vector<error> failures; ///< entries that are not ours to judge
  std::vector<std::pair<std::string, file_lock>> dead_leases; ///< and the files they lock
  file_lock scan;                                             ///< one scan at a time
};

/// An entry as it is found.
struct registry_entry {
  sandbox_record record;
  std::string session_key; ///< of its agent; never logged
  std::string dir;
  bool owned = false; ///< its owner lives
  bool held = false;  ///< its launcher lives

  /// Nobody looks after it: it is to be removed.
  [[nodiscard]] bool abandoned() const { return record.kept ? !held : !owned; }
};

/// The directory where engines on this machine note their sandboxes:
///   owners/TOKEN.lock      locked while the engine lives: its lease
///   sandboxes/ID/          record.json, and what the launcher keeps there
///   sandboxes/ID/key       the session key; locked while the launcher lives
///   sessions/SESSION       a link that names the sandbox of that session id
/// A sandbox is handed over to its launcher by one change of its record, before the launcher is
/// told: an engine that dies in between leaves an entry that is abandoned when its launcher, which
/// sees that, has ended.
/// Safe between processes and between threads.
class registry {
 public:
  /// Makes the directory and takes a lease. The directory must belong to this user alone.
  static result<std::shared_ptr<registry>> open(const std::string& state_dir);

  registry(const registry&) = delete;
  registry& operator=(const registry&) = delete;
  ~registry();

  [[nodiscard]] const std::string& owner() const { return owner_; }
  [[nodiscard]] std::string dir_of(const sandbox_id& id) const;

  /// Makes the entry. It appears whole or not at all. Returns the lock that its launcher is to
  /// inherit. `already_exists` when another that lives has its session id.
  [[nodiscard]] result<file_lock> add(const sandbox_record& record,
                                      std::string_view session_key) const;
  result<void> update(const sandbox_record& record) const;

  /// The entries of this user, in no order; those that cannot be read are left out.
  [[nodiscard]] std::vector<registry_entry> list() const;
  [[nodiscard]] std::optional<registry_entry> find(const sandbox_id& id) const;

  /// What owners that died have left. Nothing when another process is just looking.
  [[nodiscard]] std::optional<orphan_scan> find_orphans() const;

  /// To be called when the orphans of a scan have been removed.
  void forget(orphan_scan& scan) const;

 private:
  registry(std::string state_dir, std::string owner, file_lock lease);
  [[nodiscard]] std::string lease_path(std::string_view owner) const;
  [[nodiscard]] std::string session_link(const std::string& session_id) const;
  [[nodiscard]] result<void> claim_session(const sandbox_record& record) const;
  void drop_dead_sessions() const;
  [[nodiscard]] std::optional<registry_entry> read_entry(const sandbox_id& id) const;

  std::string state_dir_;
  std::string owner_;
  file_lock lease_;
};

/// This boot of the machine.
[[nodiscard]] std::string current_boot_id();

} // namespace sandfleet::providers
