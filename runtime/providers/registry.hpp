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

/// What must be known of a sandbox to remove it when its owner has died.
struct sandbox_record {
  sandbox_id id;
  std::string owner; ///< token of the engine
  isolation_mode isolation = isolation_mode::namespaces;
  pid_t launcher = 0; ///< 0: not started yet
  std::uint64_t launcher_start = 0;
  std::string boot_id; ///< processes of another boot are gone
  std::int64_t created_ms = 0;
  std::map<std::string, std::string> labels;

  friend bool operator==(const sandbox_record&, const sandbox_record&) = default;
};

[[nodiscard]] std::string to_json(const sandbox_record& record);
[[nodiscard]] result<sandbox_record> parse_record(std::string_view text);

/// /run/sandfleet for root, $XDG_RUNTIME_DIR/sandfleet or /tmp/sandfleet-UID for others.
[[nodiscard]] std::string default_state_dir();

/// An exclusive lock on a file, held until destruction or the process's end.
class file_lock {
 public:
  file_lock() = default;
  file_lock(file_lock&& other) noexcept;
  file_lock& operator=(file_lock&& other) noexcept;
  ~file_lock();

  /// Nothing when another holds it, or when the file does not exist and `make` is false.
  static std::optional<file_lock> try_take(const std::string& path, bool make);

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

/// The directory where engines on this machine note their sandboxes:
///   owners/TOKEN.lock      locked while the engine lives: its lease
///   sandboxes/ID/          record.json, and what the launcher keeps there
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

  /// Makes the entry. It appears with its record or not at all.
  result<void> add(const sandbox_record& record) const;
  result<void> update(const sandbox_record& record) const;

  /// What owners that died have left. Nothing when another process is just looking.
  [[nodiscard]] std::optional<orphan_scan> find_orphans() const;

  /// To be called when the orphans of a scan have been removed.
  static void forget(orphan_scan& scan);

 private:
  registry(std::string state_dir, std::string owner, file_lock lease);
  [[nodiscard]] std::string lease_path(std::string_view owner) const;

  std::string state_dir_;
  std::string owner_;
  file_lock lease_;
};

/// This boot of the machine.
[[nodiscard]] std::string current_boot_id();

} // namespace sandfleet::providers
