#include "runtime/core/file_limit.hpp"
#include "runtime/core/text.hpp"
#include "runtime/docker/api.hpp"
#include "runtime/service/key_file.hpp"
#include "runtime/service/service.hpp"
#include "tools/cli/commands.hpp"
#include "tools/cli/foreground.hpp"
#include "tools/cli/interrupt.hpp"
#include "tools/cli/service_manager.hpp"

#include <CLI/App.hpp>
#include <boost/asio/signal_set.hpp>

#include <csignal>
#include <functional>
#include <iostream>
#include <poll.h>

namespace sandfleet::cli {

namespace {

constexpr std::chrono::seconds drain_grace{30};

result<transport::endpoint> read_address(const std::string& text) {
  constexpr std::string_view unix_prefix = "unix:";
  if (text.starts_with(unix_prefix))
    return transport::unix_endpoint{text.substr(unix_prefix.size())};
  const auto colon = text.rfind(':');
  const auto port = colon == std::string::npos
                        ? std::nullopt
                        : core::parse_integer(std::string_view(text).substr(colon + 1));
  if (!port || *port < 0 || *port > 65'535)
    return fail(make_error(errc::invalid_argument, "--listen: '" + text + "' is no address")
                    .with_hint("write ADDRESS:PORT, such as 0.0.0.0:3000, or unix:/PATH"));
  auto host = text.substr(0, colon);
  if (host.size() > 2 && host.front() == '[' && host.back() == ']')
    host = host.substr(1, host.size() - 2);
  return transport::tcp_endpoint{std::move(host), static_cast<std::uint16_t>(*port)};
}

/// "IMAGE=N", or "N" of the configured image.
result<std::pair<const std::string, std::size_t>> read_warm(const std::string& text,
                                                            const std::string& configured) {
  constexpr std::int64_t most = 10'000;
  const auto equals = text.rfind('=');
  const auto count = core::parse_integer(
      std::string_view(text).substr(equals == std::string::npos ? 0 : equals + 1));
  if (!count || *count < 1 || *count > most || equals == 0)
    return fail(make_error(errc::invalid_argument, "--warm: '" + text + "' is not acceptable")
                    .with_hint("write a number from 1 to 10000, or IMAGE=NUMBER"));
  return std::pair<const std::string, std::size_t>(
      equals == std::string::npos ? configured : text.substr(0, equals),
      static_cast<std::size_t>(*count));
}

result<docker::api> find_engine(const boost::asio::any_io_executor& executor) {
  auto host = docker::find_engine_host(docker::current_surroundings());
  if (!host)
    return fail(std::move(host.error()));
  auto calls = docker::client::open(executor, std::move(*host));
  if (!calls)
    return fail(std::move(calls.error()));
  return docker::api(std::move(*calls));
}

class serve_command : public subcommand {
 public:
  CLI::App* attach(CLI::App& root, config::flag_layer&) override {
    auto* app = root.add_subcommand("serve", "offer sandboxes to others by the Remote Runtime API");
    app->footer(R"(Examples:
  sandfleet serve --keys keys.toml
  sandfleet serve --keys keys.toml --listen 0.0.0.0:3000 --public-url https://sandboxes.example.com

OpenHands uses it with RUNTIME=remote, SANDBOX_REMOTE_RUNTIME_API_URL and SANDBOX_API_KEY. The file
of keys has a table for each:
  [team-a]
  key = "at least sixteen characters"
  max_sandboxes = 100        # at once; no limit when left out, as with the next three
  starts_per_minute = 600
  max_cpus = 64
  max_memory_mb = 262144
  idle_pause_s = 900         # paused after so long without a request [never]
  time_to_live_s = 86400     # taken away after so long [never]
  auto_resume = true         # a request to a paused sandbox resumes it [true]
SIGHUP has it read this file and the certificates again; one with a mistake changes nothing, and the
mistake is told on standard error.

Sandboxes are kept in state_dir, and so is the journal that says whose they are: for a service set it
to a directory that lasts, such as --set state_dir=/var/lib/sandfleet. provider, image, cpus, memory_mb,
network and the other settings that 'sandfleet config' lists say what each sandbox is.

GET /healthz (it runs), /readyz (it takes requests) and /metrics (Prometheus) want no key. GET /events
tells each change of a sandbox's state with its verdict. What goes wrong is told on standard error; more
of it with --log-level info. The Debian package brings a unit for systemd (Type=notify).

Prints the address once it listens. SIGTERM and SIGINT end it when the requests under way are
answered; sandboxes stay, and the next one on the same state_dir takes them up, also after a crash.)");
    app->add_option("--keys", keys_, "the file of API keys; nobody else may read it")
        ->type_name("FILE")
        ->required();
    app->add_option("--listen", listen_, "address for clients [127.0.0.1:3000]")
        ->type_name("ADDRESS:PORT");
    app->add_option("--warm", warm_,
                    "ready sandboxes that are kept in waiting: N of the configured image, or "
                    "IMAGE=N; may be repeated [none]")
        ->type_name("[IMAGE=]N");
    auto* certificate = app->add_option("--tls-cert", tls_.certificate_file,
                                        "PEM file with the certificate and its chain [plain HTTP]")
                            ->type_name("FILE");
    auto* key = app->add_option("--tls-key", tls_.key_file, "PEM file with the certificate's key")
                    ->type_name("FILE")
                    ->needs(certificate);
    certificate->needs(key);
    app->add_option("--tls-client-ca", tls_.client_ca_file,
                    "PEM file: clients must show a certificate of one of these authorities")
        ->type_name("FILE")
        ->needs(certificate);
    app->add_option(
           "--public-url", public_url_,
           "how clients reach it, '{runtime_id}' standing for a sandbox's id where each has "
           "a host of its own: https://{runtime_id}.example.com [as they named it]")
        ->type_name("URL");
    return app;
  }

  int run(const cli_context& context) override {
    auto done = serve(context);
    if (done)
      return *done;
    print_error(done.error(), context.err);
    return exit_status::engine_failure;
  }

 private:
  result<int> serve(const cli_context& context) const {
    auto listed = service::read_key_file(keys_);
    if (!listed)
      return fail(std::move(listed.error()));
    auto keys = service::api_keys::make(std::move(*listed));
    if (!keys)
      return fail(std::move(keys.error()));
    service::service_settings given;
    auto where = read_address(listen_);
    if (!where)
      return fail(std::move(where.error()));
    given.listen = std::move(*where);
    given.public_url = public_url_;
    while (given.public_url.ends_with('/'))
      given.public_url.pop_back();
    if (!tls_.certificate_file.empty()) {
      auto made = tls::server::make(tls_);
      if (!made)
        return fail(std::move(made.error()));
      given.tls = std::move(*made);
    }
    auto spec = context.config.base_spec();
    if (!spec)
      return fail(std::move(spec.error()));
    given.fleet.base = std::move(*spec);
    auto settings = context.config.engine_settings();
    if (!settings)
      return fail(std::move(settings.error()));
    given.build_timeout = settings->image_timeout;
    for (const auto& wish : warm_) {
      auto read = read_warm(wish, given.fleet.base.image);
      if (!read)
        return fail(std::move(read.error()));
      given.fleet.warm.insert(std::move(*read));
    }
    settings->at_close = close_action::keep;
    settings->keep_for = std::chrono::milliseconds(0);
    settings->journal = true;
    core::raise_file_limit(); // a client is one connection, and one more to its sandbox
    auto runtime = engine::create(std::move(*settings));
    if (!runtime)
      return fail(std::move(runtime.error()));

    if (given.fleet.base.provider.str() == "docker") {
      auto engine = find_engine(runtime->executor());
      if (!engine)
        return fail(std::move(engine.error()));
      given.images = std::move(*engine);
    }

    const interrupt_watch watch([](int) {});
    foreground work(runtime->executor());
    const auto certificates = given.tls;
    service::service offered(*runtime, *keys, std::move(given));
    boost::asio::signal_set hangups(runtime->executor(), SIGHUP);
    on_hangup(hangups, [&] { reload(**keys, certificates, offered, context.err); });
    auto begun = work.wait(offered.begin());
    if (!begun)
      return fail(std::move(begun.error()));
    std::cout << "listening on " << listen_ << (offered.port() == 0 ? "" : ", port ")
              << (offered.port() == 0 ? "" : std::to_string(offered.port())) << std::endl;
    tell_service_manager("READY=1");
    pollfd ended{watch.descriptor(), POLLIN, 0};
    while (watch.signal() == 0)
      ::poll(&ended, 1, -1);
    tell_service_manager("STOPPING=1");
    work.wait(drained(offered));
    return exit_status::success;
  }

  /// Calls it at each SIGHUP while `signals` lives.
  static void on_hangup(boost::asio::signal_set& signals, std::function<void()> act) {
    signals.async_wait([&signals, act](boost::system::error_code ec, int) {
      if (ec)
        return;
      act();
      on_hangup(signals, act);
    });
  }

  /// What cannot be read leaves all as it was.
  void reload(service::api_keys& keys, const std::optional<tls::server>& certificates,
              service::service& offered, const stream_look& look) const {
    auto listed = service::read_key_file(keys_);
    auto replaced = listed ? keys.replace(std::move(*listed)) : fail(std::move(listed.error()));
    if (replaced && certificates)
      replaced = certificates->reload();
    offered.keys_changed();
    if (replaced)
      std::cout << "read again: " << keys_ << (certificates ? " and the certificates" : "")
                << std::endl;
    else
      print_error(replaced.error(), look);
  }

  static boost::asio::awaitable<result<void>> drained(service::service& offered) {
    co_await offered.drain(drain_grace);
    co_return result<void>{};
  }

  std::string keys_;
  std::string listen_ = "127.0.0.1:3000";
  std::string public_url_;
  std::vector<std::string> warm_;
  tls::server_options tls_;
};

} // namespace

std::unique_ptr<subcommand> make_serve_command() {
  return std::make_unique<serve_command>();
}

} // namespace sandfleet::cli
