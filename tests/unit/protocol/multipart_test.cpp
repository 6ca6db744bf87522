#include "runtime/protocol/multipart.hpp"

#include <gtest/gtest.h>

using namespace sandfleet;
using sandfleet::protocol::multipart_reader;

namespace {

constexpr std::string_view type = "multipart/form-data; boundary=\"b-1\"";

struct collected {
  std::string name;
  std::string bytes;
  int parts = 0;

  multipart_reader reader() {
    multipart_reader::sink sink;
    sink.begin = [this](const std::string& field, const std::string& file_name) -> result<bool> {
      if (field != "file")
        return false;
      name = file_name;
      ++parts;
      return true;
    };
    sink.data = [this](std::string_view piece) {
      bytes += piece;
      return result<void>();
    };
    return std::move(*multipart_reader::make(type, std::move(sink)));
  }
};

const std::string payload = "line\r\n--b-\r\n\r\n--b\0x\r\n-";
const std::string body =
    "--b-1\r\nContent-Disposition: form-data; name=\"note\"\r\n\r\nskipped\r\n"
    "--b-1\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a \\\"b\\\"; c.zip\"\r\n"
    "Content-Type: application/zip\r\n\r\n" +
    payload + "\r\n--b-1--\r\nepilogue";

} // namespace

TEST(multipart, body_split_at_every_byte_gives_the_same_part) {
  for (std::size_t cut = 0; cut <= body.size(); ++cut) {
    collected got;
    auto reader = got.reader();
    ASSERT_TRUE(reader.feed(std::string_view(body).substr(0, cut)));
    ASSERT_TRUE(reader.feed(std::string_view(body).substr(cut)));
    EXPECT_TRUE(reader.complete());
    EXPECT_EQ(got.name, "a \"b\"; c.zip");
    EXPECT_EQ(got.bytes, payload) << cut;
    EXPECT_EQ(got.parts, 1);
  }
}

TEST(multipart, empty_part_is_empty) {
  collected got;
  auto reader = got.reader();
  ASSERT_TRUE(reader.feed("--b-1\r\nContent-Disposition: form-data; name=file; filename=e\r\n\r\n"
                          "\r\n--b-1--\r\n"));
  EXPECT_TRUE(reader.complete());
  EXPECT_EQ(got.name, "e");
  EXPECT_EQ(got.bytes, "");
}

TEST(multipart, an_empty_part_may_share_its_header_s_line_break) {
  const std::string shared =
      "--b-1\r\nContent-Disposition: form-data; name=file; filename=e\r\n\r\n"
      "--b-1--\r\n";
  for (std::size_t cut = 0; cut <= shared.size(); ++cut) {
    collected got;
    auto reader = got.reader();
    ASSERT_TRUE(reader.feed(std::string_view(shared).substr(0, cut)));
    ASSERT_TRUE(reader.feed(std::string_view(shared).substr(cut)));
    EXPECT_TRUE(reader.complete()) << cut;
    EXPECT_EQ(got.bytes, "") << cut;
  }
}

TEST(multipart, data_of_every_length_arrives_byte_by_byte) {
  for (std::size_t length = 0; length < 20; ++length) {
    const auto data = std::string("\r\n--b--\r\n--b-2 and more").substr(0, length);
    const auto whole =
        "--b-1\r\nContent-Disposition: form-data; name=file\r\n\r\n" + data + "\r\n--b-1--\r\n";
    collected got;
    auto reader = got.reader();
    for (const char& byte : whole)
      ASSERT_TRUE(reader.feed(std::string_view(&byte, 1)));
    EXPECT_TRUE(reader.complete()) << length;
    EXPECT_EQ(got.bytes, data);
  }
}

TEST(multipart, cut_body_is_not_complete) {
  collected got;
  auto reader = got.reader();
  ASSERT_TRUE(reader.feed(std::string_view(body).substr(0, body.size() - 20)));
  EXPECT_FALSE(reader.complete());
}

TEST(multipart, endless_header_is_refused) {
  collected got;
  auto reader = got.reader();
  ASSERT_TRUE(reader.feed("--b-1\r\n"));
  EXPECT_FALSE(reader.feed(std::string(20'000, 'x')));
}

TEST(multipart, other_content_types_are_refused) {
  for (const auto* other : {"", "application/json", "multipart/form-data",
                            "multipart/form-data; boundary=", "multipart/mixed; boundary=x"})
    EXPECT_FALSE(multipart_reader::make(other, {}));
}
