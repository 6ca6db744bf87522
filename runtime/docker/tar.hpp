#pragma once

#include <sandfleet/error.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace sandfleet::docker {

struct tar_file {
  std::string path; ///< relative; of a directory with a slash at its end
  std::string_view bytes;
  unsigned mode = 0644;
};

enum class tar_compression { none, gzip };

/// The bytes of a tar archive (ustar, with pax headers where a path needs them), all files root's.
/// The same files give the same bytes.
[[nodiscard]] result<std::string> make_tar(const std::vector<tar_file>& files,
                                           tar_compression how = tar_compression::none);

} // namespace sandfleet::docker
