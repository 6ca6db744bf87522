#pragma once

// Internal to the HTTP client and server.

#include "runtime/transport/http_client.hpp"

#include <boost/beast/http/basic_parser.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace sandfleet::transport {

/// A message without its body, which is handed on as it lies in the buffer.
template <bool is_request>
class message_parser : public boost::beast::http::basic_parser<is_request> {
 public:
  message_parser() { this->body_limit(boost::none); }

  header_list headers;    ///< as they came
  std::string_view piece; ///< of the body, found by the last `put`

 protected:
  using view = boost::beast::string_view;
  using error_code = boost::beast::error_code;
  using optional_length = boost::optional<std::uint64_t>;

  void on_request_impl(boost::beast::http::verb, view, view, int, error_code&) override {}
  void on_response_impl(int, view, int, error_code&) override {}
  void on_field_impl(boost::beast::http::field, view name, view value, error_code&) override {
    headers.emplace_back(std::string(name.data(), name.size()),
                         std::string(value.data(), value.size()));
  }
  void on_header_impl(error_code&) override {}
  void on_body_init_impl(optional_length const&, error_code&) override {}
  std::size_t on_body_impl(view body, error_code&) override { return found(body); }
  void on_chunk_header_impl(std::uint64_t, view, error_code&) override {}
  std::size_t on_chunk_body_impl(std::uint64_t, view body, error_code&) override {
    return found(body);
  }
  void on_finish_impl(error_code&) override {}

 private:
  std::size_t found(view body) {
    piece = {body.data(), body.size()};
    return body.size();
  }
};

class request_parser : public message_parser<true> {
 public:
  /// The value of a header by its name in any case; empty when absent.
  [[nodiscard]] std::string_view header(std::string_view name) const;

  std::string method;
  std::string target;
  unsigned version = 11;

 private:
  void on_request_impl(boost::beast::http::verb, view method_text, view target_text, int number,
                       error_code&) override;
};

class reply_parser : public message_parser<false> {
 public:
  int status = 0;

 private:
  void on_response_impl(int code, view, int, error_code&) override { status = code; }
};

} // namespace sandfleet::transport
