#pragma once

#include "tools/cli/context.hpp"
#include "tools/cli/foreground.hpp"

#include <sandfleet/engine.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sandfleet::cli {

/// The label that shows what a sandbox was made to run.
inline constexpr std::string_view command_label = "command";

/// What providers have on this machine: that of the configuration, and, unless `--provider` was
/// given, all others that have a state here. Their engines look at what is there: they remove
/// nothing by themselves and check nobody's health.
class known_sandboxes {
 public:
  explicit known_sandboxes(const cli_context& context);

  /// A sandbox, and the engine by which to reach it, which lives as long as this.
  struct located {
    sandbox_info info;
    engine* runtime;
  };

  /// That which a user means: by its id, its name, or the beginning of an id that no other has. The
  /// configured provider is asked first. `invalid_argument` names all that could be meant,
  /// `not_found` the nearest.
  [[nodiscard]] result<located> find(const std::string& wanted);

  /// All of them, by provider. Who does not answer soon, or cannot be asked, is named by
  /// `failures`.
  [[nodiscard]] std::vector<located> list();

  /// Removes what programs that died have left, with each provider.
  [[nodiscard]] recovered clean_up(clean_up_mode mode);

  /// Of those that could not be asked up to now.
  [[nodiscard]] const std::vector<error>& failures() const { return failures_; }
  /// Whether all of those that were to be asked are among the failures.
  [[nodiscard]] bool is_blind() const { return failures_.size() == places_.size(); }

 private:
  struct place {
    provider_name provider;
    bool is_opened = false;
    std::optional<engine> runtime;
    std::optional<std::vector<sandbox_info>> all;
  };

  engine* open(place& which);
  const std::vector<sandbox_info>& list(place& which);
  void note(const place& which, error failure);

  const cli_context& context_;
  std::vector<place> places_;
  std::vector<error> failures_;
};

/// Restricts to a provider.
void add_provider_flag(CLI::App& app, config::flag_layer& flags);

/// A name is a session id, but must not look like an id.
[[nodiscard]] result<void> check_name(const std::string& name);

/// The label's value; empty when there is none.
[[nodiscard]] std::string label_of(const sandbox_info& info, std::string_view label);

/// Words as a shell would take them, at most 200 bytes.
[[nodiscard]] std::string command_text(const std::vector<std::string>& words);

} // namespace sandfleet::cli
