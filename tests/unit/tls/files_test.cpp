#include "tests/unit/tls/tls_fixture.hpp"

#include <sys/stat.h>
#include <unistd.h>

namespace sandfleet::tls {
namespace {

using ::testing::HasSubstr;

class tls_files : public tls_fixture {
 protected:
  std::string refusal(client_options options) {
    const auto made = make_connector(std::move(options));
    EXPECT_FALSE(made);
    if (made)
      return {};
    EXPECT_EQ(made.error().code, errc::invalid_configuration) << made.error().to_string();
    return made.error().to_string();
  }

  std::string refusal(const std::string& certificate, const std::string& key) {
    client_options options;
    options.certificate_file = certificate;
    options.key_file = key;
    return refusal(options);
  }
};

TEST_F(tls_files, that_are_missing_are_named) {
  const auto none = files_ / "none.pem";
  client_options options;
  options.ca_file = none;
  EXPECT_THAT(refusal(options), HasSubstr("'" + none + "' cannot be read: No such file"));
  EXPECT_THAT(refusal(none, good_.key), HasSubstr(none));
  EXPECT_THAT(refusal(good_.certificate, none), HasSubstr(none));
  EXPECT_THAT(refusal(good_.certificate, ""), HasSubstr("no key for the certificate"));
  EXPECT_THAT(refusal("", good_.key), HasSubstr("no certificate for the key"));
  const auto server_side = server::make(options_of({good_.certificate, none}));
  ASSERT_FALSE(server_side);
  EXPECT_THAT(server_side.error().to_string(), HasSubstr(none));
  EXPECT_FALSE(server::make({}));
}

TEST_F(tls_files, that_may_not_be_read_are_named) {
  if (::geteuid() == 0)
    GTEST_SKIP() << "root may read every file";
  ::chmod(good_.key.c_str(), 0);
  EXPECT_THAT(refusal(good_.certificate, good_.key), HasSubstr("allowed to read it"));
}

TEST_F(tls_files, that_are_no_pem_are_named) {
  const auto text = files_.write("text.pem", "not a certificate\n");
  const auto torn = files_.write("torn.pem", "-----BEGIN CERTIFICATE-----\nMIIB\n");
  for (const auto& file : {text, torn, files_.write("empty.pem", "")}) {
    client_options options;
    options.ca_file = file;
    EXPECT_THAT(refusal(options), HasSubstr("authorities' certificates '" + file + "'"));
    EXPECT_THAT(refusal(file, good_.key), HasSubstr("the certificate '" + file + "'"));
    EXPECT_THAT(refusal(good_.certificate, file), HasSubstr("the key '" + file + "'"));
  }
  EXPECT_THAT(refusal(text, good_.key), HasSubstr("holds no PEM"));
  EXPECT_THAT(refusal(good_.certificate, text), HasSubstr("holds no PEM"));
  EXPECT_THAT(refusal(files_.path(), good_.key), HasSubstr("is a directory"));
}

TEST_F(tls_files, whose_key_is_encrypted_are_named_and_nobody_is_asked) {
  const auto locked = files_ / "locked.key";
  tests::encrypt_key(good_.key, locked);
  EXPECT_THAT(refusal(good_.certificate, locked), HasSubstr("it is encrypted"));
}

TEST_F(tls_files, that_do_not_fit_each_other_are_named) {
  const auto other = authority_.sign("other");
  const auto text = refusal(good_.certificate, other.key);
  EXPECT_THAT(text, HasSubstr("the key '" + other.key + "'"));
  EXPECT_THAT(text, HasSubstr("not that of the certificate '" + good_.certificate + "'"));
}

TEST_F(tls_files, of_the_system_are_those_that_the_environment_names) {
  serve();
  ::setenv("SSL_CERT_FILE", authority_.certificate().c_str(), 1);
  auto one = client({});
  ::unsetenv("SSL_CERT_FILE");
  EXPECT_TRUE(post(one));
}

} // namespace
} // namespace sandfleet::tls
