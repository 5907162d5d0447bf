#!/usr/bin/env bash
# The models that the catalogue names, and nothing else of their folder:  debian/models.sh FROM TO
set -euo pipefail
FROM=$1 TO=$2
sed -nE 's/^(file|tokenizer) = "(.*)"$/\2/p' "$FROM/catalogue.toml" | while read -r name; do
  install -D -m 0644 "$FROM/$name" "$TO/$name"
done
install -m 0644 "$FROM/catalogue.toml" "$TO/"
