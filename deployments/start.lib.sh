# What the start.sh of every deployment has in common; they read it with `.`, with their own folder in $folder.
# A check that fails is noted; `run_server` tells of all of them and ends with 2, or becomes the server.

dia="$folder/../../dist/program/main.js"
# Without the last step of the build there are only the modules.
[ -e "$dia" ] || dia="$folder/../../dist/src/main.js"
problems=0

problem() {
  echo "start.sh: $1" >&2
  problems=$((problems + 1))
}

# value_of NAME
value_of() {
  eval "printf %s \"\${$1:-}\""
}

# need NAME MEANING: the variable has to be set.
need() {
  [ -n "$(value_of "$1")" ] || problem "$1 is not set: $2."
}

# fits NAME FORM PATTERN…: when it is set, one of the shell patterns has to fit.
fits() {
  name=$1 form=$2 value=$(value_of "$1")
  shift 2
  [ -n "$value" ] || return 0
  for pattern in "$@"; do
    # shellcheck disable=SC2254 # It is a pattern.
    case "$value" in
      $pattern) return 0 ;;
    esac
  done
  problem "$name has to be $form, got \"$value\"."
}

# digits NAME FORM: when it is set, it has to be a number without sign.
digits() {
  case "$(value_of "$1")" in
    *[!0-9]*) problem "$1 has to be $2, got \"$(value_of "$1")\"." ;;
  esac
}

# data_folder [there]: DIA_DATA_DIR can be written, as far as it is there; with `there` it has to be.
data_folder() {
  [ -n "${DIA_DATA_DIR:-}" ] || return 0
  if [ -d "$DIA_DATA_DIR" ]; then
    [ -w "$DIA_DATA_DIR" ] || problem "DIA_DATA_DIR cannot be written: $DIA_DATA_DIR."
  elif [ -e "$DIA_DATA_DIR" ] || [ "${1:-}" = there ]; then
    problem "DIA_DATA_DIR is no folder: $DIA_DATA_DIR."
  fi
}

# run_server OPTION…: of `dia serve`.
run_server() {
  case "${DIA_PORT:-0}" in
    # Six digits are too many for a port, and may be for the shell's arithmetic.
    *[!0-9]* | ??????*) port=70000 ;;
    *) port=${DIA_PORT:-0} ;;
  esac
  [ "$port" -le 65535 ] || problem "DIA_PORT has to be a port number up to 65535, got \"$DIA_PORT\"."
  fits DIA_LOG_LEVEL "error, warn, info or debug" error warn info debug
  command -v node >/dev/null 2>&1 || problem "node is not in PATH. Install Node 20.19 or later."
  [ -f "$dia" ] || problem "$dia is missing. Build the project first: npm ci && npm run build."
  [ "$problems" -eq 0 ] || exit 2
  exec node "$dia" serve "$folder" "$@"
}
