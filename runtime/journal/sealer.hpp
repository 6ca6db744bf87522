#pragma once

#include <sandfleet/error.hpp>

#include <array>
#include <string>
#include <string_view>

namespace sandfleet::journal {

/// Keeps secrets out of a file that is copied or backed up: AES-256-GCM with a key of its own, in a
/// file beside it that only this user may read.
class sealer {
 public:
  /// Makes the key when the file is missing. Errors: `io_error`, `permission_denied` when others
  /// may read it.
  static result<sealer> open(const std::string& key_path);

  /// Bytes that only `unseal` with the same key and the same `context` (what the secret belongs to)
  /// turns back. An empty text stays empty.
  [[nodiscard]] std::string seal(std::string_view text, std::string_view context) const;
  /// Errors: `io_error` when the bytes were changed, or sealed with another key or context.
  [[nodiscard]] result<std::string> unseal(std::string_view sealed, std::string_view context) const;

 private:
  static constexpr std::size_t key_size = 32;
  std::array<unsigned char, key_size> key_{};
};

} // namespace sandfleet::journal
