#pragma once

// The one header that includes CAF. What depends on CAF's version stands here: the spelling of the
// type id block (that of 0.18, which 0.17.6 understands), the atoms, and the audited list of types
// that travel in messages without an inspector.

#include "actors/fwd.hpp"
#include "runtime/transport/http_base.hpp"

#include <sandfleet/error.hpp>
#include <sandfleet/ids.hpp>

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/atom.hpp>
#include <caf/send.hpp>
#include <caf/stateful_actor.hpp>
#include <caf/type_id.hpp>
#include <caf/typed_actor.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <vector>

// Atoms hold at most ten characters.
CAF_BEGIN_TYPE_ID_BLOCK(sandfleet, first_custom_type_id)

CAF_ADD_TYPE_ID(sandfleet, (sandfleet::sandbox_id))
CAF_ADD_TYPE_ID(sandfleet, (sandfleet::session_name))
CAF_ADD_TYPE_ID(sandfleet, (sandfleet::provider_name))
CAF_ADD_TYPE_ID(sandfleet, (sandfleet::actors::turn_request))
CAF_ADD_TYPE_ID(sandfleet, (sandfleet::actors::actor_stages))

CAF_ADD_ATOM(sandfleet, sandfleet::actors, alive_atom, "alive")
CAF_ADD_ATOM(sandfleet, sandfleet::actors, attach_atom, "attach")
CAF_ADD_ATOM(sandfleet, sandfleet::actors, cancel_atom, "cancel")
CAF_ADD_ATOM(sandfleet, sandfleet::actors, detach_atom, "detach")
CAF_ADD_ATOM(sandfleet, sandfleet::actors, done_atom, "done")
CAF_ADD_ATOM(sandfleet, sandfleet::actors, ended_atom, "ended")
CAF_ADD_ATOM(sandfleet, sandfleet::actors, expired_atom, "expired")
CAF_ADD_ATOM(sandfleet, sandfleet::actors, giveup_atom, "giveup")
CAF_ADD_ATOM(sandfleet, sandfleet::actors, inspect_atom, "inspect")
CAF_ADD_ATOM(sandfleet, sandfleet::actors, keep_atom, "keep")
CAF_ADD_ATOM(sandfleet, sandfleet::actors, list_atom, "list")
CAF_ADD_ATOM(sandfleet, sandfleet::actors, lost_atom, "lost")
CAF_ADD_ATOM(sandfleet, sandfleet::actors, op_done_atom, "op_done")
CAF_ADD_ATOM(sandfleet, sandfleet::actors, pause_atom, "pause")
CAF_ADD_ATOM(sandfleet, sandfleet::actors, prepared_atom, "prepared")
CAF_ADD_ATOM(sandfleet, sandfleet::actors, preparing_atom, "preparing")
CAF_ADD_ATOM(sandfleet, sandfleet::actors, probe_atom, "probe")
CAF_ADD_ATOM(sandfleet, sandfleet::actors, proceed_atom, "proceed")
CAF_ADD_ATOM(sandfleet, sandfleet::actors, record_atom, "record")
CAF_ADD_ATOM(sandfleet, sandfleet::actors, release_atom, "release")
CAF_ADD_ATOM(sandfleet, sandfleet::actors, report_atom, "report")
CAF_ADD_ATOM(sandfleet, sandfleet::actors, restart_atom, "restart")
CAF_ADD_ATOM(sandfleet, sandfleet::actors, resume_atom, "resume")
CAF_ADD_ATOM(sandfleet, sandfleet::actors, retry_atom, "retry")
CAF_ADD_ATOM(sandfleet, sandfleet::actors, setup_atom, "setup")
CAF_ADD_ATOM(sandfleet, sandfleet::actors, shutdown_atom, "shutdown")
CAF_ADD_ATOM(sandfleet, sandfleet::actors, start_atom, "start")
CAF_ADD_ATOM(sandfleet, sandfleet::actors, stop_atom, "stop")
CAF_ADD_ATOM(sandfleet, sandfleet::actors, take_atom, "take")
CAF_ADD_ATOM(sandfleet, sandfleet::actors, tick_atom, "tick")
CAF_ADD_ATOM(sandfleet, sandfleet::actors, unwatch_atom, "unwatch")
CAF_ADD_ATOM(sandfleet, sandfleet::actors, building_atom, "building")
CAF_ADD_ATOM(sandfleet, sandfleet::actors, replace_atom, "replace")
CAF_ADD_ATOM(sandfleet, sandfleet::actors, watch_atom, "watch")

CAF_END_TYPE_ID_BLOCK(sandfleet)

// Types that have no inspector because they hold std::optional, std::variant, shared state or a
// callback. That is safe here: the actor system has one node, so no message is ever serialised; the
// pointers lead to immutable values, or (waiter, token, replies) to objects that are thread-safe.
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(sandfleet::error)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(sandfleet::transport::http_base)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(sandfleet::providers::instance_state)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(sandfleet::actors::setup_step)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(sandfleet::actors::spec_ptr)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(sandfleet::actors::instance_ptr)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(sandfleet::actors::report_ptr)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(sandfleet::actors::ending_ptr)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(sandfleet::actors::ready_ptr)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(sandfleet::actors::route_ptr)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(sandfleet::actors::journal_job_ptr)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(sandfleet::actors::listing_ptr)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(sandfleet::actors::waiter_ptr)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(sandfleet::actors::token_ptr)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(sandfleet::actors::start_reply)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(sandfleet::actors::stop_reply)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(sandfleet::actors::route_reply)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(sandfleet::actors::turn_reply)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(sandfleet::actors::listing_reply)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(sandfleet::actors::done_reply)
