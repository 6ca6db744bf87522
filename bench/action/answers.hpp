#pragma once

namespace sandfleet::bench {

/// Has the agent run `count` commands that each print a number of their own, in `sessions` sessions
/// at once, and among them actions of all other kinds. Each session's commands come by two
/// connections, the next before the last is answered. Throws at the first answer that is not its
/// asker's, or not whole. Prints what was done.
void check_answers(int count, int sessions);

} // namespace sandfleet::bench
