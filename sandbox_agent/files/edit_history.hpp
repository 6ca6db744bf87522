#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sandfleet::agent::files {

/// The texts to which `undo_edit` goes back: the last ten of each file, kept in one unlinked
/// temporary file, since memory is what the agent must not take from its sandbox.
class edit_history {
 public:
  edit_history() = default;
  ~edit_history();
  edit_history(const edit_history&) = delete;
  edit_history& operator=(const edit_history&) = delete;

  /// Forgets silently what cannot be kept (no space): undoing then says that there is nothing.
  void add(const std::string& path, std::string_view text);
  std::optional<std::string> pop(const std::string& path);

 private:
  struct entry {
    std::int64_t offset;
    std::size_t size;
  };
  void release(const entry& one) const;

  int fd_ = -1;
  std::int64_t end_ = 0;
  std::map<std::string, std::vector<entry>> entries_;
};

} // namespace sandfleet::agent::files
