#include "runtime/protocol/action_forms.hpp"

#include "runtime/protocol/python_repr.hpp"

#include <boost/json/object.hpp>
#include <boost/json/string.hpp>

#include <algorithm>
#include <array>
#include <vector>

namespace sandfleet::protocol {

namespace json = boost::json;

namespace {

using names = std::string_view[];

constexpr names null_names{"action"};
constexpr names run_names{"command", "is_input", "thought", "blocking",           "is_static",
                          "cwd",     "hidden",   "action",  "confirmation_state", "security_risk"};
constexpr names run_ipython_names{
    "code",          "thought",         "include_extra", "action", "confirmation_state",
    "security_risk", "kernel_init_code"};
constexpr names browse_names{"url", "thought", "action", "security_risk", "return_axtree"};
constexpr names browse_interactive_names{
    "browser_actions", "thought",       "browsergym_send_msg_to_user",
    "action",          "security_risk", "return_axtree"};
constexpr names read_names{"path",   "start",         "end",         "thought",
                           "action", "security_risk", "impl_source", "view_range"};
constexpr names write_names{"path",    "content", "start",        "end",
                            "thought", "action",  "security_risk"};
constexpr names edit_names{"path",        "command",       "file_text",  "old_str", "new_str",
                           "insert_line", "content",       "start",      "end",     "thought",
                           "action",      "security_risk", "impl_source"};
constexpr names think_names{"thought", "action"};
constexpr names finish_names{"final_thought", "outputs", "thought", "action"};
constexpr names reject_names{"outputs", "thought", "action"};
constexpr names delegate_names{"agent", "inputs", "thought", "action"};
constexpr names recall_names{"recall_type", "query", "thought", "action"};
constexpr names change_agent_state_names{"agent_state", "thought", "action"};
constexpr names message_names{"content",           "file_urls", "image_urls",
                              "wait_for_response", "action",    "security_risk"};
constexpr names system_names{"content", "tools", "openhands_version", "agent_class", "action"};
constexpr names condensation_names{
    "action",  "forgotten_event_ids", "forgotten_events_start_id", "forgotten_events_end_id",
    "summary", "summary_offset"};
constexpr names condensation_request_names{"action"};
constexpr names call_tool_mcp_names{"name", "arguments", "thought", "action", "security_risk"};
constexpr names task_tracking_names{"command", "task_list", "thought", "action"};
constexpr names loop_recovery_names{"option", "action"};

/// In the order in which the reference's error text lists them.
constexpr std::array<action_form, 21> action_forms{{
    {"NULL", "null", "NullAction", 0, null_names},
    {"RUN", "run", "CmdRunAction", 1, run_names, true},
    {"RUN_IPYTHON", "run_ipython", "IPythonRunCellAction", 1, run_ipython_names, true},
    {"BROWSE", "browse", "BrowseURLAction", 1, browse_names, true},
    {"BROWSE_INTERACTIVE", "browse_interactive", "BrowseInteractiveAction", 1,
     browse_interactive_names, true},
    {"READ", "read", "FileReadAction", 1, read_names, true},
    {"WRITE", "write", "FileWriteAction", 2, write_names, true},
    {"EDIT", "edit", "FileEditAction", 1, edit_names, true},
    {"THINK", "think", "AgentThinkAction", 0, think_names},
    {"FINISH", "finish", "AgentFinishAction", 0, finish_names},
    {"REJECT", "reject", "AgentRejectAction", 0, reject_names},
    {"DELEGATE", "delegate", "AgentDelegateAction", 2, delegate_names},
    {"RECALL", "recall", "RecallAction", 1, recall_names},
    {"CHANGE_AGENT_STATE", "change_agent_state", "ChangeAgentStateAction", 1,
     change_agent_state_names},
    {"MESSAGE", "message", "MessageAction", 1, message_names},
    {"SYSTEM", "system", "SystemMessageAction", 1, system_names},
    {"CONDENSATION", "condensation", "CondensationAction", 0, condensation_names},
    {"CONDENSATION_REQUEST", "condensation_request", "CondensationRequestAction", 0,
     condensation_request_names},
    {"MCP", "call_tool_mcp", "MCPAction", 1, call_tool_mcp_names},
    {"TASK_TRACKING", "task_tracking", "TaskTrackingAction", 0, task_tracking_names},
    {"LOOP_RECOVERY", "loop_recovery", "LoopRecoveryAction", 0, loop_recovery_names},
}};

struct type_name {
  std::string_view constant;
  std::string_view type;
};

constexpr std::array<type_name, 19> known_observations{{
    {"NULL", "null"},
    {"RUN", "run"},
    {"RUN_IPYTHON", "run_ipython"},
    {"BROWSE", "browse"},
    {"READ", "read"},
    {"WRITE", "write"},
    {"EDIT", "edit"},
    {"DELEGATE", "delegate"},
    {"SUCCESS", "success"},
    {"ERROR", "error"},
    {"AGENT_STATE_CHANGED", "agent_state_changed"},
    {"USER_REJECTED", "user_rejected"},
    {"CONDENSE", "condense"},
    {"THINK", "think"},
    {"RECALL", "recall"},
    {"MCP", "mcp"},
    {"DOWNLOAD", "download"},
    {"TASK_TRACKING", "task_tracking"},
    {"LOOP_DETECTION", "loop_detection"},
}};

/// The keys of a Python dictionary whose keys are an enumeration's members.
std::string dict_keys(std::string_view enumeration, const auto& table) {
  std::string listed;
  for (const auto& known : table) {
    listed.append(listed.empty() ? "<" : ", <").append(enumeration).append(".");
    listed.append(known.constant).append(": '").append(known.type).append("'>");
  }
  return "dict_keys([" + listed + "])";
}

} // namespace

const action_form* find_action_form(std::string_view type) {
  const auto* found = std::ranges::find(action_forms, type, &action_form::type);
  return found == action_forms.end() ? nullptr : found;
}

bool is_known_observation(const json::value& type) {
  const auto* text = type.if_string();
  return text && std::ranges::find(known_observations, std::string_view(*text), &type_name::type) !=
                     known_observations.end();
}

std::string unknown_action(const json::value& type) {
  return "'action['action']=" + python_repr(type) +
         "' is not defined. Available actions: " + dict_keys("ActionType", action_forms);
}

/// The reference looks it up in a dictionary, and a KeyError's text is quoted.
std::string unknown_observation(const json::value& type) {
  return python_repr("'observation['observation']=" + python_repr(type) +
                     "' is not defined. Available observations: " +
                     dict_keys("ObservationType", known_observations));
}

std::string misfit(const action_form& form, const json::object& args) {
  const auto constructor = std::string(form.class_name) + ".__init__()";
  for (const auto& arg : args) {
    if (std::ranges::find(form.names, std::string_view(arg.key())) == form.names.end())
      return constructor + " got an unexpected keyword argument " +
             python_repr(std::string_view(arg.key()));
  }
  std::vector<std::string> missing;
  for (const auto name : form.names.first(form.required)) {
    if (!args.contains(name))
      missing.push_back(python_repr(name));
  }
  if (missing.empty())
    return {};
  std::string listed = missing.front();
  for (std::size_t i = 1; i < missing.size(); ++i)
    listed += (i + 1 == missing.size() ? " and " : ", ") + missing[i];
  return constructor + " missing " + std::to_string(missing.size()) +
         " required positional argument" + (missing.size() == 1 ? "" : "s") + ": " + listed;
}

} // namespace sandfleet::protocol
