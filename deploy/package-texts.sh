#!/bin/sh
# Writes what a package has besides the binary, made by it: manual pages, and completions for
# shells. Arguments: the binary, and a folder.
set -eu
binary=$1
folder=$2
rm -rf "$folder"
mkdir -p "$folder/man" "$folder/completions"
"$binary" man >"$folder/man/fanfare.1"
# The commands that `--help` lists, each with a page.
"$binary" --help | sed -n '/^Commands:/,/^$/s/^  \([a-z]*\) .*/\1/p' | grep -v '^help$' |
    while read -r command; do
        "$binary" man "$command" >"$folder/man/fanfare-$command.1"
    done
for shell in bash zsh fish; do
    "$binary" completions "$shell" >"$folder/completions/fanfare.$shell"
done
