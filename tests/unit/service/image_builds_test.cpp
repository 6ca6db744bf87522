#include "runtime/protocol/base64.hpp"
#include "runtime/service/image_builds.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_future.hpp>
#include <gtest/gtest.h>

namespace sandfleet::service {
namespace {

std::string all_of(build_context& context) {
  std::string all;
  for (;;) {
    auto piece = context.read();
    EXPECT_TRUE(piece);
    if (!piece || piece->empty())
      return all;
    all += *piece;
  }
}

TEST(build_context, takes_base64_in_any_pieces) {
  std::string bytes;
  for (int i = 0; i < 1000; ++i)
    bytes += static_cast<char>(i);
  const auto text = protocol::base64_encode(bytes) + "\r\n";
  for (const std::size_t size : {1U, 3U, 4U, 5U, 1000U, 10'000U}) {
    auto context = build_context::open();
    ASSERT_TRUE(context);
    for (std::size_t at = 0; at < text.size(); at += size)
      ASSERT_TRUE(context->append(std::string_view(text).substr(at, size)));
    EXPECT_EQ(context->finish().value(), 1000);
    EXPECT_EQ(all_of(*context), bytes) << size;
  }
}

TEST(build_context, refuses_what_is_no_base64) {
  for (const std::string text : {"????", "YQ==YQ==", "Y===", "YWJj*"}) {
    auto context = build_context::open();
    const auto taken = context->append(text);
    const auto ended = taken ? context->finish() : fail(taken.error());
    ASSERT_FALSE(ended) << text;
    EXPECT_EQ(ended.error().code, errc::invalid_argument);
  }
  auto cut = build_context::open();
  ASSERT_TRUE(cut->append("YWJ"));
  EXPECT_FALSE(cut->finish());
}

TEST(image_builds, of_a_provider_with_images_of_its_own_are_none) {
  boost::asio::io_context context;
  const auto images = std::make_shared<image_builds>(context.get_executor(), std::nullopt,
                                                     "sandfleet", std::chrono::seconds(1));
  auto found = boost::asio::co_spawn(context, images->exists("any:thing"), boost::asio::use_future);
  context.run();
  EXPECT_TRUE(found.get().value().exists);
  const auto refused = images->check("sandfleet/x");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, errc::unsupported);
  EXPECT_FALSE(images->status("a", "build-1"));
}

} // namespace
} // namespace sandfleet::service
