#include "sandbox_agent/launcher/request.hpp"

#include "runtime/core/text.hpp"

namespace sandfleet::launcher {

namespace {

constexpr std::string_view rootfs_prefix = "rootfs:";

bool is_absolute(std::string_view path) {
  return path.starts_with('/');
}

tl::unexpected<error> bad(std::string_view argument, std::string_view value, std::string_view why) {
  return fail(make_error(errc::invalid_argument, std::string(argument) + ": '" +
                                                     std::string(value) + "' " + std::string(why)));
}

/// Takes values off the list one by one; what is missing or malformed is remembered.
class reader {
 public:
  explicit reader(std::span<const std::string_view> arguments) : rest_(arguments) {}

  [[nodiscard]] bool done() const { return rest_.empty() || failure_; }
  [[nodiscard]] const std::optional<error>& failure() const { return failure_; }

  std::string_view next_name() {
    name_ = take();
    return name_;
  }

  std::string value() {
    if (rest_.empty()) {
      reject({}, "has no value");
      return {};
    }
    return std::string(take());
  }

  std::string path() {
    auto text = value();
    if (!is_absolute(text))
      reject(text, "is not an absolute path");
    return text;
  }

  std::int64_t integer() {
    const auto text = value();
    const auto number = core::parse_integer(text);
    if (!number || *number < 1)
      reject(text, "is not a whole number above 0");
    return number.value_or(0);
  }

  double number() {
    const auto text = value();
    const auto parsed = core::parse_number(text);
    if (!parsed || *parsed <= 0)
      reject(text, "is not a number above 0");
    return parsed.value_or(0);
  }

  /// True for the first of two words, false for the second.
  bool choice(std::string_view yes, std::string_view no) {
    const auto text = value();
    if (text != yes && text != no)
      reject(text, "is neither " + std::string(yes) + " nor " + std::string(no));
    return text == yes;
  }

  void reject(std::string_view value, std::string_view why) {
    if (!failure_)
      failure_ = bad(name_, value, why).value();
  }

 private:
  std::string_view take() {
    const auto first = rest_.front();
    rest_ = rest_.subspan(1);
    return first;
  }

  std::span<const std::string_view> rest_;
  std::string_view name_;
  std::optional<error> failure_;
};

void read_argument(reader& from, request& into) {
  const auto name = from.next_name();
  if (name == "--id")
    into.id = from.value();
  else if (name == "--state-dir")
    into.state_dir = from.path();
  else if (name == "--agent")
    into.agent_program = from.path();
  else if (name == "--isolation")
    into.isolation =
        from.choice("namespaces", "none") ? isolation_mode::namespaces : isolation_mode::none;
  else if (name == "--image")
    into.image = from.value();
  else if (name == "--workspace")
    into.workspace = from.path();
  else if (name == "--network")
    into.host_network = from.choice("host", "none");
  else if (name == "--volume") {
    volume v;
    v.host_path = from.path();
    v.sandbox_path = from.path();
    v.read_only = from.choice("ro", "rw");
    into.volumes.push_back(std::move(v));
  } else if (name == "--env")
    into.env.push_back(from.value());
  else if (name == "--cpus")
    into.limits.cpus = from.number();
  else if (name == "--memory-mb")
    into.limits.memory_mb = from.integer();
  else if (name == "--pids")
    into.limits.pids = from.integer();
  else if (name == "--disk-mb")
    into.limits.disk_mb = from.integer();
  else
    from.reject(name, "is not an argument");
}

/// The id becomes a directory of cgroups and a host name.
bool is_plain_name(std::string_view text) {
  constexpr std::string_view allowed = "abcdefghijklmnopqrstuvwxyz0123456789-";
  return !text.empty() && text.size() <= 63 &&
         text.find_first_not_of(allowed) == std::string_view::npos;
}

result<void> check(const request& wanted) {
  if (!is_plain_name(wanted.id))
    return bad("--id", wanted.id, "is not 1 to 63 of a-z, 0-9 and '-'");
  if (wanted.state_dir.empty())
    return bad("--state-dir", "", "is missing");
  if (wanted.agent_program.empty())
    return bad("--agent", "", "is missing");
  const auto rootfs = rootfs_path(wanted);
  if (wanted.image != "host" && !is_absolute(rootfs))
    return bad("--image", wanted.image, "is neither host nor rootfs:/PATH");
  for (const auto& assignment : wanted.env)
    if (assignment.find('=') == std::string::npos || assignment.front() == '=')
      return bad("--env", assignment.substr(0, assignment.find('=')), "is not NAME=VALUE");
  if (wanted.isolation == isolation_mode::namespaces)
    return {};
  if (wanted.image != "host")
    return fail(make_error(errc::unsupported, "image '" + wanted.image + "' needs isolation")
                    .with_cause("isolation 'none' runs on the machine's own files")
                    .with_hint("use isolation 'namespaces', or image 'host'"));
  if (!wanted.volumes.empty())
    return fail(make_error(errc::unsupported, "volumes need isolation")
                    .with_cause("isolation 'none' has no mounts of its own")
                    .with_hint("use isolation 'namespaces', or the host's paths as they are"));
  return {};
}

} // namespace

std::string_view rootfs_path(const request& wanted) noexcept {
  const std::string_view image = wanted.image;
  return image.starts_with(rootfs_prefix) ? image.substr(rootfs_prefix.size()) : std::string_view{};
}

std::vector<std::string_view> split_arguments(std::string_view bytes) {
  if (bytes.ends_with('\0'))
    bytes.remove_suffix(1);
  else if (bytes.empty())
    return {};
  return core::split(bytes, '\0');
}

result<request> parse_request(std::span<const std::string_view> arguments) {
  request wanted;
  reader from(arguments);
  while (!from.done())
    read_argument(from, wanted);
  if (from.failure())
    return fail(*from.failure());
  if (auto checked = check(wanted); !checked)
    return fail(checked.error());
  return wanted;
}

} // namespace sandfleet::launcher
