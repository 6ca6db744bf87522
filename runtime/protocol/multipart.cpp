#include "runtime/protocol/multipart.hpp"

#include "runtime/core/text.hpp"

#include <algorithm>
#include <optional>

namespace sandfleet::protocol {

namespace {

constexpr std::size_t max_header_bytes = 16U << 10;
constexpr std::size_t max_boundary_bytes = 70; // RFC 2046, 5.1.1

/// The value of `name` in "main; name=value; name=\"value\"".
std::optional<std::string> parameter(std::string_view text, std::string_view name) {
  auto at = text.find(';');
  while (at < text.size()) {
    auto rest = core::trim(text.substr(at + 1));
    const auto equals = rest.find('=');
    if (equals == std::string_view::npos)
      return std::nullopt;
    const auto key = core::to_lower(core::trim(rest.substr(0, equals)));
    auto value = rest.substr(equals + 1);
    std::string read;
    std::size_t used = 0;
    if (value.starts_with('"')) {
      for (used = 1; used < value.size() && value[used] != '"'; ++used) {
        // Browsers escape a quote only; a backslash may stand in a Windows path.
        if (value[used] == '\\' && used + 1 < value.size() && value[used + 1] == '"')
          ++used;
        read += value[used];
      }
      ++used;
    } else {
      used = std::min(value.find(';'), value.size());
      read = core::trim(value.substr(0, used));
    }
    if (key == name)
      return read;
    value.remove_prefix(std::min(used, value.size()));
    at = static_cast<std::size_t>(value.data() - text.data());
    at = std::min(text.find(';', at), text.size());
  }
  return std::nullopt;
}

tl::unexpected<error> refuse(std::string_view why) {
  return fail(errc::invalid_argument, std::string(multipart_reader::malformed) + std::string(why));
}

} // namespace

result<multipart_reader> multipart_reader::make(std::string_view content_type, sink to) {
  if (!core::to_lower(content_type).starts_with("multipart/form-data"))
    return fail(errc::invalid_argument, std::string(other_type));
  auto boundary = parameter(content_type, "boundary");
  if (!boundary || boundary->empty() || boundary->size() > max_boundary_bytes)
    return fail(errc::invalid_argument, std::string(no_boundary));
  return multipart_reader(std::move(*boundary), std::move(to));
}

result<void> multipart_reader::begin_part(std::string_view header) {
  std::optional<std::string> name;
  std::optional<std::string> file_name;
  for (auto line : core::split(header, '\n')) {
    line = core::trim(line);
    const auto colon = line.find(':');
    if (colon == std::string_view::npos ||
        core::to_lower(core::trim(line.substr(0, colon))) != "content-disposition")
      continue;
    name = parameter(line.substr(colon + 1), "name");
    file_name = parameter(line.substr(colon + 1), "filename");
  }
  auto wanted = sink_.begin(name.value_or(""), file_name.value_or(""));
  if (!wanted)
    return tl::unexpected(wanted.error());
  passing_ = *wanted;
  return {};
}

/// Takes what it can from `held_`; false when more must come first.
result<bool> multipart_reader::step() {
  switch (state_) {
  case state::preamble:
  case state::data: {
    const auto at = held_.find(delimiter_);
    // What could be the beginning of a delimiter stays.
    const auto sure = at != std::string::npos             ? at
                      : held_.size() >= delimiter_.size() ? held_.size() - delimiter_.size() + 1
                                                          : 0;
    if (state_ == state::data && sure > 0) {
      const auto no_data = std::min(sure, header_break_);
      header_break_ -= no_data;
      const auto bytes = std::string_view(held_).substr(no_data, sure - no_data);
      if (passing_ && !bytes.empty())
        if (auto taken = sink_.data(bytes); !taken)
          return tl::unexpected(taken.error());
    }
    held_.erase(0, at == std::string::npos ? sure : at + delimiter_.size());
    if (at == std::string::npos)
      return false;
    state_ = state::after_boundary;
    return true;
  }
  case state::after_boundary: {
    if (held_.starts_with("--")) {
      state_ = state::after;
      return true;
    }
    const auto end = held_.find("\r\n");
    if (end == std::string::npos)
      return held_.size() > max_header_bytes ? result<bool>(refuse("no line end")) : false;
    held_.erase(0, end); // keeps the break: a header may be empty
    state_ = state::header;
    return true;
  }
  case state::header: {
    const auto end = held_.find("\r\n\r\n");
    if (end == std::string::npos)
      return held_.size() > max_header_bytes ? result<bool>(refuse("a part's header is too long"))
                                             : false;
    const auto header = held_.substr(0, end);
    // The break before the data stays: it may be that of an empty part's delimiter.
    held_.erase(0, end + 2);
    header_break_ = 2;
    state_ = state::data;
    if (auto begun = begin_part(header); !begun)
      return tl::unexpected(begun.error());
    return true;
  }
  case state::after:
    held_.clear(); // the epilogue is to be ignored
    return false;
  }
  return false;
}

result<void> multipart_reader::feed(std::string_view bytes) {
  held_.append(bytes);
  for (;;) {
    const auto more = step();
    if (!more)
      return tl::unexpected(more.error());
    if (!*more)
      return {};
  }
}

} // namespace sandfleet::protocol
