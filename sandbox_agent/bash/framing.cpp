#include "sandbox_agent/bash/framing.hpp"

#include "runtime/core/text.hpp"
#include "sandbox_agent/bash/quoting.hpp"

#include <algorithm>

namespace sandfleet::agent {

namespace {

bool is_control(char byte) {
  const auto code = static_cast<unsigned char>(byte);
  return (code < 0x20 && byte != '\t' && byte != '\n') || code == 0x7f;
}

/// One shell word on as many lines as it takes. Between two lines the quotes are closed and a
/// backslash joins them: to the shell that is still one word.
class word_writer {
 public:
  word_writer(std::string& out, std::string_view open, std::size_t limit)
      : out_(out), open_(open), limit_(limit), line_(out.rfind('\n') + 1) {
    out_ += open_;
  }

  void add(std::string_view piece) {
    constexpr std::size_t closing = 2; // quote and backslash
    const bool inside_character = (static_cast<unsigned char>(piece.front()) & 0xC0U) == 0x80U;
    constexpr std::size_t rest_of_character = 3;
    const auto length = out_.size() - line_ + piece.size() + closing;
    if (length > limit_ + (inside_character ? rest_of_character : 0)) {
      out_ += "'\\\n";
      line_ = out_.size();
      out_ += open_;
    }
    out_ += piece;
  }

  void newline() {
    out_ += '\n';
    line_ = out_.size();
  }

  void close() { out_ += '\''; }

 private:
  std::string& out_;
  std::string_view open_;
  std::size_t limit_;
  std::size_t line_;
};

void write_bash_word(std::string& out, std::string_view text, std::size_t limit) {
  word_writer word(out, "$'", limit);
  std::string piece;
  for (const char byte : text) {
    piece.clear();
    append_ansi_c(piece, byte);
    if (!piece.empty())
      word.add(piece);
  }
  word.close();
}

void write_plain_word(std::string& out, std::string_view text, std::size_t limit) {
  word_writer word(out, "'", limit);
  for (const char byte : text) {
    if (byte == '\n')
      word.newline();
    else if (byte == '\'')
      word.add("'\\''");
    else
      word.add(std::string_view(&byte, 1));
  }
  word.close();
}

/// For printf's %b. All is written in octal but letters, digits and harmless signs.
void write_octal_word(std::string& out, std::string_view text, std::size_t limit) {
  word_writer word(out, "'", limit);
  for (const char byte : text) {
    const auto code = static_cast<unsigned char>(byte);
    if (byte == '\0')
      continue;
    if (code >= 0x20 && code != 0x7f && byte != '\'' && byte != '\\') {
      word.add(std::string_view(&byte, 1));
      continue;
    }
    const char octal[] = {'\\', '0', static_cast<char>('0' + (code >> 6U)),
                          static_cast<char>('0' + ((code >> 3U) & 7U)),
                          static_cast<char>('0' + (code & 7U))};
    word.add(std::string_view(octal, sizeof octal));
  }
  word.close();
}

std::string replace_all(std::string text, std::string_view from, std::string_view to) {
  for (auto at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size()))
    text.replace(at, from.size(), to);
  return text;
}

// The prompts hold no escape byte but its spelling, and unexpanded parameters: printing them, or
// the environment, gives no mark. `${!-}`: a plain `$!` ends the expansion under `set -u`.
constexpr std::string_view bash_ps1 =
    R"(\[\e]6973;@NONCE@;P;$?;${!-};\#;$-;$$;\u;\h;${PWD+${PWD@Q}};${PATH+${PATH@Q}}\a\])";
constexpr std::string_view bash_ps2 = R"(\[\e]6973;@NONCE@;C;\#\a\])";
constexpr std::string_view bash_ps0 = R"(\e]6973;@NONCE@;S;\#\a)";

// What looks at the prompts before each one, and sets them where they have changed, is a function,
// so that its text is not read each time; its text is exported with PROMPT_COMMAND, so that it
// survives `exec bash` and `su`. PS0 above all is assigned only after a change: bash 5.2 holds on
// to the old value's memory over some syntax errors, and would print what became of it. Descriptor
// 2 is closed meanwhile, which keeps `set -x` silent; 9 is what it was.
//
// A function that is called eval would be given what is typed, and goes; a shell in which it is
// read-only, or `unset` something else than what it should be, ends: that one succeeds with the
// first function and fails with the second.
//
// Bash prints its prompts on its standard error. When that is no terminal any more, the mark goes
// to the terminal by itself (kind F), with the status of the command (PS2 holds it, because it
// needs no name of ours); and the prompts are empty, so that no file gets their marks. While
// POSIXLY_CORRECT is set, `unset` and `exit` are found before functions of that name.
std::string bash_look() {
  std::string look = "__sandfleet_prompt(){ if [[ -t 9||PS2=${1-$?} -lt 0 ]];then ";
  look.append("case ${PS1-}${PS2-}${PS0-} in '").append(bash_ps1).append(bash_ps2).append(bash_ps0);
  look.append(
          R"(')\unset -f eval&&! \unset -f __sandfleet_prompt||POSIXLY_CORRECT= \exit 125;;*)PS1=')")
      .append(bash_ps1);
  look.append("' PS2='").append(bash_ps2).append("' PS0='").append(bash_ps0).append(
      "';;esac;else ");
  look.append(
      R"([[ -o posix ]]||{ POSIXLY_CORRECT= \unset -f printf;\unset -v POSIXLY_CORRECT;};)");
  look.append(
      R"(\printf '\e]6973;@NONCE@;F;%s;%s\a' "$PS2" "${!-}" >/dev/tty;PS1= PS2= PS0=;fi;};)");
  return look.append(R"(\readonly -f __sandfleet_prompt;\__sandfleet_prompt)");
}

// Without a descriptor 2 the first half does not run, and has set $? and nothing else.
constexpr std::string_view bash_prompt_command =
    R"({ \__sandfleet_prompt||\eval "$SANDFLEET_PROMPT";} 9>&2 2>&-)"
    R"(||\__sandfleet_prompt "${PIPESTATUS[-1]}")";

std::string bash_opening() {
  return R"( case ${BASH_VERSION-} in ""|[0-3].*|4.[0-3]*) printf '\033]6973;%s;O\007' @NONCE@;; )"
         R"(*) unset HISTFILE; set +H; history -c; export SANDFLEET_PROMPT=)" +
         core::quote_posix(bash_look()) +
         " PROMPT_COMMAND=" + core::quote_posix(bash_prompt_command) + ";; esac";
}

// A DEBUG trap can skip commands, which then count as successful. It skips no expansions, and the
// failure of one ends all that was typed.
constexpr std::string_view bash_skip_guard =
    "[[ -n '' ]]&&{ :;}<${__sandfleet_skips?its DEBUG trap skips commands};";

// The first line is for an sh with an editor that echoes by itself; a shell that does not know the
// option gives up that line alone.
constexpr std::string_view posix_opening =
    "set +o emacs\n"
    R"(HISTFILE= __sf_e=$(printf '\033') __sf_b=$(printf '\007'); PS2=; )"
    R"(PS1='${__sf_e}]6973;@NONCE@;p;$?;${!-}${__sf_b}')";

std::string_view guard(dialect kind, std::string_view options) {
  constexpr char traced = 'T'; // is among the options wherever a trap may skip commands
  const bool may_skip = kind == dialect::bash && options.find(traced) != std::string_view::npos;
  return may_skip ? bash_skip_guard : std::string_view();
}

} // namespace

