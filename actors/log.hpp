#pragma once

#include <initializer_list>
#include <string_view>
#include <utility>

namespace sandfleet::actors {

enum class log_level { debug, info, warning, error };

/// Writes one line, "event key=value ...", to spdlog's logger "sandfleet", or nothing where the
/// program has registered none. Empty values are left out, those with spaces or quotes are quoted.
void log_event(log_level level, std::string_view event,
               std::initializer_list<std::pair<std::string_view, std::string_view>> fields);

} // namespace sandfleet::actors
