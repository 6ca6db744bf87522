#pragma once

#include "actors/messages.hpp"

/// The interface of every actor. An answer that is an error carries a sandfleet::error
/// (failure.hpp). Each request has a finite deadline; who asks gives it, see `deadlines`.
namespace sandfleet::actors {

/// Hears of the end of a sandbox from the provider's port.
using end_observer_actor = caf::typed_actor<
    // The provider's `wait` has completed.
    caf::reacts_to<ended_atom, report_ptr>>;

/// Hears that a start has an image built first, and when that is over.
using build_observer_actor = caf::typed_actor<caf::reacts_to<building_atom, sandbox_id, bool>>;

/// Hears that a start waits for an image.
using preparation_observer_actor = caf::typed_actor<
    // It does nothing else from now on; whether the image is being built.
    caf::reacts_to<preparing_atom, sandbox_id, bool>,
    // The image is there: `proceed` lets the start go on.
    caf::reacts_to<prepared_atom, sandbox_id>>;

/// Hears what a health checker found.
using health_observer_actor = caf::typed_actor<
    // Several probes in a row have failed; the error is that of the last.
    caf::reacts_to<lost_atom, error>,
    // A probe has succeeded after `lost`.
    caf::reacts_to<alive_atom>>;

/// Stands before a provider's awaitables; nothing but this actor calls them.
using provider_port_actor = caf::typed_actor<
    // Starts a sandbox. Answers when the provider does.
    caf::replies_to<start_atom, sandbox_id, spec_ptr>::with<instance_ptr>,
    // Lets a start go on that has its image.
    caf::reacts_to<proceed_atom, sandbox_id>,
    // Asks the start in flight to stop; answers when it has ended, at once when there is none.
    caf::replies_to<cancel_atom, sandbox_id>::with<caf::ok_atom>,
    // Takes a sandbox away, killing at once what runs in it.
    caf::replies_to<stop_atom, sandbox_id>::with<report_ptr>,
    // Asks what became of a sandbox.
    caf::replies_to<inspect_atom, sandbox_id>::with<providers::instance_state>,
    // Holds a sandbox still.
    caf::replies_to<pause_atom, sandbox_id>::with<caf::ok_atom>,
    // Makes a paused sandbox run again.
    caf::replies_to<resume_atom, sandbox_id>::with<instance_ptr>,
    // Takes up a sandbox that was kept, or one of another program.
    caf::replies_to<attach_atom, sandbox_id>::with<instance_ptr>,
    // Makes a sandbox outlive the engine, for so long; 0: without end.
    caf::replies_to<keep_atom, sandbox_id, caf::timespan>::with<caf::ok_atom>,
    // Forgets a sandbox that was kept or attached; it lives on.
    caf::replies_to<detach_atom, sandbox_id>::with<caf::ok_atom>,
    // Lists all that the provider knows of, whoever started it.
    caf::replies_to<list_atom>::with<listing_ptr>,
    // Tells the observer when the sandbox ends, for whatever cause.
    caf::reacts_to<watch_atom, sandbox_id, end_observer_actor>,
    // Ends a watch.
    caf::reacts_to<unwatch_atom, sandbox_id>,
    // From Asio: an operation has completed with the message given.
    caf::reacts_to<op_done_atom, std::uint64_t, caf::message>>;

/// Stands before the engine's health probe.
using health_port_actor = caf::typed_actor<
    // Asks an agent whether it is alive, within the time given.
    caf::replies_to<probe_atom, transport::http_base, caf::timespan>::with<caf::ok_atom>,
    // From Asio: a probe has completed with the message given.
    caf::reacts_to<op_done_atom, std::uint64_t, caf::message>>;

/// One a provider: limits how many starts run at a time, keeps the others in order, and tries
/// again what failed for the infrastructure's sake.
using provider_actor = caf::typed_actor<
    // Starts a sandbox when its turn comes; answers with the last attempt's error.
    caf::replies_to<start_atom, sandbox_id, spec_ptr>::with<instance_ptr>,
    // Takes a start back, queued or running; its own answer then says `cancelled`.
    caf::reacts_to<cancel_atom, sandbox_id>,
    // Passed on to the port.
    caf::replies_to<stop_atom, sandbox_id>::with<report_ptr>,
    caf::replies_to<inspect_atom, sandbox_id>::with<providers::instance_state>,
    caf::replies_to<pause_atom, sandbox_id>::with<caf::ok_atom>,
    caf::replies_to<resume_atom, sandbox_id>::with<instance_ptr>,
    caf::replies_to<attach_atom, sandbox_id>::with<instance_ptr>,
    caf::replies_to<keep_atom, sandbox_id, caf::timespan>::with<caf::ok_atom>,
    caf::replies_to<detach_atom, sandbox_id>::with<caf::ok_atom>,
    caf::replies_to<list_atom>::with<listing_ptr>,
    caf::reacts_to<watch_atom, sandbox_id, end_observer_actor>,
    caf::reacts_to<unwatch_atom, sandbox_id>,
    // From the provider, by way of the port: a start holds no place among those that run while it
    // waits for an image. That one is built is passed on to who asked for the start.
    caf::reacts_to<preparing_atom, sandbox_id, bool>, caf::reacts_to<prepared_atom, sandbox_id>,
    // From itself: the wait before an attempt (named by its number) is over.
    caf::reacts_to<retry_atom, sandbox_id, std::uint32_t>>;

/// One a sandbox that runs: probes the agent from time to time.
using health_checker_actor = caf::typed_actor<
    // From itself: time for a probe.
    caf::reacts_to<tick_atom>>;

/// One for each bash session for which somebody had to wait: hands out the turn in order.
using bash_session_actor = caf::typed_actor<
    // Waits in line for the turn.
    caf::replies_to<take_atom, turn_request, waiter_ptr>::with<token_ptr>,
    // A waiter has gone; its request is answered `cancelled` if it was still in line.
    caf::reacts_to<cancel_atom, std::uint64_t>,
    // From the gate: a holder gave the turn back while somebody waited.
    caf::reacts_to<release_atom>,
    // From itself: the time of the first waiter may be over.
    caf::reacts_to<expired_atom>,
    // The sandbox has ended: everybody in line gets this verdict, and the actor ends.
    caf::reacts_to<ended_atom, error>>;

/// One a sandbox: its state machine, and the owner of its health checker and session actors.
using sandbox_actor = caf::typed_actor<
    // Starts it; answers when it is ready, or when what a failed start has left is gone.
    caf::replies_to<start_atom>::with<ready_ptr>,
    // Takes it up, unless it is known already; answers when it is ready. A failure leaves it alone.
    caf::replies_to<attach_atom>::with<ready_ptr>,
    // Makes it outlive the engine, for so long; 0: without end.
    caf::replies_to<keep_atom, caf::timespan>::with<caf::ok_atom>,
    // Holds it still; who wants its route then wakes it up.
    caf::replies_to<pause_atom>::with<caf::ok_atom>,
    // A set-up, named by its number, has come to a step. One at a time; its state is shown when the
    // sandbox would be `ready`.
    caf::replies_to<setup_atom, std::uint64_t, setup_step>::with<caf::ok_atom>,
    // Forgets it; it lives on.
    caf::replies_to<detach_atom>::with<caf::ok_atom>,
    // The caller of `start` has gone: takes away what was begun.
    caf::reacts_to<cancel_atom>,
    // Takes it away; answers when it is gone.
    caf::replies_to<stop_atom>::with<report_ptr>,
    // The data plane saw an error while it used a generation of the route: answers the route to
    // use next or the verdict.
    caf::replies_to<report_atom, std::uint64_t, error>::with<route_ptr>,
    // Waits in line for the turn of a session.
    caf::replies_to<take_atom, turn_request, waiter_ptr>::with<token_ptr>,
    // A waiter has gone.
    caf::reacts_to<cancel_atom, turn_request>,
    // From the provider's port: it has ended.
    caf::reacts_to<ended_atom, report_ptr>,
    // From the provider's actor: an image is built first, or has been.
    caf::reacts_to<building_atom, sandbox_id, bool>,
    // From the health checker.
    caf::reacts_to<lost_atom, error>, caf::reacts_to<alive_atom>,
    // From itself: no news of an end has come; those who reported a failure get the verdict.
    caf::reacts_to<expired_atom>,
    // From the supervisor: the provider actor, or the health port, was started anew.
    caf::reacts_to<replace_atom, provider_actor>, caf::reacts_to<replace_atom, health_port_actor>,
    // From the supervisor: the provider actor will not be started again.
    caf::reacts_to<giveup_atom, error>,
    // From the supervisor: the end is noted, nothing more will come.
    caf::reacts_to<done_atom>>;

/// The root: starts the others, knows every sandbox, restarts what dies.
using supervisor_actor = caf::typed_actor<
    // Starts a sandbox.
    caf::replies_to<start_atom, sandbox_id, spec_ptr>::with<ready_ptr>,
    // Takes up a sandbox of a provider that somebody else started.
    caf::replies_to<attach_atom, sandbox_id, provider_name>::with<ready_ptr>,
    // Passed on to the sandbox.
    caf::replies_to<keep_atom, sandbox_id, caf::timespan>::with<caf::ok_atom>,
    caf::replies_to<detach_atom, sandbox_id>::with<caf::ok_atom>,
    caf::replies_to<pause_atom, sandbox_id>::with<caf::ok_atom>,
    caf::replies_to<setup_atom, sandbox_id, std::uint64_t, setup_step>::with<caf::ok_atom>,
    // Asks every provider, and answers with all they know or the first error.
    caf::replies_to<list_atom>::with<listing_ptr>,
    // Takes a start back.
    caf::reacts_to<cancel_atom, sandbox_id>,
    // Takes a sandbox away; one that has gone answers its last report.
    caf::replies_to<stop_atom, sandbox_id>::with<report_ptr>,
    // The data plane saw an error on a route.
    caf::replies_to<report_atom, sandbox_id, std::uint64_t, error>::with<route_ptr>,
    // Waits in line for the turn of a session.
    caf::replies_to<take_atom, turn_request, waiter_ptr>::with<token_ptr>,
    // A waiter has gone.
    caf::reacts_to<cancel_atom, turn_request>,
    // From a sandbox actor: it is over; this is what stays of it.
    caf::reacts_to<ended_atom, sandbox_id, ending_ptr>,
    // From a sandbox actor: it was let go, or never taken up; nothing is known of it any more.
    caf::reacts_to<done_atom, sandbox_id>,
    // From itself: the wait before the restart of a child (named by its index) is over.
    caf::reacts_to<restart_atom, std::uint64_t>,
    // Admits nothing more, ends all children; answers when they are gone, and ends itself.
    caf::replies_to<shutdown_atom>::with<caf::ok_atom>>;

/// Ends actors in stages.
using terminator_actor = caf::typed_actor<
    // Ends the stages in reverse order; kills what is left when the grace is over. Answers when
    // all are gone, and ends itself.
    caf::replies_to<shutdown_atom, actor_stages>::with<caf::ok_atom>,
    // From itself: the grace is over.
    caf::reacts_to<expired_atom>>;

/// Keeps the journal, when there is one.
using journal_actor = caf::typed_actor<
    // Does something with it; one after the other.
    caf::reacts_to<record_atom, journal_job_ptr>>;

/// The bridge from Asio to the actors: makes requests for callers that are no actors.
using gateway_actor = caf::typed_actor<
    // Each asks the supervisor and completes the reply.
    caf::reacts_to<start_atom, sandbox_id, spec_ptr, start_reply>,
    caf::reacts_to<attach_atom, sandbox_id, provider_name, start_reply>,
    caf::reacts_to<keep_atom, sandbox_id, caf::timespan, done_reply>,
    caf::reacts_to<detach_atom, sandbox_id, done_reply>,
    caf::reacts_to<pause_atom, sandbox_id, done_reply>,
    caf::reacts_to<setup_atom, sandbox_id, std::uint64_t, setup_step, done_reply>,
    caf::reacts_to<list_atom, listing_reply>, caf::reacts_to<stop_atom, sandbox_id, stop_reply>,
    caf::reacts_to<report_atom, sandbox_id, std::uint64_t, error, route_reply>,
    caf::reacts_to<take_atom, turn_request, waiter_ptr, turn_reply>,
    caf::reacts_to<shutdown_atom, done_reply>,
    // The caller of a start, or a waiter for a turn, has gone.
    caf::reacts_to<cancel_atom, sandbox_id>, caf::reacts_to<cancel_atom, turn_request>>;

} // namespace sandfleet::actors
