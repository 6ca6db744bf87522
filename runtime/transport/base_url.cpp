#include "runtime/transport/base_url.hpp"

#include "runtime/core/text.hpp"

#include <algorithm>

namespace sandfleet::transport {

namespace {

tl::unexpected<error> misfit(std::string_view text, std::string why) {
  return fail(
      make_error(errc::invalid_argument, "'" + std::string(text) + "' is no address of a service")
          .with_cause(std::move(why))
          .with_hint("write http://HOST[:PORT][/PATH] or https://HOST[:PORT][/PATH]"));
}

} // namespace

std::optional<tcp_endpoint> parse_authority(std::string_view text, std::uint16_t usual_port) {
  tcp_endpoint read{std::string(text), usual_port};
  const auto bracket = text.rfind(']');
  const auto colon = text.rfind(':');
  if (colon != std::string_view::npos && (bracket == std::string_view::npos || bracket < colon)) {
    const auto port = core::parse_integer(text.substr(colon + 1));
    if (!port || *port < 1 || *port > 65535)
      return std::nullopt;
    read.port = static_cast<std::uint16_t>(*port);
    read.host = text.substr(0, colon);
  }
  const bool bracketed = read.host.starts_with('[') && read.host.ends_with(']');
  if (bracketed)
    read.host = read.host.substr(1, read.host.size() - 2);
  if (read.host.empty() || read.host.find_first_of(bracketed ? "[]" : "[]:") != std::string::npos)
    return std::nullopt;
  return read;
}

result<base_url> parse_base_url(std::string_view text) {
  if (!std::ranges::all_of(text, [](char c) { return c > ' ' && c < '\x7f'; }))
    return misfit("...", "it has blanks, or bytes that are no ASCII");
  const auto end = text.find("://");
  const auto scheme = core::to_lower(std::string(text.substr(0, end)));
  if (end == std::string_view::npos || (scheme != "http" && scheme != "https"))
    return misfit(text, "it begins with neither http:// nor https://");
  const auto rest = text.substr(end + 3);
  const auto slash = std::min(rest.find('/'), rest.size());
  const auto authority = rest.substr(0, slash);
  if (rest.find_first_of("?#") != std::string_view::npos)
    return misfit(text, "it has a query or a fragment");
  if (authority.find('@') != std::string_view::npos)
    return misfit("...@...", "it names a user");
  base_url read;
  read.is_secure = scheme == "https";
  const auto where = parse_authority(authority, read.is_secure ? https_port : http_port);
  if (!where)
    return misfit(text, "it has no host, or no port from 1 to 65535");
  read.where = *where;
  read.path = rest.substr(slash);
  while (read.path.ends_with('/'))
    read.path.pop_back();
  return read;
}

} // namespace sandfleet::transport
