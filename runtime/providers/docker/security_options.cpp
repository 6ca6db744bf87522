#include "runtime/providers/docker/security_options.hpp"

#include "runtime/core/text.hpp"
#include "runtime/protocol/json_object.hpp"

#include <boost/json/serialize.hpp>

#include <array>
#include <cerrno>
#include <fstream>
#include <string_view>

namespace sandfleet::providers::docker {

namespace {

/// Docker's own has 12 KiB.
constexpr std::size_t largest_profile = 4U << 20;

tl::unexpected<error> unreadable(const std::string& path, int number) {
  const auto code = number == ENOENT ? errc::not_found : errc::io_error;
  return fail(errno_error(code, "the seccomp profile '" + path + "' cannot be read", number)
                  .blamed_on(failure_class::task)
                  .with_hint("security_options: seccomp=FILE names a file of this machine"));
}

result<std::string> read_profile(const std::string& path) {
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  if (!file.is_open())
    return unreadable(path, errno);
  std::string text(largest_profile, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (file.bad())
    return unreadable(path, errno != 0 ? errno : EIO);
  text.resize(static_cast<std::size_t>(file.gcount()));
  const auto read = protocol::parse_json(text);
  if (!read || !read->is_object())
    return fail(make_error(errc::invalid_argument,
                           "the seccomp profile '" + path + "' is not a JSON object")
                    .with_cause(read ? "" : read.error()));
  return boost::json::serialize(*read);
}

} // namespace

result<std::vector<std::string>> resolve_security(std::vector<std::string> options) {
  for (auto& option : options)
    for (const std::string_view name : {"seccomp=", "seccomp:"}) {
      if (!option.starts_with(name))
        continue;
      const auto value = option.substr(name.size());
      if (value == "unconfined" || value == "builtin" || core::trim(value).starts_with('{'))
        break;
      auto profile = read_profile(value);
      if (!profile)
        return fail(std::move(profile.error()));
      option = "seccomp=" + *profile;
      break;
    }
  return options;
}

} // namespace sandfleet::providers::docker
