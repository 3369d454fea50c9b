# SPDX-License-Identifier: Apache-2.0
# Completion of strata in bash: commands and options come from its own help, names from the root.
# Words are split at blanks alone, as bash itself would take "app:1" and "--root=/x" for three words.

# Commands that the help of "$@" lists.
_strata_commands() {
  "$@" --help 2>/dev/null </dev/null | awk '/Commands:$/ { on = 1; next } /^$/ { on = 0 } on { print $1 }'
}

# Options of "$@"; with "values" in front, those that take one.
_strata_options() {
  local all=1
  if [[ $1 == values ]]; then all=0 && shift; fi
  "$@" --help 2>/dev/null </dev/null | awk -v all="$all" '
    match($0, /^ +(-[A-Za-z], )?--[a-z-]+/) && (all || substr($0, RLENGTH + 1) ~ /^ [^ ]/) {
      gsub(/,/, " ", $0)
      for (i = 1; i <= NF && $i ~ /^-/; i++) print $i
    }'
}

# Names in the root that the line names.
_strata_names() {
  "$1" "${root[@]}" "${@:2}" 2>/dev/null </dev/null | grep -v '<none>'
}

# What an argument of "$@" may be: names of images or containers, as its usage line says.
_strata_arguments() {
  local usage
  if [[ ${*:2} == *copy ]]; then echo docker:// root: docker-archive: oci-archive: oci:; fi
  usage=$("$@" --help 2>/dev/null </dev/null | sed -n 's/^Usage: *//p')
  case $usage in *CONTAINER*) _strata_names "$1" ps -a --format '{{.Names}}' ;; esac
  case $usage in *" IMAGE"* | *_IMAGE* | *NAME* | *REPOSITORY*)
    _strata_names "$1" images --format '{{.Repository}}:{{.Tag}}' ;;
  esac
}

# What the value of the option $2 of "$1" with the command behind it may be; nothing where it is a file, or anything.
_strata_values() {
  case $2 in
    --compress | --compression) echo gzip zstd ;;
    --format) case ${*:3} in
      *save) echo docker docker-legacy oci ;;
      copy | *" copy") echo docker oci ;;
      images | ps | *" ls" | *" list" | *" ps" | *" df") echo json raw table ;;
      *) echo json ;;
    esac ;;
    --log-driver) echo json-file none ;;
    --network) echo host none ;;
    --policy) echo always missing newer never ;;
    --pull) echo always missing never ;;
    --progress) echo auto plain tty json rawjson ;;
    --runtime) echo crun runc ;;
    --since | --exclude) _strata_names "$1" images --format '{{.Repository}}:{{.Tag}}' ;;
    --sort) echo created size repository ;;
    --storage-driver) echo overlay2 vfs ;;
    --type) echo container image ;;
    --wire-compression) echo zstd none ;;
  esac
}

_strata() {
  local line=${COMP_LINE:0:COMP_POINT} words command=() root=() values cur='' previous='' word i
  read -ra words <<<"$line"
  if [[ $line != *[[:blank:]] ]]; then
    cur=${words[-1]}
    unset 'words[-1]'
  fi
  values=" $(_strata_options values "$1" | tr '\n' ' ')"
  for ((i = 1; i < ${#words[@]}; i++)); do
    word=${words[i]}
    case $word in
      --root=*) root=("$word") ;;
      -*) if [[ $values == *" $word "* && $((i + 1)) -lt ${#words[@]} ]]; then
        if [[ $word == --root ]]; then root=(--root "${words[i + 1]}"); fi
        ((++i))
      fi ;;
      *) if ((${#command[@]} == 0)) || { ((${#command[@]} == 1)) && [[ -n $(_strata_commands "$1" "${command[0]}") ]]; }; then
        command+=("$word")
      fi ;;
    esac
  done
  previous=${words[-1]}
  values+=" $(_strata_options values "$1" "${command[@]}" | tr '\n' ' ')"
  local choices
  if [[ $previous == -* && $values == *" $previous "* ]]; then
    choices=$(_strata_values "$1" "$previous" "${command[@]}")
  elif [[ $cur == -* ]]; then
    choices=$(_strata_options "$1" "${command[@]}" && _strata_options "$1")
  else
    choices=$(_strata_commands "$1" "${command[@]}")
    if [[ -z $choices ]]; then choices=$(_strata_arguments "$1" "${command[@]}"); fi
    if [[ ${command[*]} == *copy ]]; then compopt -o nospace 2>/dev/null; fi # an image follows
  fi
  mapfile -t COMPREPLY < <(compgen -W "$choices" -- "$cur" | sort -u)
  if [[ $cur == *:* && $COMP_WORDBREAKS == *:* ]]; then # bash replaces what is behind the colon
    COMPREPLY=("${COMPREPLY[@]#"${cur%"${cur##*:}"}"}")
  fi
}

# Where nothing is offered, bash goes on with files.
complete -o default -F _strata strata
