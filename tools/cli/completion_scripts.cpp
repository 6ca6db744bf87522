#include "tools/cli/completion.hpp"

namespace sandfleet::cli {

namespace {

// The scripts ask the program, which knows its own definition; they only translate for their shell.

constexpr std::string_view bash_script =
    R"script(# bash completion of sandfleet: source <(sandfleet completion bash)
_sandfleet() {
  # Bash breaks words at = and : too, sandfleet does not.
  local line=${COMP_LINE:0:COMP_POINT} i word text description value action
  local -a words=()
  for ((i = 0; i <= COMP_CWORD; i++)); do
    if [[ $i -eq 0 || $line == [[:space:]]* ]]; then
      line=${line#"${line%%[![:space:]]*}"}
      words+=('')
    fi
    word=${COMP_WORDS[i]:0:${#line}}
    words[-1]+=$word
    line=${line:${#word}}
  done
  [[ $word == [=:] ]] && word=
  local current=${words[-1]}
  local broken=$((${#current} - ${#word}))
  COMPREPLY=()
  local equals=yes
  while IFS=$'\t' read -r text description; do
    case $text in
      :files | :directories | :commands)
        value=${current#"$description"}
        action=-f
        [[ $text != :directories ]] || action=-d
        [[ $text != :commands ]] || action=-c
        [[ $action == -c ]] || compopt -o filenames 2>/dev/null
        while IFS= read -r text; do
          text=$description$text
          COMPREPLY+=("${text:broken}")
        done < <(compgen "$action" -- "$value")
        equals=
        ;;
      ?*)
        [[ $text == *= ]] || equals=
        COMPREPLY+=("${text:broken}")
        ;;
    esac
  done < <("${COMP_WORDS[0]}" __complete -- "${words[@]:1}" 2>/dev/null)
  [[ -z $equals ]] || compopt -o nospace 2>/dev/null
}
complete -F _sandfleet sandfleet
)script";

constexpr std::string_view zsh_script = R"script(#compdef sandfleet
# zsh completion of sandfleet: source <(sandfleet completion zsh)
_sandfleet() {
  local line text description
  local -a texts shown
  for line in "${(@f)$("${words[1]}" __complete -- "${(@)words[2,CURRENT]}" 2>/dev/null)}"; do
    text=${line%%$'\t'*}
    description=${line#*$'\t'}
    case $text in
      '') ;;
      :files) compset -P "${(b)description}"; _files ;;
      :directories) compset -P "${(b)description}"; _files -/ ;;
      :commands) _command_names -e ;;
      *=) compadd -S '' -- "$text" ;;
      *) texts+=("$text"); shown+=("$text${description:+  -- $description}") ;;
    esac
  done
  (($#texts)) && compadd -l -d shown -a texts
}
if [[ ${funcstack[1]} == _sandfleet ]]; then
  _sandfleet "$@"
else
  compdef _sandfleet sandfleet
fi
)script";

constexpr std::string_view fish_script =
    R"script(# fish completion of sandfleet: sandfleet completion fish | source
function __sandfleet_complete
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    set -l program $words[1]
    set -e words[1]
    for line in ($program __complete -- $words "$current" 2>/dev/null)
        set -l parts (string split -m 1 \t -- $line)
        switch $parts[1]
            case :files :directories
                set -l value (string replace -- "$parts[2]" '' "$current")
                for path in (__fish_complete_path $value)
                    echo "$parts[2]$path"
                end
            case :commands
                __fish_complete_command
            case '*'
                echo $line
        end
    end
end
complete -c sandfleet -f -a '(__sandfleet_complete)'
)script";

} // namespace

std::string_view completion_script(std::string_view shell) noexcept {
  if (shell == "bash")
    return bash_script;
  if (shell == "zsh")
    return zsh_script;
  if (shell == "fish")
    return fish_script;
  return {};
}

} // namespace sandfleet::cli
