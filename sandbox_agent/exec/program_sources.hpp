#pragma once

#include <cstdint>
#include <ctime>
#include <map>
#include <optional>
#include <string>
#include <sys/types.h>

namespace sandfleet::agent {

/// What decides which code a program consists of before its own begins: the directories of programs
/// and libraries, the dynamic loader's files, Python's site customisation. Commands that run as the
/// sandbox's root may put other things in its place. Where the programs themselves are not
/// read-only, nothing is looked at.
class program_sources {
 public:
  /// Notes how things are.
  program_sources();

  /// A path that is not what it was then.
  [[nodiscard]] std::optional<std::string> changed() const;

 private:
  struct identity {
    dev_t device = 0;
    ino_t inode = 0;
    std::int64_t changed_s = 0; ///< the time that no program can set; of what is writable alone
    std::int64_t changed_ns = 0;

    friend bool operator==(const identity&, const identity&) = default;
  };
  using picture = std::map<std::string, identity>; ///< what is missing has no entry

  static picture look();

  picture before_;
};

} // namespace sandfleet::agent
