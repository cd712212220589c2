#!/bin/sh
# Eight melodies in each of 24 keys: sh examples/every_key.sh DIR
# Stop it when you like; the same line goes on where it was. N and KEYS may be set: N=2 KEYS="C,A minor" sh examples/every_key.sh DIR
set -eu
out=${1:?usage: every_key.sh DIR}
majors="C,C#,D,Eb,E,F,F#,G,Ab,A,Bb,B"
minors=$(echo "$majors" | sed 's/,/ minor,/g; s/$/ minor/')
keys=$(echo "${KEYS:-$majors,$minors}" | sed 's/,/", "/g')
echo "{\"id\": \"key\", \"command\": \"sample\", \"bars\": 4, \"key\": [\"$keys\"], \"n\": ${N:-8}, \"name\": \"{key}-{index}\", \"grid\": true}" |
    musiclc batch - -O "$out"
