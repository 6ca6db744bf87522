#pragma once

#include "tests/support/engine_fixture.hpp"

#include <sstream>
#include <string>
#include <vector>

namespace sandfleet::tests {

inline constexpr const char* probe_path = "/probe";

inline std::vector<std::string> lines_of(const std::string& text) {
  std::istringstream in(text);
  std::vector<std::string> lines;
  for (std::string line; std::getline(in, line);)
    lines.push_back(line);
  return lines;
}

/// Sandboxes with the real agent, and the probe in them.
class isolation_fixture : public engine_fixture {
 protected:
  static sandbox_spec with_probe() {
    sandbox_spec spec;
    spec.volumes = {{PROBE, probe_path, true}};
    return spec;
  }

  /// What a shell text prints on both its outputs.
  std::string in(sandbox& box, const std::string& text) {
    exec_request request;
    request.argv = {"/bin/sh", "-c", "exec 2>&1; " + text};
    auto done = wait_for(box.exec(std::move(request)));
    return done ? done->out : done.error().to_string();
  }

  bool has_program(sandbox& box, const std::string& name) {
    return in(box, "command -v " + name + " >/dev/null && echo yes") == "yes\n";
  }

  /// False where a plain user has no subordinate ids: its sandboxes have the user root alone.
  bool has_other_users(sandbox& box) {
    return in(box, probe_path + std::string(" --as-user nothing")).empty();
  }
};

} // namespace sandfleet::tests
