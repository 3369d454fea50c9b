# SPDX-License-Identifier: Apache-2.0
# Completion for bash: commands, options as --help lists them, and names of images from the store.

_strata_words() { # the first column of a block of --help: "Commands:", "Options:"
  strata "$@" --help 2>/dev/null | awk '/^[A-Z].*:/ {on = /Commands:|Options/} on && /^ / {
    for (i = 1; i <= NF; i++) { if ($i !~ /^-/ && i > 1) break; sub(/,$/, "", $i); print $i } }'
}

_strata_images() {
  local root=()
  local i
  for ((i = 1; i < COMP_CWORD; i++)); do
    [[ ${COMP_WORDS[i]} == --root ]] && root=(--root "${COMP_WORDS[i + 1]}")
  done
  strata "${root[@]}" images --format '{{.Repository}}:{{.Tag}}' 2>/dev/null | grep -v '<none>'
}

_strata() {
  local current previous command=() word
  _init_completion -n : || return
  current=$cur previous=$prev
  for word in "${words[@]:1:cword-1}"; do
    [[ $word == [a-z]* ]] && command+=("$word")
  done
  [[ ${command[0]} =~ ^(image|manifest|remote|system)$ ]] && command=("${command[@]:0:2}") || command=("${command[@]:0:1}")
  case $previous in
    --since) COMPREPLY=($(compgen -W "$(_strata_images)" -- "$current")); __ltrim_colon_completions "$current"; return ;;
    --exclude) _filedir; COMPREPLY+=($(compgen -W "$(_strata_images)" -- "$current")); return ;;
    -i | --input | --have | -o | --output | --root) _filedir; return ;;
    --progress) COMPREPLY=($(compgen -W "auto plain tty json" -- "$current")); return ;;
    --policy) COMPREPLY=($(compgen -W "always missing newer never" -- "$current")); return ;;
    --storage-driver) COMPREPLY=($(compgen -W "overlay2 vfs" -- "$current")); return ;;
    --sort) COMPREPLY=($(compgen -W "created size repository" -- "$current")); return ;;
    --wire-compression) COMPREPLY=($(compgen -W "zstd none" -- "$current")); return ;;
    --remote-program) _filedir; return ;;
    --authfile | --src-authfile | --dest-authfile) _filedir; return ;;
    --cert-dir | --src-cert-dir | --dest-cert-dir) _filedir -d; return ;;
    --compress | --compression) COMPREPLY=($(compgen -W "gzip zstd" -- "$current")); return ;;
  esac
  if [[ $current == -* || ${#command[@]} -eq 0 || (${#command[@]} -eq 1 && ${command[0]} =~ ^(image|manifest|remote|system)$) ]]; then
    COMPREPLY=($(compgen -W "$(_strata_words "${command[@]}")" -- "$current"))
  elif [[ ${command[*]} == copy && $current != *:* ]]; then
    COMPREPLY=($(compgen -W "docker:// root: docker-archive: oci-archive: oci:" -- "$current"))
    compopt -o nospace
  else
    COMPREPLY=($(compgen -W "$(_strata_images)" -- "$current"))
    __ltrim_colon_completions "$current"
  fi
}

complete -F _strata strata
