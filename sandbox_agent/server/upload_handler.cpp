#include "runtime/core/text.hpp"
#include "runtime/protocol/agent_api.hpp"
#include "runtime/protocol/json_writer.hpp"
#include "runtime/protocol/python_repr.hpp"
#include "runtime/transport/form_body.hpp"
#include "sandbox_agent/bash/pty.hpp"
#include "sandbox_agent/files/file_text.hpp"
#include "sandbox_agent/files/make_directories.hpp"
#include "sandbox_agent/files/replacement.hpp"
#include "sandbox_agent/files/zip.hpp"
#include "sandbox_agent/server/handlers.hpp"

#include <array>
#include <cerrno>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

namespace sandfleet::agent {

namespace asio = boost::asio;

namespace {

constexpr std::string_view missing_file =
    "[{'type': 'missing', 'loc': ('body', 'file'), 'msg': 'Field required', 'input': None}]";

/// As pydantic reads a boolean parameter; nothing for other texts.
std::optional<bool> parse_flag(const std::string& text) {
  const auto word = core::to_lower(text);
  for (const auto* yes : {"1", "true", "t", "yes", "y", "on"}) {
    if (word == yes)
      return true;
  }
  for (const auto* no : {"0", "false", "f", "no", "n", "off"}) {
    if (word == no)
      return false;
  }
  return std::nullopt;
}

/// Takes the part `file`: a plain file goes to its place, a zip into a nameless file (the reference
/// writes it into the destination first).
class upload {
 public:
  upload(std::string destination, bool recursive)
      : destination_(std::move(destination)), recursive_(recursive) {}

  result<void> begin(const std::string& name) {
    name_ = name;
    is_zip_ = name.ends_with(".zip");
    if (recursive_ && !is_zip_)
      return fail(errc::invalid_argument, "400: Recursive uploads must be zip files");
    if (name.empty() || name.find('/') != std::string::npos || name == "." || name == "..")
      return fail(errc::invalid_argument, "400: '" + name + "' is not a plain file name");
    begun_ = true;
    struct stat found {};
    if (::stat(destination_.c_str(), &found) == 0 && !S_ISDIR(found.st_mode))
      return fail(files::os_error(ENOTDIR, destination_ + "/" + name));
    if (auto made = files::make_directories(destination_); !made)
      return made;
    if (is_zip_) {
      zip_ = unique_fd(::open(destination_.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
      if (zip_.get() < 0) // not every file system can
        zip_ = unique_fd(::memfd_create("upload", MFD_CLOEXEC));
      return zip_.get() < 0 ? result<void>(fail(files::os_error(errno, destination_)))
                            : result<void>();
    }
    auto file = files::replacement::begin(destination_ + "/" + name, 0644);
    if (!file)
      return tl::unexpected(file.error());
    file_.emplace(std::move(*file));
    return {};
  }

  result<void> data(std::string_view bytes) {
    if (!is_zip_)
      return file_->write(bytes);
    if (const int number = files::write_fully(zip_.get(), bytes); number != 0)
      return fail(files::os_error(number, destination_));
    return {};
  }

  asio::awaitable<result<void>> finish(context& with) {
    if (!is_zip_)
      co_return file_->commit();
    const auto unpack = [this, stop = with.unpacking_ends.get_token()] {
      return files::unpack_zip(zip_.get(), destination_, {}, stop);
    };
    auto unpacked = co_await with.unpacking.run(unpack);
    if (!unpacked && unpacked.error().code == errc::unsupported)
      co_return fail(errc::unsupported, destination_ + "/" + name_ + " is not a zip file");
    co_return unpacked;
  }

  [[nodiscard]] bool begun() const { return begun_; }

  [[nodiscard]] std::string to_json() const {
    protocol::json_writer out;
    out.begin_object()
        .member("filename", name_)
        .member("destination", destination_)
        .member("recursive", recursive_)
        .end_object();
    return std::move(out).take();
  }

 private:
  std::string destination_;
  bool recursive_;
  std::string name_;
  bool begun_ = false;
  bool is_zip_ = false;
  unique_fd zip_;
  std::optional<files::replacement> file_;
};

asio::awaitable<result<void>> receive(context& with, http_exchange& exchange, upload& into) {
  protocol::multipart_reader::sink sink;
  sink.begin = [&into](const std::string& field, const std::string& file_name) -> result<bool> {
    if (field != "file")
      return false;
    auto begun = into.begin(file_name);
    return begun ? result<bool>(true) : fail(std::move(begun.error()));
  };
  sink.data = [&into](std::string_view bytes) { return into.data(bytes); };
  auto read = co_await transport::read_form(exchange, std::move(sink));
  if (!read)
    co_return read;
  if (!into.begun())
    co_return result<void>();
  co_return co_await into.finish(with);
}

} // namespace

handling post_upload_file(context& with, http_exchange& exchange) {
  const auto destination = exchange.query("destination").value_or("/");
  const auto recursive = parse_flag(exchange.query("recursive").value_or("false"));
  if (!recursive) {
    co_await reply_json(exchange, 422,
                        protocol::encode_invalid_request(
                            "[{'type': 'bool_parsing', 'loc': ('query', 'recursive'), 'msg': "
                            "'Input should be a valid boolean, unable to interpret input', "
                            "'input': " +
                            protocol::python_repr(*exchange.query("recursive")) + "}]"));
    co_return;
  }
  // The reference wraps its own answers of 400 into one of 500.
  if (!destination.starts_with('/') || destination.find('\0') != std::string::npos) {
    co_await reply_detail(exchange, 500, "400: Destination must be an absolute path");
    co_return;
  }
  upload into(destination, *recursive);
  const auto received = co_await receive(with, exchange, into);
  const auto why = received ? std::string_view() : std::string_view(received.error().message);
  if (received && into.begun())
    co_await reply_json(exchange, 200, into.to_json());
  else if (received || why == protocol::multipart_reader::other_type)
    co_await reply_json(exchange, 422, protocol::encode_invalid_request(missing_file));
  else if (why == protocol::multipart_reader::no_boundary)
    co_await reply_detail(exchange, 400, "Missing boundary in multipart.");
  else if (why.starts_with(protocol::multipart_reader::malformed))
    co_await reply_detail(exchange, 400, "There was an error parsing the body");
  else
    co_await reply_detail(exchange, 500, received.error().message);
}

} // namespace sandfleet::agent
