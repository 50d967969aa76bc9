#!/bin/sh
# Makes weir-extension.zip, the layer. NODE_BINARY=/path/to/node puts a Node of the function's architecture in it, which
# functions need whose runtime is not Node.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
out=${1:-$PWD/weir-extension.zip}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cp -R "$here/extensions" "$here/weir" "$folder/"
chmod 755 "$folder/extensions/weir"
if [ -n "${NODE_BINARY:-}" ]; then
  cp "$NODE_BINARY" "$folder/weir/node"
  chmod 755 "$folder/weir/node"
fi
rm -f "$out"
(cd "$folder" && zip -q -r "$out" extensions weir)
echo "$out"
