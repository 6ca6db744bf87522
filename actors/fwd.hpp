#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

/// Names of what travels in messages, without the headers that define it: those see Boost.
namespace sandfleet {

struct sandbox_spec;
struct sandbox_info;

namespace providers {

class provider;
struct instance;
struct exit_report;
enum class instance_state : std::uint8_t;

} // namespace providers

namespace journal {

class store;

} // namespace journal

namespace actors {

struct route;
struct ready_sandbox;
struct ending;
struct turn_request;
struct actor_stages;
enum class setup_step : std::uint8_t;
class turn_waiter;
template <class T>
class reply;

using spec_ptr = std::shared_ptr<const sandbox_spec>;
using instance_ptr = std::shared_ptr<const providers::instance>;
using report_ptr = std::shared_ptr<const providers::exit_report>;
using ending_ptr = std::shared_ptr<const ending>;
using ready_ptr = std::shared_ptr<const ready_sandbox>;
using route_ptr = std::shared_ptr<const route>;
/// Something to do with the journal, once.
using journal_job = std::function<void(journal::store&)>;
using journal_job_ptr = std::shared_ptr<const journal_job>;
using listing_ptr = std::shared_ptr<const std::vector<sandbox_info>>;

/// A place in the line for a turn; leaves the line when it is destroyed without a turn.
using waiter_ptr = std::shared_ptr<turn_waiter>;

/// The right to a turn; gives it back when it is destroyed, so that one which is lost on its way
/// (a time-out, a caller that has gone) blocks nobody.
using token_ptr = std::shared_ptr<void>;

struct nothing {};

using start_reply = std::shared_ptr<reply<ready_ptr>>;
using stop_reply = std::shared_ptr<reply<report_ptr>>;
using route_reply = std::shared_ptr<reply<route_ptr>>;
using turn_reply = std::shared_ptr<reply<token_ptr>>;
using listing_reply = std::shared_ptr<reply<listing_ptr>>;
using done_reply = std::shared_ptr<reply<nothing>>;

} // namespace actors
} // namespace sandfleet
