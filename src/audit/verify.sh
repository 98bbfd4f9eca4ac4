#!/usr/bin/env bash
# Verifies this folder with openssl (3.0 or newer), sha256sum and coreutils alone, and says what it verified.
#
#   ./verify.sh                     everything but the documents' content
#   ./verify.sh --profile FOLDER    also opens what that member's authority may open; needs age 1.3 or newer
#
# Exit code 0: all of it holds. 1: something does not, and it is named.
#
# What it cannot know: whether the roots are the right ones. Compare their fingerprints, which it prints,
# with those that each state's registrar gave you.
set -u
export LC_ALL=C
profile=""
if [ "${1:-}" = --profile ]; then profile=$(cd "$2" && pwd) || exit 1; fi
cd "$(dirname "$0")" || exit 1
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT

bad=0
statements=0 leaves=0 checkpoints=0 blobs=0 slips=0 opened=0
wrong() { echo "WRONG: $*"; bad=1; }

hex() { od -An -v -tx1 | tr -d ' \n'; }
unhex() { local i text=; for ((i = 0; i < ${#1}; i += 2)); do text+="\\x${1:i:2}"; done; printf "$text"; }
digest() { local sum; sum=$(sha256sum) && printf %s "${sum:0:64}"; }
file_digest() { digest < "$1"; }

# These answer in REPLY, and remember: the same node, hash or certificate comes many times.
declare -A nodes decoded certificates
node() { # left, right
  REPLY=${nodes[$1$2]:-}
  [ -n "$REPLY" ] || { REPLY=$(unhex "01$1$2" | digest); nodes[$1$2]=$REPLY; }
}
decode_base64() { # text
  REPLY=${decoded[$1]:-}
  [ -n "$REPLY" ] || { REPLY=$(printf '%s' "$1" | base64 -d 2>/dev/null | hex); decoded[$1]=$REPLY; }
}
# The SHA-256 of the certificate in a PEM file; nothing if it is not in its one spelling, or there is more.
certificate_digest() { # file
  local text
  text=$(< "$1")
  REPLY=${certificates[$text]:-}
  if [ -z "$REPLY" ] && openssl x509 -in "$1" 2>/dev/null | cmp -s - "$1"; then
    REPLY=$(openssl x509 -in "$1" -outform DER | digest)
    certificates[$text]=$REPLY
  fi
}

# ---- every file is the one that was written; what this does not prove is proven below ----
sha256sum --strict --quiet -c SHA256SUMS > "$work/sums" 2>&1 || { wrong "files are not as they were written:"; sed 's/^/  /' "$work/sums"; }
find . -type f ! -path './blobs/*' ! -path './slips/*' ! -name SHA256SUMS | sed 's|^\./||' | sort > "$work/there"
cut -c67- SHA256SUMS | sort > "$work/listed"
cmp -s "$work/there" "$work/listed" || wrong "there are other files than SHA256SUMS lists"

# ---- the policy: its roots, its signature ----
policy_state=$(sed -n '2s/^state //p' policy/policy.txt)
for root in roots/*.pem; do
  state=$(basename "$root" .pem)
  certificate_digest "$root"
  grep -qxF "root $state $REPLY" policy/policy.txt || wrong "$root is not the root that the policy names"
  echo "root of $state: SHA-256 $REPLY"
done
openssl cms -verify -binary -inform DER -in policy/policy.p7s -content policy/policy.txt \
  -CAfile "roots/$policy_state.pem" -purpose any -out /dev/null 2>/dev/null || wrong "policy/policy.p7s is no signature over policy/policy.txt"

# ---- the checkpoints: signed by the logs' keys, which the policy names ----
declare -A size root_hash
verify_checkpoint() { # log
  local log=$1 note="logs/$1.checkpoint" vkey name rest id public line signature
  vkey=$(cat "logs/$log.vkey")
  grep -qxF "log $vkey" policy/policy.txt || wrong "logs/$log.vkey is not in the policy"
  name=${vkey%%+*} rest=${vkey#*+}
  id=${rest%%+*}
  decode_base64 "${rest#*+}"
  public=${REPLY#01}
  [ "$(unhex "$(printf '%s\n' "$name" | hex)01$public" | digest | cut -c1-8)" = "$id" ] || wrong "logs/$log.vkey has another key than its id says"
  head -n 3 "$note" > "$work/body"
  line=$(sed -n '5p' "$note")
  [ "$(wc -l < "$note")" = 5 ] && [ -z "$(sed -n '4p' "$note")" ] && [ "$(head -n 1 "$note")" = "$name" ] || wrong "$note is not a note of one signature of $name"
  decode_base64 "${line#"— $name "}"
  signature=$REPLY
  [ "${signature:0:8}" = "$id" ] || wrong "$note is signed with another key"
  unhex "302a300506032b6570032100$public" > "$work/key.der"
  unhex "${signature:8}" > "$work/signature"
  openssl pkeyutl -verify -pubin -keyform DER -inkey "$work/key.der" -rawin -in "$work/body" -sigfile "$work/signature" > /dev/null 2>&1 \
    || wrong "$note is not signed by the log's key"
  size[$log]=$(sed -n 2p "$note")
  decode_base64 "$(sed -n 3p "$note")"
  root_hash[$log]=$REPLY
  checkpoints=$((checkpoints + 1))
}
verify_checkpoint events
verify_checkpoint directory

# ---- a leaf stands in the log (RFC 9162, section 2.1.3.2) ----
verify_leaf() { # log, leaf without suffix
  local log=$1 leaf=$2 index fn sn r p
  index=${leaf##*-}
  [ "$(head -n 1 "$leaf.tlog-proof")" = "c2sp.org/tlog-proof@v1" ] && [ "$(sed -n 2p "$leaf.tlog-proof")" = "index $index" ] \
    || wrong "$leaf.tlog-proof is not the proof of leaf $index"
  sed '1,/^$/d' "$leaf.tlog-proof" | cmp -s - "logs/$log.checkpoint" || wrong "$leaf.tlog-proof has another checkpoint"
  fn=$index sn=$((${size[$log]} - 1))
  r=$({ printf '\0'; cat "$leaf.bin"; } | digest)
  for p in $(sed -n '3,/^$/p' "$leaf.tlog-proof"); do
    decode_base64 "$p"
    p=$REPLY
    [ ${#p} = 64 ] && [ "$sn" != 0 ] || { wrong "$leaf.tlog-proof is malformed"; return; }
    if [ $((fn & 1)) = 1 ] || [ "$fn" = "$sn" ]; then
      node "$p" "$r"
      while [ "$fn" != 0 ] && [ $((fn & 1)) = 0 ]; do fn=$((fn >> 1)) sn=$((sn >> 1)); done
    else
      node "$r" "$p"
    fi
    r=$REPLY fn=$((fn >> 1)) sn=$((sn >> 1))
  done
  [ "$sn" = 0 ] && [ "$r" = "${root_hash[$log]}" ] || wrong "$leaf.bin does not stand in the $log log"
  leaves=$((leaves + 1))
}

# ---- a statement: signed by the member it names, under their own state's root ----
verify_statement() { # folder, the leaf's time in milliseconds
  local at=$1 seconds=$(($2 / 1000)) state
  state=$(sed -n 's/^actor \(..\)\..*/\1/p' "$at/statement.txt" | tr a-z A-Z)
  openssl cms -verify -binary -inform DER -in "$at/signature.p7s" -content "$at/statement.txt" -CAfile "roots/$state.pem" \
    -purpose any -attime "$seconds" -signer "$work/signer.pem" -out /dev/null 2> "$work/said" || wrong "$at: the signature does not hold under $state's root"
  cmp -s "$at/signer.pem" "$work/signer.pem" || wrong "$at/signer.pem is not who signed"
  certificate_digest "$at/signer.pem"
  [ "$REPLY" = "$(sed -n 's/^certificate //p' "$at/statement.txt")" ] || wrong "$at: the statement names another certificate"
  # The signature carries the signer's certificate and its issuer's, and no other.
  openssl pkcs7 -inform DER -in "$at/signature.p7s" -print_certs 2>/dev/null | grep -v '^subject=\|^issuer=\|^$' > "$work/certificates"
  { cmp -s "$work/certificates" <(cat "$at/signer.pem" "$at/issuer.pem") || cmp -s "$work/certificates" <(cat "$at/issuer.pem" "$at/signer.pem"); } \
    || wrong "$at/issuer.pem is not in the signature"
  openssl x509 -in "$at/signer.pem" -noout -text 2>/dev/null | grep -qF "URI:elchi:$(sed -n 's/^actor //p' "$at/statement.txt")" \
    || wrong "$at: the certificate is not of the actor"
  statements=$((statements + 1))
}

for at in events/*/; do
  at=${at%/}
  commits="$(file_digest "$at/statement.txt")$(file_digest "$at/signature.p7s")"
  for leaf in "$at"/leaf-*.bin; do
    leaf=${leaf%.bin}
    bytes=$(hex < "$leaf.bin")
    # "elchi-event/v1\n", time, directory size, kind, tag, seq, prev, commit
    [ ${#bytes} = 272 ] && [ "${bytes:0:30}" = "$(printf 'elchi-event/v1\n' | hex)" ] || wrong "$leaf.bin is no event"
    expected=$(unhex "$(printf 'elchi-commit/v1\n' | hex)${bytes:62:66}$commits" | digest)
    [ "$expected" = "${bytes:208:64}" ] || wrong "$leaf.bin is not of this statement and signature"
    verify_leaf events "$leaf"
  done
  verify_statement "$at" $((16#${bytes:30:16}))
done

for at in directory/*/; do
  at=${at%/} leaf="${at%/}/leaf-$((10#$(basename "$at")))"
  bytes=$(head -c 31 "$leaf.bin" | hex)
  [ "${bytes:0:38}" = "$(printf 'elchi-directory/v1\n' | hex)" ] || wrong "$leaf.bin is no directory entry"
  [ $((16#${bytes:54:8})) = "$(wc -c < "$at/statement.txt")" ] && tail -c +32 "$leaf.bin" | cmp -s - <(cat "$at/statement.txt" "$at/signature.p7s") \
    || wrong "$leaf.bin is not of this statement and signature"
  verify_leaf directory "$leaf"
  verify_statement "$at" $((16#${bytes:38:16}))
done

# ---- sealed documents and slips: as the signed statements say ----
for blob in blobs/*.age; do
  [ -e "$blob" ] || continue
  tag=$(basename "$blob" .age)
  grep -qhE "^document $tag upload [0-9a-f]+ sha256 $(file_digest "$blob") bytes $(wc -c < "$blob")\$" events/*/statement.txt || wrong "$blob is not what was signed"
  blobs=$((blobs + 1))
done
for slip in slips/*.age; do
  [ -e "$slip" ] || continue
  name=$(basename "$slip" .age)
  grep -qhE "^slip ${name%%-*} ${name#*-} key [0-9a-f]{64} sha256 $(file_digest "$slip")\$" events/*/statement.txt || wrong "$slip is not what was signed"
  slips=$((slips + 1))
done

# ---- their content, where a member's keys and a recent age are at hand ----
documents="documents were not opened (give --profile FOLDER)"
if [ -n "$profile" ]; then
  if age-keygen -pq > "$work/probe" 2>/dev/null; then
    authority=$(sed -n 's/^member = "\(.*\)\/.*"/\1/p' "$profile/profile.toml")
    age -d -i "$profile/member.age" "$profile/authority.age" > "$work/authority.key" 2>/dev/null || wrong "$profile does not open its authority's key"
    for slip in slips/*-"$authority".age; do
      [ -e "$slip" ] || continue
      tag=$(basename "$slip" "-$authority.age")
      age -d -i "$work/authority.key" "$slip" > "$work/$tag.key" 2>/dev/null && age -d -i "$work/$tag.key" "blobs/$tag.age" > "$work/$tag.plain" 2>/dev/null \
        || { wrong "blobs/$tag.age does not open"; continue; }
      opened=$((opened + 1))
      printf '%s\n' "$(file_digest "$work/$tag.plain")" >> "$work/plain"
      grep -q '"format": "elchi-request/v1"' "$work/$tag.plain" && sed -n 's/.*"sha256": "\([0-9a-f]*\)".*/\1/p' "$work/$tag.plain" >> "$work/promised"
      rm -f "$work/$tag.key"
    done
    while read -r sha256; do grep -qx "$sha256" "$work/plain" || wrong "a document of a cover was not found (SHA-256 $sha256)"; done < "$work/promised"
    documents="$opened documents opened, each as its cover says"
  else
    documents="documents were not opened: no age on this machine that knows mlkem768x25519 (age 1.3 or newer)"
  fi
fi

[ "$bad" = 0 ] || { echo "Not everything holds."; exit 1; }
echo "All holds: $statements statements, $leaves leaves, $checkpoints checkpoints, $blobs sealed documents, $slips slips; $documents."
