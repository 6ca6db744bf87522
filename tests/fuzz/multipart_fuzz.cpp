#include "runtime/protocol/multipart.hpp"
#include "tests/fuzz/holds.hpp"
#include "tests/fuzz/input.hpp"

namespace {

using namespace sandfleet;
using protocol::multipart_reader;

struct received {
  std::vector<std::pair<std::string, std::string>> parts; ///< file name, bytes
  bool failed = false;
  bool complete = false;

  friend bool operator==(const received&, const received&) = default;
};

received receive(const std::string& type, const std::vector<std::string_view>& pieces) {
  received got;
  multipart_reader::sink sink;
  sink.begin = [&](const std::string& field, const std::string& name) -> result<bool> {
    if (field == "file")
      got.parts.emplace_back(name, "");
    return field == "file";
  };
  sink.data = [&](std::string_view bytes) {
    holds(!got.parts.empty());
    got.parts.back().second += bytes;
    return result<void>();
  };
  auto reader = multipart_reader::make(type, std::move(sink));
  if (!reader) {
    got.failed = true;
    return got;
  }
  for (const auto piece : pieces) {
    if (!reader->feed(piece)) {
      got.failed = true;
      return got;
    }
  }
  got.complete = reader->complete();
  return got;
}

void check_any(fuzz_input& in) {
  const auto seed = in.byte();
  const auto boundary = in.text(70);
  const auto type = "multipart/form-data; boundary=" + (in.flag() ? in.text() : boundary);
  const auto body = in.rest();
  const auto whole = receive(type, {body});
  const auto split = receive(type, pieces_of(body, seed));
  // A failure may be seen after other bytes have been handed on.
  holds(whole.failed == split.failed && whole.complete == split.complete);
  if (!whole.failed)
    holds(whole == split);
}

/// What a client wraps arrives as it was.
void check_round_trip(fuzz_input& in) {
  const auto seed = in.byte();
  std::string name = in.text(40);
  std::erase_if(name, [](char c) { return c == '"' || c == '\\' || c == '\r' || c == '\n'; });
  const auto payload = in.rest();
  const std::string boundary = "b0undary";
  if (("\r\n" + std::string(payload)).find("\r\n--" + boundary) != std::string::npos)
    return;
  const auto body = "--" + boundary +
                    "\r\nContent-Disposition: form-data; name=\"note\"\r\n\r\nskipped\r\n--" +
                    boundary + "\r\nContent-Disposition: form-data; name=\"file\"; filename=\"" +
                    name + "\"\r\n\r\n" + std::string(payload) + "\r\n--" + boundary + "--\r\n";
  const auto got = receive("multipart/form-data; boundary=" + boundary, pieces_of(body, seed));
  holds(got.complete && !got.failed && got.parts.size() == 1);
  holds(got.parts.front().first == name && got.parts.front().second == payload);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz_input in(data, size);
  if (in.flag())
    check_round_trip(in);
  else
    check_any(in);
  return 0;
}
