#include "runtime/protocol/stream_frame.hpp"

#include <gtest/gtest.h>

using namespace sandfleet;
using namespace sandfleet::protocol;

namespace {

using frames = std::vector<std::pair<frame_type, std::string>>;

frames sample() {
  return {{frame_type::standard_output, "hello"},
          {frame_type::standard_error, std::string("\0\xff\n", 3)},
          {frame_type::standard_output, ""},
          {frame_type::end, R"({"exit_code":0})"}};
}

std::string encoded(const frames& some) {
  std::string bytes;
  for (const auto& [type, payload] : some)
    append_frame(bytes, type, payload);
  return bytes;
}

struct collector {
  frames seen;
  frame_decoder::sink sink() {
    return [this](frame_type type, std::string_view payload) { seen.emplace_back(type, payload); };
  }
};

} // namespace

TEST(stream_frame, header_is_dockers) {
  const auto header = frame_header(frame_type::standard_error, 0x01020304);
  EXPECT_EQ(std::string(header.data(), header.size()), std::string("\2\0\0\0\1\2\3\4", 8));
}

TEST(stream_frame, frames_split_at_every_byte_come_out_whole) {
  const auto bytes = encoded(sample());
  for (std::size_t cut = 0; cut <= bytes.size(); ++cut) {
    collector got;
    frame_decoder decoder;
    ASSERT_TRUE(decoder.feed(std::string_view(bytes).substr(0, cut), got.sink()));
    EXPECT_EQ(decoder.ended(), cut == bytes.size());
    ASSERT_TRUE(decoder.feed(std::string_view(bytes).substr(cut), got.sink()));
    EXPECT_EQ(got.seen, sample());
    EXPECT_TRUE(decoder.ended());
  }
}

TEST(stream_frame, frames_fed_byte_by_byte_come_out_whole) {
  collector got;
  frame_decoder decoder;
  for (const char byte : encoded(sample()))
    ASSERT_TRUE(decoder.feed({&byte, 1}, got.sink()));
  EXPECT_EQ(got.seen, sample());
}

TEST(stream_frame, unknown_type_is_refused) {
  collector got;
  frame_decoder decoder;
  const auto fed = decoder.feed(std::string_view("\4\0\0\0\0\0\0\1x", 9), got.sink());
  ASSERT_FALSE(fed);
  EXPECT_EQ(fed.error().code, errc::protocol_error);
}

TEST(stream_frame, long_payload_is_refused_at_its_header) {
  collector got;
  frame_decoder decoder(16);
  const auto fed = decoder.feed(std::string_view("\1\0\0\0\0\0\0\x11", 8), got.sink());
  ASSERT_FALSE(fed);
  EXPECT_EQ(fed.error().code, errc::limit_exceeded);
}

TEST(stream_frame, bytes_after_the_end_are_refused) {
  collector got;
  frame_decoder decoder;
  ASSERT_TRUE(decoder.feed(encoded(sample()), got.sink()));
  EXPECT_FALSE(decoder.feed("x", got.sink()));
}
