#!/bin/sh
# Every MIDI file of a folder, and of those below it, to D dorian, each changed as little as that allows: sh examples/to_dorian.sh IN OUT
# KEY and KEEP may be set: KEY="C minor" KEEP=0.9 sh examples/to_dorian.sh IN OUT
set -eu
in=${1:?usage: to_dorian.sh IN OUT}
out=${2:?usage: to_dorian.sh IN OUT}
musiclc transform -r "$in" -o "$out" --key "${KEY:-D dorian}" --keep "${KEEP:-0.7}"
