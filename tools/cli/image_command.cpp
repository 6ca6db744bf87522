#include "runtime/core/text.hpp"
#include "runtime/transport/io_pool.hpp"
#include "tools/cli/commands.hpp"
#include "tools/cli/foreground.hpp"
#include "tools/cli/interrupt.hpp"
#include "tools/cli/sandbox_root.hpp"
#include "tools/cli/table.hpp"

#include <CLI/App.hpp>
#include <CLI/Validators.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <iostream>
#include <regex>

namespace sandfleet::cli {

namespace {

namespace fs = std::filesystem;

/// Of an image in an engine, as Docker has them: a registry, a path in lower case, a tag.
bool is_image_name(const std::string& name) {
  constexpr std::size_t longest = 255;
  static const std::regex form(
      R"(([a-zA-Z0-9][a-zA-Z0-9.-]*(:[0-9]+)?/)?)"
      R"([a-z0-9]+(([._]|__|-+)[a-z0-9]+)*(/[a-z0-9]+(([._]|__|-+)[a-z0-9]+)*)*)"
      R"((:[a-zA-Z0-9_][a-zA-Z0-9_.-]{0,127})?)");
  return name.size() <= longest && std::regex_match(name, form);
}

/// A directory that goes with its owner, unless it was moved away.
class work_directory {
 public:
  static result<work_directory> make(const fs::path& parent, const std::string& name) {
    auto pattern = (parent / ("." + name + ".partial-XXXXXX")).string();
    if (::mkdtemp(pattern.data()) == nullptr)
      return fail(errno_error(errc::io_error,
                              "no directory can be made in '" + parent.string() + "'", errno));
    return work_directory(std::move(pattern));
  }
  work_directory(work_directory&& other) noexcept : path_(std::exchange(other.path_, {})) {}
  work_directory& operator=(work_directory&&) = delete;
  ~work_directory() {
    std::error_code ignored;
    if (!path_.empty())
      fs::remove_all(path_, ignored);
  }

  [[nodiscard]] const std::string& path() const { return path_; }

  /// Where nothing is.
  result<void> move_to(const fs::path& target) {
    if (::renameat2(AT_FDCWD, path_.c_str(), AT_FDCWD, target.c_str(), RENAME_NOREPLACE) != 0)
      return fail(
          errno_error(errc::already_exists, "'" + target.string() + "' cannot be made", errno));
    path_.clear();
    return {};
  }

 private:
  explicit work_directory(std::string path) : path_(std::move(path)) {}

  std::string path_;
};

class image_command : public subcommand {
 public:
  CLI::App* attach(CLI::App& root, config::flag_layer&) override {
    auto* app = root.add_subcommand("image", "make a root for sandboxes out of Debian's packages");
    app->footer(R"(Examples:
  sudo sandfleet image build -o /srv/bookworm
  sandfleet run --image rootfs:/srv/bookworm -- git --version
  sudo sandfleet image build --docker tools:1 --include make,gcc
  sandfleet run --provider docker --image tools:1 -- gcc --version

The root has bash, coreutils, git, Python 3, curl, the authorities' certificates, procps, and a
user of number 1000. It is made by debootstrap, as root, from a mirror of Debian, and is there
whole or not at all. Exit status: 0, or 125 when it could not be made.)");
    app->add_option("ACTION", action_, "build")->required()->check(CLI::IsMember({"build"}));
    app->add_option("-o,--directory", directory_, "make it here, where nothing is")
        ->type_name("DIR");
    app->add_option("--docker", image_, "make an image of that name in the Docker engine")
        ->type_name("NAME");
    app->add_option("--suite", plan_.suite, "release of Debian (default: bookworm)")
        ->type_name("NAME");
    app->add_option("--include", packages_, "further packages")->type_name("NAME,NAME");
    app->add_option("--mirror", plan_.mirror, "of Debian (default: http://deb.debian.org/debian)")
        ->type_name("URL");
    app->add_option("--user", plan_.user, "name of the user of number 1000 (default: openhands)")
        ->type_name("NAME");
    return app;
  }

  int run(const cli_context& context) override {
    auto done = build(context);
    if (!done) {
      print_error(done.error(), context.err);
      return signal_ != 0 ? exit_status::of_signal(signal_) : exit_status::engine_failure;
    }
    if (context.output == output_mode::json)
      std::cout << boost::json::serialize(
                       boost::json::object{{"directory", directory_}, {"image", image_}})
                << std::endl;
    else
      std::cout << (directory_.empty() ? "" : "rootfs:" + directory_ + "\n")
                << (image_.empty() ? "" : image_ + "\n") << std::flush;
    return exit_status::success;
  }

 private:
  result<void> build(const cli_context& context) {
    if (directory_.empty() && image_.empty())
      return fail(make_error(errc::invalid_argument, "nothing says where the root is to be")
                      .with_hint("name a directory by -o, an image by --docker, or both"));
    if (!image_.empty() && !is_image_name(image_))
      return fail(
          make_error(errc::invalid_argument, "--docker: '" + image_ + "' is no image's name")
              .with_hint("lower case letters, digits, '.', '_' and '-', with '/' in between, "
                         "and a tag behind ':', such as tools:1 or lab.example:5000/me/tools"));
    for (const auto one : core::split(packages_, ','))
      if (const auto name = core::trim(one); !name.empty())
        plan_.packages.emplace_back(name);
    std::error_code failed;
    if (!directory_.empty())
      directory_ = fs::absolute(directory_, failed).lexically_normal().string();
    while (directory_.size() > 1 && directory_.ends_with('/'))
      directory_.pop_back();
    const fs::path target(directory_);
    if (!directory_.empty() && fs::exists(fs::symlink_status(target, failed)))
      return fail(make_error(errc::already_exists, "'" + directory_ + "' exists")
                      .with_hint("name a directory that is to be made"));
    const char* temporary = std::getenv("TMPDIR");
    const fs::path parent =
        directory_.empty() ? fs::path(temporary ? temporary : "/var/tmp") : target.parent_path();
    if (auto checked = check_place(parent.string()); !checked)
      return checked;
    auto place = work_directory::make(parent, directory_.empty() ? "sandfleet-image"
                                                                 : target.filename().string());
    if (!place)
      return fail(std::move(place.error()));
    return fill(*place, context);
  }

  result<void> fill(work_directory& place, const cli_context& context) {
    transport::io_pool pool(1);
    foreground work(pool.executor());
    const interrupt_watch watch([&](int signal) {
      signal_ = signal;
      work.cancel();
    });
    const bool speaks = !context.err.quiet && !context.err.json;
    auto made = work.wait(make_root(plan_, place.path(), [speaks](std::string_view line) {
      if (speaks)
        std::cerr << printable(std::string(line)) + "\n" << std::flush;
    }));
    if (made && !image_.empty())
      made = work.wait(import_root(place.path(), image_, plan_.user));
    if (made && !directory_.empty())
      made = place.move_to(directory_);
    return made;
  }

  std::string action_;
  std::string directory_;
  std::string image_;
  std::string packages_;
  root_plan plan_;
  int signal_ = 0;
};

} // namespace

std::unique_ptr<subcommand> make_image_command() {
  return std::make_unique<image_command>();
}

} // namespace sandfleet::cli
