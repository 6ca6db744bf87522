#include "tools/batch/host_file.hpp"

#include <cerrno>
#include <fcntl.h>
#include <filesystem>
#include <sys/stat.h>
#include <unistd.h>

namespace sandfleet::batch {

result<host_file> read_host_file(const std::string& directory, const std::string& path) {
  const auto whole = (std::filesystem::path(directory) / path).string();
  const auto refuse = [&](errc code, const std::string& cause) {
    return fail(make_error(code, "cannot read the task's file " + whole)
                    .with_cause(cause)
                    .blamed_on(failure_class::task));
  };
  const auto refuse_errno = [&](int number) {
    const auto code = number == ENOENT                      ? errc::not_found
                      : number == EACCES || number == EPERM ? errc::permission_denied
                                                            : errc::io_error;
    return fail(errno_error(code, "cannot read the task's file " + whole, number)
                    .blamed_on(failure_class::task));
  };
  // Without O_NONBLOCK the opening of a pipe waits for a writer.
  const int descriptor = ::open(whole.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (descriptor < 0)
    return refuse_errno(errno);
  struct closer {
    int descriptor;
    ~closer() { ::close(descriptor); }
  } const close_at_end{descriptor};
  struct stat status {};
  if (::fstat(descriptor, &status) != 0)
    return refuse_errno(errno);
  if (!S_ISREG(status.st_mode))
    return refuse(errc::invalid_argument, "it is not a regular file");
  if (static_cast<std::uint64_t>(status.st_size) > largest_host_file)
    return refuse(errc::limit_exceeded,
                  "it is larger than " + std::to_string(largest_host_file >> 20) + " MiB");
  host_file file{std::string(static_cast<std::size_t>(status.st_size), '\0'),
                 status.st_mode & 0777U};
  std::size_t done = 0;
  while (done < file.bytes.size()) {
    const auto count = ::read(descriptor, file.bytes.data() + done, file.bytes.size() - done);
    if (count < 0 && errno == EINTR)
      continue;
    if (count < 0)
      return refuse_errno(errno);
    if (count == 0)
      break;
    done += static_cast<std::size_t>(count);
  }
  file.bytes.resize(done);
  return file;
}

} // namespace sandfleet::batch
