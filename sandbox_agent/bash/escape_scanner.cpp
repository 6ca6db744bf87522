#include "sandbox_agent/bash/escape_scanner.hpp"

#include <string_view>

namespace sandfleet::agent {

namespace {

/// Private modes that concern the cursor's look, the keyboard or the mouse alone.
bool harmless_modes(std::string_view parameters) {
  if (parameters.empty() || parameters.front() != '?')
    return false;
  parameters.remove_prefix(1);
  constexpr std::string_view harmless = ";1;12;25;1000;1002;1003;1004;1005;1006;2004;2026;";
  while (!parameters.empty()) {
    const auto end = parameters.find(';');
    std::string wanted = ";";
    wanted.append(parameters.substr(0, end)).push_back(';');
    if (harmless.find(wanted) == std::string_view::npos)
      return false;
    parameters.remove_prefix(end == std::string_view::npos ? parameters.size() : end + 1);
  }
  return true;
}

} // namespace

void escape_scanner::end_of_control(char command) {
  state_ = state::ground;
  switch (command) {
  case 'h':
  case 'l':
    mode_set_ |= !harmless_modes(parameters_);
    break;
  case 'r':
  case 'g':
  case 'p':
    mode_set_ = true;
    break;
  default:
    break;
  }
}

bool escape_scanner::next(char byte) {
  const auto code = static_cast<unsigned char>(byte);
  constexpr std::size_t longest_parameters = 64;
  const bool string = state_ == state::string || state_ == state::string_escape;
  if (code == 0x18 || code == 0x1a) { // CAN and SUB end any sequence
    state_ = state::ground;
    return false;
  }
  if (code == 0x1b) {
    state_ = string ? state::string_escape : state::escape;
    return true;
  }
  switch (state_) {
  case state::ground:
    mode_set_ |= code == 0x0e;
    return false;
  case state::string_escape:
    if (byte == '\\') {
      state_ = state::ground;
      return false;
    }
    [[fallthrough]];
  case state::escape:
    if (code < 0x20)
      return true;
    if (byte == '[') {
      state_ = state::control;
      parameters_.clear();
    } else if (std::string_view("]PX^_").find(byte) != std::string_view::npos) {
      state_ = state::string;
    } else if (code <= 0x2f) {
      state_ = state::intermediate;
      parameters_.assign(1, byte);
    } else {
      state_ = state::ground;
      mode_set_ |= std::string_view("cHNOno|}~").find(byte) != std::string_view::npos;
      return false;
    }
    return true;
  case state::intermediate:
    if (code < 0x30)
      return true;
    state_ = state::ground;
    mode_set_ |= !(parameters_ == "(" && byte == 'B') && parameters_ != "%" && parameters_ != " ";
    return false;
  case state::control:
    if (code < 0x40 || code > 0x7e) {
      if (code >= 0x20 && code < 0x40 && parameters_.size() < longest_parameters)
        parameters_ += byte;
      return true;
    }
    end_of_control(byte);
    return false;
  case state::string:
    if (byte == '\a')
      state_ = state::ground;
    return state_ != state::ground;
  }
  return false;
}

} // namespace sandfleet::agent
