#include "actors/failure.hpp"

#include <utility>

namespace sandfleet::actors {

namespace {

constexpr auto ours = caf::atom("sandfleet");
constexpr auto died = caf::atom("sf_died");

bool says_receiver_is_gone(const caf::error& e) {
  if (e.category() == died || e.category() == caf::atom("exit"))
    return true;
  // A request to an empty handle, which stands for an actor that is between two lives, is answered
  // `invalid_argument`.
  return e == caf::sec::request_receiver_down || e == caf::sec::invalid_argument;
}

} // namespace

caf::error to_caf(error what) {
  // A code of 0 would mean success.
  const auto code = static_cast<std::uint8_t>(static_cast<unsigned>(what.code) + 1);
  return caf::error{code, ours, caf::make_message(std::move(what))};
}

caf::error owner_died() {
  return caf::error{1, died};
}

failure from_caf(const caf::error& e) {
  if (e.category() == ours && e.context().match_elements<error>())
    return {e.context().get_as<error>(0), failure_origin::peer};
  if (e == caf::sec::request_timeout)
    return {make_error(errc::timed_out, "an actor did not answer in time")
                .blamed_on(failure_class::infrastructure),
            failure_origin::deadline};
  if (says_receiver_is_gone(e))
    return {make_error(errc::internal, "an actor ended before it answered"), failure_origin::down};
  return {make_error(errc::internal, "an actor answered an error that it should not")
              .with("code", std::int64_t{e.code()})
              .with("category", caf::to_string(e.category())),
          failure_origin::peer};
}

} // namespace sandfleet::actors
