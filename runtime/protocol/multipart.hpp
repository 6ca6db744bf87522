#pragma once

#include <sandfleet/error.hpp>

#include <functional>
#include <string>
#include <string_view>

namespace sandfleet::protocol {

/// Reads a multipart/form-data body (RFC 7578) that arrives in any pieces and hands on the parts
/// that are wanted. Holds no more than a part's header and a boundary's length.
class multipart_reader {
 public:
  struct sink {
    /// A part begins; whether its data are wanted. What a part has none of is empty.
    std::function<result<bool>(const std::string& name, const std::string& file_name)> begin;
    std::function<result<void>(std::string_view)> data;
  };

  /// How the messages of its errors begin, and those of `make` in full.
  static constexpr std::string_view malformed = "multipart body: ";
  static constexpr std::string_view other_type =
      "multipart body: the content type is not multipart/form-data";
  static constexpr std::string_view no_boundary =
      "multipart body: the content type names no boundary";

  /// Fails with `invalid_argument` when the content type is another or names no boundary.
  static result<multipart_reader> make(std::string_view content_type, sink to);

  /// Fails with `invalid_argument` for a malformed body, or as the sink does.
  result<void> feed(std::string_view bytes);
  /// To be asked at the body's end: whether its last boundary was there.
  [[nodiscard]] bool complete() const { return state_ == state::after; }

 private:
  enum class state { preamble, after_boundary, header, data, after };

  multipart_reader(std::string boundary, sink to)
      : delimiter_("\r\n--" + boundary), sink_(std::move(to)), held_("\r\n") {}

  result<bool> step();
  result<void> begin_part(std::string_view header);

  std::string delimiter_; ///< the one before a line break and the boundary
  sink sink_;
  std::string held_; ///< begins with a line break, for the first boundary has none before it
  state state_ = state::preamble;
  std::size_t header_break_ = 0; ///< bytes at the front of `held_` that may end the header alone
  bool passing_ = false;         ///< the present part is wanted
};

} // namespace sandfleet::protocol
