#!/bin/sh
# Hands keys and the database's URL to ecomlib from files of secrets: in the environment of this process alone, not in
# the image, nor in the command line that ps shows.
set -eu
secrets="${ECOMLIB_SECRETS:-/run/secrets}"
for name in WRITE_KEY READ_KEY DATABASE; do
  file="$secrets/ecomlib_$(echo "$name" | tr '[:upper:]' '[:lower:]')"
  if [ -r "$file" ]; then
    value="$(cat "$file")"
    export "ECOMLIB_$name=$value"
  fi
done
exec ecomlib "$@"
