#include "sandbox_agent/bash/conversation.hpp"
#include "tests/fuzz/holds.hpp"
#include "tests/fuzz/input.hpp"

namespace {

using namespace sandfleet::agent;

constexpr std::string_view nonce = "5ec4e7";

std::string sequence(const std::string& body) {
  return "\x1b]6973;" + std::string(nonce) + ";" + body + "\a";
}

std::string prompt(int code, int number) {
  return sequence("P;" + std::to_string(code) + ";;" + std::to_string(number) +
                  ";himBHs;4;u;h;'/';'/bin'");
}

std::string text_of(const terminal& screen) {
  bool dropped = false;
  return screen.text(dropped);
}

void receive(conversation& talk, std::string_view bytes, std::uint8_t seed) {
  for (const auto piece : pieces_of(bytes, seed))
    talk.receive(piece);
}

/// A command that prints anything but the nonce: the prompt is seen when the shell draws it and not
/// before, with its own exit code, and what is shown is what was printed.
void check_command(fuzz_input& in) {
  const auto seed = in.byte();
  const int code = in.byte();
  const auto command = in.text(60);
  const auto printed = in.rest();
  if (printed.find(nonce) != std::string_view::npos || !can_be_typed(dialect::bash, command) ||
      command.find('\n') != std::string::npos)
    return;
  terminal screen;
  conversation talk(dialect::bash, nonce, screen);
  receive(talk, "junk of a startup file" + prompt(0, 1), seed);
  holds(talk.opened() && talk.at_prompt());
  screen.clear();

  const auto typed = frame_as_is(command);
  talk.typed(typed, true);
  holds(!talk.at_prompt());
  receive(talk, echo_of(typed) + sequence("S;2"), seed);
  receive(talk, printed, seed);
  holds(!talk.at_prompt());
  receive(talk, prompt(code, 3), seed);
  holds(talk.at_prompt() && talk.prompt().exit_code == code);

  terminal alone;
  alone.write(printed);
  holds(text_of(screen) == text_of(alone));
}

/// Anything at all from the shell's side, marks with the right nonce among it, and anything typed.
void check_any(fuzz_input& in) {
  terminal screen;
  screen.limit({.lines = 100, .bytes = 4096});
  conversation talk(in.flag() ? dialect::bash : dialect::posix, nonce, screen);
  while (!in.empty()) {
    switch (in.byte() % 9) {
    case 0:
      talk.receive(prompt(in.byte(), in.byte() % 4));
      break;
    case 1:
      talk.receive(sequence("S;1"));
      break;
    case 2:
      talk.receive(sequence("C;1"));
      break;
    case 3:
      talk.receive(sequence("O"));
      (void)talk.take_new_dialect();
      break;
    case 4:
      talk.typed(frame_as_is(in.text(40)), true);
      break;
    case 7:
      talk.typed(frame_eval(dialect::bash, in.text(40), std::nullopt), false);
      break;
    case 5:
      talk.key_typed();
      break;
    case 6:
      talk.receive(sequence(in.text(40)));
      break;
    default:
      talk.receive(in.text());
    }
  }
  holds(text_of(screen).size() <= 4096);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz_input in(data, size);
  if (in.flag())
    check_command(in);
  else
    check_any(in);
  return 0;
}
