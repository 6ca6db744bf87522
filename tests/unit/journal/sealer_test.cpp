#include "runtime/journal/sealer.hpp"
#include "tests/support/temporary_directory.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sys/stat.h>

namespace sandfleet::journal {
namespace {

class sealer_test : public testing::Test {
 protected:
  tests::temporary_directory dir_;
  std::string path_ = dir_.path() + "/key";
};

TEST_F(sealer_test, a_secret_comes_back_also_after_a_restart) {
  const auto sealed = sealer::open(path_)->seal("secret", "sb-1");
  EXPECT_EQ(sealed.find("secret"), std::string::npos);
  EXPECT_EQ(sealer::open(path_)->unseal(sealed, "sb-1").value(), "secret");
  EXPECT_EQ(sealer::open(path_)->unseal("", "sb-1").value(), "");
}

TEST_F(sealer_test, the_same_secret_looks_different_each_time) {
  const auto with = sealer::open(path_);
  EXPECT_NE(with->seal("secret", "x"), with->seal("secret", "x"));
}

TEST_F(sealer_test, what_was_changed_is_refused_at_every_byte) {
  const auto with = sealer::open(path_);
  const auto sealed = with->seal("secret", "x");
  for (std::size_t i = 0; i < sealed.size(); ++i) {
    auto changed = sealed;
    changed[i] = static_cast<char>(changed[i] ^ 1);
    EXPECT_FALSE(with->unseal(changed, "x")) << i;
    EXPECT_FALSE(with->unseal(sealed.substr(0, i), "x") && i > 0) << i;
  }
}

TEST_F(sealer_test, it_is_bound_to_its_context_and_key) {
  const auto with = sealer::open(path_);
  const auto sealed = with->seal("secret", "sb-1");
  EXPECT_FALSE(with->unseal(sealed, "sb-2"));
  EXPECT_FALSE(sealer::open(path_ + "2")->unseal(sealed, "sb-1"));
}

TEST_F(sealer_test, a_key_that_others_can_read_is_refused) {
  ASSERT_TRUE(sealer::open(path_));
  ASSERT_EQ(::chmod(path_.c_str(), 0640), 0);
  EXPECT_EQ(sealer::open(path_).error().code, errc::permission_denied);
}

TEST_F(sealer_test, a_key_of_a_wrong_length_is_refused) {
  std::ofstream(path_) << "short";
  ASSERT_EQ(::chmod(path_.c_str(), 0600), 0);
  EXPECT_FALSE(sealer::open(path_));
}

} // namespace
} // namespace sandfleet::journal
