#include "runtime/transport/op.hpp"

#include <boost/system/system_error.hpp>

namespace sandfleet::transport {

error describe_exception(const std::exception_ptr& thrown) {
  try {
    std::rethrow_exception(thrown);
  } catch (const boost::system::system_error& e) {
    const auto cancelled = e.code() == boost::asio::error::operation_aborted;
    return make_error(cancelled ? errc::cancelled : errc::internal, "asynchronous work ended early")
        .with_cause(e.what());
  } catch (const std::exception& e) {
    return make_error(errc::internal, "asynchronous work threw").with_cause(e.what());
  }
}

} // namespace sandfleet::transport
