#pragma once

#include "runtime/config/layers.hpp"
#include "runtime/config/setting_table.hpp"

#include <sandfleet/error.hpp>
#include <sandfleet/settings.hpp>
#include <sandfleet/spec.hpp>

#include <array>
#include <chrono>
#include <optional>
#include <string>
#include <vector>

namespace sandfleet::config {

/// One setting as it holds, and the names that gave it, strongest first.
struct entry {
  value held;
  std::vector<origin> from;
};

/// A name of OpenHands that was given.
struct named_origin {
  std::string name;
  origin from;
};

/// The outcome of all layers.
class resolved {
 public:
  [[nodiscard]] const entry& at(key which) const {
    return entries_[static_cast<std::size_t>(which)];
  }

  /// Whether somebody said so, and it is not the default alone.
  [[nodiscard]] bool was_given(key which) const;

  /// The value as text for people; what may be secret is masked.
  [[nodiscard]] std::string shown(key which) const;

  /// A text, path or choice; empty when not set.
  [[nodiscard]] std::string text(key which) const;
  /// A whole number; nothing when not set, or when it is a word such as "auto".
  [[nodiscard]] std::optional<std::int64_t> integer(key which) const;
  [[nodiscard]] std::optional<double> number(key which) const;
  [[nodiscard]] bool truth(key which) const;
  [[nodiscard]] std::vector<std::string> list(key which) const;
  [[nodiscard]] std::chrono::milliseconds duration(key which) const;

  /// Checked by `validate(settings)`; an error names the source of the bad value too.
  [[nodiscard]] result<settings> engine_settings() const;

  /// What a sandbox gets when nothing else is said: provider, image, workspace, env, volumes,
  /// limits, network, isolation, start time-out. Checked by `validate(sandbox_spec)`.
  [[nodiscard]] result<sandbox_spec> base_spec() const;

  [[nodiscard]] const std::optional<std::string>& file() const { return file_; }
  /// Names of OpenHands that mean nothing here.
  [[nodiscard]] const std::vector<named_origin>& ignored() const { return ignored_; }
  /// Names that OpenHands calls deprecated in favour of SANDBOX_VOLUMES, by their variables.
  [[nodiscard]] const std::vector<named_origin>& deprecated() const { return deprecated_; }

 private:
  friend result<resolved> resolve(const sources& given);
  void leave_to_service(sandbox_spec& spec) const;

  std::array<entry, key_count> entries_;
  std::optional<std::string> file_;
  std::vector<named_origin> ignored_;
  std::vector<named_origin> deprecated_;
  bool base_is_superseded_ = false;
};

/// Merges all layers. Every value of every layer is checked, an overridden one too. Errors:
/// `invalid_configuration` naming setting, source and what is allowed; `not_found` and `io_error`
/// for a file that was named and cannot be read.
[[nodiscard]] result<resolved> resolve(const sources& given);

} // namespace sandfleet::config
