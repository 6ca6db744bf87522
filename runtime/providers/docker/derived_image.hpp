#pragma once

#include "runtime/core/line_splitter.hpp"
#include "runtime/docker/types.hpp"

#include <sandfleet/docker.hpp>
#include <sandfleet/error.hpp>

#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// Images that are others with commands run in them. Pure.
namespace sandfleet::providers::docker {

struct derived_image {
  std::string base;
  std::string platform;
  std::string commands;
  std::vector<std::string> arguments; ///< as of `docker build`
  bool force = false;                 ///< even if there is one
};

/// What the options of a container say of its image.
[[nodiscard]] derived_image wish_of(std::string base, const docker_options& options);

/// What a derived image is called.
struct derived_names {
  std::string source;    ///< this base's contents, these commands: the same name, the same image
  std::string lock;      ///< the latest with a base of this name and these commands
  std::string versioned; ///< the latest with a base of this name
};

/// `base_id` is the engine's id of the base.
[[nodiscard]] derived_names names_of(const derived_image& wish, std::string_view base_id,
                                     std::string_view dockerfile, std::string_view repository);

/// Arguments of `docker build` as the Engine API takes them.
struct build_arguments {
  std::vector<std::pair<std::string, std::string>> query;
  std::vector<std::string> names; ///< of `--build-arg`
  std::string platform;
};

/// `invalid_argument` names one that is not known, or lacks its value.
[[nodiscard]] result<build_arguments> build_options(const std::vector<std::string>& arguments);

/// Runs the commands as root with /bin/sh, which says each before it runs it and ends at the first
/// that fails; the user is then again `user`, the base's. `limit_exceeded` above 60 kB.
[[nodiscard]] result<std::string> dockerfile_of(const derived_image& wish, std::string_view user,
                                                const std::vector<std::string>& arguments);

/// What a build printed, as far as it is needed to say why it failed.
class build_log {
 public:
  void take(const sandfleet::docker::progress_line& line,
            const std::function<void(std::string_view)>& on_line);

  /// A command that failed is the task's fault: which, in which step, with which exit code.
  [[nodiscard]] error explain(const std::string& image, error refusal) const;

 private:
  core::line_splitter lines_{std::size_t{64} << 10};
  std::string step_;    ///< "3/4"
  std::string command_; ///< that was begun last: "apt-get update"
  std::string tail_;
};

} // namespace sandfleet::providers::docker