std::size_t line_limit(dialect kind) {
  return kind == dialect::bash ? 4000 : 1000;
}

typed_text frame_as_is(std::string_view text) {
  typed_text out{std::string(text), 0};
  out.bytes += '\n';
  out.lines = static_cast<int>(std::count(out.bytes.begin(), out.bytes.end(), '\n'));
  return out;
}

typed_text frame_input(std::string_view text) {
  auto out = frame_as_is(text);
  out.bytes.back() = '\r';
  return out;
}

typed_text opening(dialect kind, std::string_view nonce) {
  auto text = kind == dialect::bash ? bash_opening() : std::string(posix_opening);
  return frame_as_is(replace_all(std::move(text), "@NONCE@", nonce));
}

bool can_be_typed(dialect kind, std::string_view text) {
  std::size_t column = 0;
  for (const char byte : text) {
    if (is_control(byte))
      return false;
    column = byte == '\n' ? 0 : column + 1;
    if (column > line_limit(kind))
      return false;
  }
  return true;
}

typed_text frame_eval(dialect kind, std::string_view text,
                      const std::optional<std::string>& stdin_path, std::string_view options) {
  const auto limit = line_limit(kind);
  std::string out(guard(kind, options));
  out += "\\eval "; // whatever alias there is
  const auto write_word = [&](std::string_view value) {
    if (kind == dialect::bash) {
      write_bash_word(out, value, limit);
    } else if (std::none_of(value.begin(), value.end(), is_control)) {
      write_plain_word(out, value, limit);
    } else {
      out += "\"$(printf %b \\\n";
      write_octal_word(out, value, limit);
      out += ")\"";
    }
  };
  write_word(text);
  if (stdin_path) {
    out += " <";
    write_word(*stdin_path);
  }
  auto framed = frame_as_is(out);
  framed.complete = true;
  return framed;
}

std::string echo_of(const typed_text& text) {
  auto bytes = text.bytes;
  if (bytes.ends_with('\r'))
    bytes.back() = '\n';
  return replace_all(std::move(bytes), "\n", "\r\n");
}

} // namespace sandfleet::agent
