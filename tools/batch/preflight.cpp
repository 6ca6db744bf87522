#include "tools/batch/preflight.hpp"

#include <filesystem>
#include <string>

namespace sandfleet::batch {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view rootfs_prefix = "rootfs:";

tl::unexpected<error> contradiction(const std::string& what, const std::string& why) {
  return fail(make_error(errc::invalid_configuration, what + " contradicts --isolation none")
                  .with_cause(why)
                  .with_hint("leave one of the two out"));
}

result<void> check_unisolated(const sandbox_spec& base, bool has_own_root) {
  if (!base.volumes.empty())
    return contradiction("--volume", "without isolation a sandbox has no mounts of its own");
  if (has_own_root)
    return contradiction("--image " + base.image,
                         "without isolation a sandbox runs on the machine's own files");
  return {};
}

} // namespace

result<void> check_base(const sandbox_spec& base, bool image_is_used) {
  if (base.provider.str() != "local")
    return {};
  const bool has_own_root = image_is_used && base.image.starts_with(rootfs_prefix);
  if (base.isolation == isolation_mode::none)
    if (auto checked = check_unisolated(base, has_own_root); !checked)
      return checked;
  std::error_code failed;
  for (const auto& volume : base.volumes)
    if (!fs::exists(volume.host_path, failed))
      return fail(make_error(errc::not_found, "volume '" + volume.host_path + "' does not exist")
                      .with_hint("make it first, or correct the path before the ':'"));
  if (has_own_root && !fs::is_directory(base.image.substr(rootfs_prefix.size()), failed))
    return fail(make_error(errc::not_found, "image '" + base.image + "' is not a directory")
                    .with_hint("unpack the image's files there, or correct --image"));
  return {};
}

} // namespace sandfleet::batch
