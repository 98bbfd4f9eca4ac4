#!/usr/bin/env bash
# Verifies this folder with openssl (3.0 or newer), sha256sum and coreutils alone, and says what it verified.
# A folder with logs/events.leaves is a bundle: one case, of which nothing may be missing. Any other is evidence.
#
#   ./verify.sh                     everything but the documents' content
#   ./verify.sh --profile FOLDER    also opens what that member's authority may open; needs age 1.3 or newer
#   ./verify.sh --identity FILE     the same, with the authority's identity itself (AGE-SECRET-KEY-PQ-…)
#
# Exit code 0: all of it holds. 1: something does not, and it is named.
#
# What it cannot know: whether the roots are the right ones. Compare their fingerprints, which it prints,
# with those that each state's registrar gave you. Nor whether an act was allowed, nor, of evidence, whether a
# case went on after the last statement that is here: both are for `elchi audit follow`.
#
# Rules: every text is held against its one spelling, by writing it again from what was read of it; nothing
# goes into arithmetic before it is known to be a number; all runs inside `main`, which bash leaves at once,
# with exit code 1, should it stumble over a line. So only the last line of `main` can say that all holds.
set -u
umask 077
export LC_ALL=C
unset SSL_CERT_FILE SSL_CERT_DIR OPENSSL_CONF CDPATH

bad=0
statements=0 leaves=0 checkpoints=0 blobs=0 slips=0 opened=0 whole=
wrong() { echo "WRONG: $*"; bad=1; }

hex() { od -An -v -tx1 | tr -d ' \n'; }
unhex() { local i text=; for ((i = 0; i < ${#1}; i += 2)); do text+="\\x${1:i:2}"; done; printf '%b' "$text"; }
digest() { local sum; sum=$(sha256sum) && printf %s "${sum:0:64}"; }
file_digest() { digest < "$1"; }
field() { sed -n "s/^$1 //p" "$2"; }
is_number() { [[ $1 =~ ^(0|[1-9][0-9]{0,17})$ ]]; }
is_hash() { [[ $1 =~ ^[0-9a-f]{64}$ ]]; }

# Base64 whose unused bits are zero: of 32 bytes, of the 4 + 64 of a signature line, of the 4 + 8 + 64 of a cosignature's.
hash_base64='^[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=$'
signature_base64='^[A-Za-z0-9+/]{90}[AEIMQUYcgkosw048]=$'
cosignature_base64='^[A-Za-z0-9+/]{101}[AQgw]==$'
key_base64='^[A-Za-z0-9+/]{44}$'

# These answer in REPLY, and remember: the same node, hash or certificate comes many times.
declare -A nodes decoded certificates
node() { # left, right
  REPLY=${nodes[$1$2]:-}
  [ -n "$REPLY" ] || { REPLY=$(unhex "01$1$2" | digest); nodes[$1$2]=$REPLY; }
}
decode_base64() { # text that is known to be base64
  REPLY=${decoded[$1]:-}
  [ -n "$REPLY" ] || { REPLY=$(printf '%s' "$1" | base64 -d | hex); decoded[$1]=$REPLY; }
}
# The certificate in a PEM file, DER in hex; "none" if it is not in its one spelling, or there is more.
certificate() { # file
  local text
  text=file:$(cat "$1" 2>/dev/null)
  REPLY=${certificates[$text]:-}
  if [ -z "$REPLY" ]; then
    REPLY=none
    if openssl x509 -in "$1" 2>/dev/null | cmp -s - "$1"; then REPLY=$(openssl x509 -in "$1" -outform DER | hex); fi
    certificates[$text]=$REPLY
  fi
}

# Whatever may be here: f a file, d a folder. What is under blobs and slips, and names of folders, are looked at below.
expected='d (roots|policy|logs|events|directory|blobs|slips|(events|directory)/[^/.][^/]*)|f (SHA256SUMS|verify\.sh|roots/[A-Z]{2}\.pem|policy/policy\.(txt|p7s)|logs/(events|directory)\.(checkpoint|vkey)|(events|directory)/[^/.][^/]*/(statement\.txt|signature\.p7s|(signer|issuer)\.pem|leaf-[0-9]+\.(bin|tlog-proof))|(blobs|slips)/[^/.][^/]*)'
is_bundle() { [ -e logs/events.leaves ]; }

# ---- every file is the one that was written; what this does not prove is proven below ----
verify_sums() {
  sha256sum --strict --quiet -c SHA256SUMS > "$work/sums" 2>&1 || { wrong "files are not as they were written:"; sed 's/^/  /' "$work/sums"; }
  find . -type f ! -path './blobs/*' ! -path './slips/*' ! -name SHA256SUMS | sed 's|^\./||' | sort | tr '\n' '\0' | xargs -0 sha256sum > "$work/there"
  cmp -s "$work/there" SHA256SUMS || wrong "SHA256SUMS does not list exactly the files that are there"
  find . -mindepth 1 -printf '%y %P\0' | grep -zvxE "$expected" | tr '\0' '\n' > "$work/strange"
  while read -r _ name; do wrong "$name does not belong here"; done < "$work/strange"
}

# ---- a detached CMS by a certificate of one purpose; -no-CA…: the system's own authorities are none of ours ----
# In its one encoding (RFC 5652, DER): SHA-256, no content, the signer's certificate and the issuer's, one
# signature by ecdsa-with-SHA256, nothing unsigned. openssl does not look at all of these bytes.
verify_cms() { # what, content, signature, signer, issuer, state, seconds, purpose
  local what=$1 content=$2 cms=$3 root="roots/$6.pem" signer issuer bytes begin end purpose
  openssl cms -verify -binary -inform DER -in "$cms" -content "$content" -CAfile "$root" -no-CApath -no-CAstore \
    -purpose any -attime "$7" -out /dev/null 2>/dev/null || wrong "$what: the signature does not hold under $6's root"
  certificate "$4"
  signer=$REPLY
  certificate "$5"
  issuer=$REPLY
  bytes=$(hex < "$cms")
  begin="^3082.{4}06092a864886f70d010702a082.{4}3082.{4}020101310d300b0609608648016503040201300b06092a864886f70d010701a082.{4}"
  end="31(81..|82.{4})30(81..|82.{4})020101.*300a06082a8648ce3d04030204..30.{120,142}\$"
  [[ $bytes =~ $begin($signer$issuer|$issuer$signer)$end ]] || wrong "$what: the signature is not made up of $4, $5 and one signature"
  # Here, not in a variable's default: who issued it is part of the purpose. A root makes registrars only.
  purpose=$(openssl x509 -in "$4" -noout -ext extendedKeyUsage 2>/dev/null | sed -n '2s/^ *//p')
  case $8:$purpose in
    registrar:1.3.6.1.4.1.32473.4713.2) cmp -s "$5" "$root" || wrong "$what: it is not signed by a registrar of $6" ;;
    member:1.3.6.1.4.1.32473.4713.1) ! cmp -s "$5" "$root" || wrong "$what: it is not signed with a member's certificate" ;;
    *) wrong "$what: it is not signed with a $8's certificate" ;;
  esac
}

# ---- the policy: its roots, its registrar's signature ----
verify_policy() {
  local root state policy_state seconds
  for root in roots/*.pem; do
    state=$(basename "$root" .pem)
    certificate "$root"
    REPLY=$(unhex "$REPLY" 2>/dev/null | digest)
    grep -qxF "root $state $REPLY" policy/policy.txt || wrong "$root is not the root that the policy names"
    echo "root of $state: SHA-256 $REPLY"
  done
  [ "$(sed -n 's/^root \([A-Z][A-Z]\) .*/roots\/\1.pem/p' policy/policy.txt)" = "$(printf '%s\n' roots/*)" ] || wrong "roots/ does not hold the roots that the policy names"
  policy_state=$(sed -n '2s/^state //p' policy/policy.txt)
  seconds=$(date -u -d "$(sed -n '4s/^time //p' policy/policy.txt)" +%s 2>/dev/null)
  # The registrar's certificate is in the signature, and nowhere else.
  openssl cms -verify -binary -inform DER -in policy/policy.p7s -content policy/policy.txt -noverify -signer "$work/registrar.pem" -out /dev/null 2>/dev/null
  verify_cms "policy/policy.p7s" policy/policy.txt policy/policy.p7s "$work/registrar.pem" "roots/$policy_state.pem" "$policy_state" "$seconds" registrar
}

# The Ed25519 key of a verifier key (C2SP signed-note), DER in $work/key.der, if its id is its own; its id is the answer.
load_key() { # vkey, type: 01 a log's, 04 a witness's
  local name=${1%%+*} rest=${1#*+} id public
  id=${rest%%+*} public=${rest#*+}
  [[ $public =~ $key_base64 ]] || return 1
  decode_base64 "$public"
  [ ${#REPLY} = 66 ] && [ "${REPLY:0:2}" = "$2" ] && [ "$(unhex "$(printf '%s\n' "$name" | hex)$REPLY" | digest | cut -c1-8)" = "$id" ] || return 1
  unhex "302a300506032b6570032100${REPLY:2}" > "$work/key.der"
  REPLY=$id
}

verify_ed25519() { # message's file, signature in hex
  unhex "$2" > "$work/signature"
  openssl pkeyutl -verify -pubin -keyform DER -inkey "$work/key.der" -rawin -in "$1" -sigfile "$work/signature" > /dev/null 2>&1
}

# ---- the checkpoints: signed by the logs' keys and by witnesses, which the policy names ----
declare -A size root_hash origin newest_seen
verify_checkpoint() { # log
  local log=$1 note="logs/$1.checkpoint" vkey name line signature root
  vkey=$(cat "logs/$log.vkey")
  name=${vkey%%+*} line=$(sed -n '5p' "$note") root=$(sed -n 3p "$note")
  size[$log]=$(sed -n 2p "$note")
  printf '%s\n' "$vkey" | cmp -s - "logs/$log.vkey" && grep -qxF "log $vkey" policy/policy.txt && [ "${name##*/}" = "$log" ] \
    || { wrong "logs/$log.vkey is not the log's key in the policy"; return 1; }
  signature=${line#"— $name "}
  # Five lines, each in its one spelling; then the witnesses'.
  is_number "${size[$log]}" && [[ $root =~ $hash_base64 && $signature =~ $signature_base64 ]] \
    && printf '%s\n%s\n%s\n\n— %s %s\n' "$name" "${size[$log]}" "$root" "$name" "$signature" | cmp -s - <(head -n 5 "$note") \
    || { wrong "$note is not a checkpoint with a signature of $name"; return 1; }
  load_key "$vkey" 01 || wrong "logs/$log.vkey has another key than its id says"
  decode_base64 "$signature"
  [ "${REPLY:0:8}" = "$(printf %s "${vkey#*+}" | cut -c1-8)" ] || wrong "$note is signed with another key"
  head -n 3 "$note" > "$work/body"
  verify_ed25519 "$work/body" "${REPLY:8}" || wrong "$note is not signed by the log's key"
  verify_cosignatures "$log" "$note"
  decode_base64 "$root"
  root_hash[$log]=$REPLY origin[$log]=$name
  checkpoints=$((checkpoints + 1))
}

# ---- the witnesses (C2SP tlog-cosignature, tlog-policy): in the policy's order, each once; who is enough, the policy says ----
# Those count that are at most six hours older than the newest, and the own state's must be among them.
verify_cosignatures() { # log, note; the body is in $work/body
  local word name rest line count threshold member time newest=0 next=6 said= quorum=none own
  local -A voted=()
  own=$(sed -n "/^tlog-policy\$/q; s/^vote $(sed -n '2s/^state //p' policy/policy.txt) //p" policy/policy.txt)
  while read -r line; do
    line=${line##*" "}
    [[ $line =~ $cosignature_base64 ]] || continue
    decode_base64 "$line"
    [[ ${REPLY:8:16} =~ ^0000000[0-3] ]] && [ $((16#${REPLY:8:16})) -gt "$newest" ] && newest=$((16#${REPLY:8:16}))
  done < <(sed '1,5d' "$2")
  newest_seen[$1]=$newest
  while read -r word name rest; do
    case $word in
      witness)
        line=$(sed -n "${next}p" "$2")
        [ "${line%" "*}" = "— ${rest%%+*}" ] || continue
        line=${line##*" "} next=$((next + 1))
        [[ $line =~ $cosignature_base64 ]] && load_key "${rest%%" "*}" 04 || { wrong "$2 has a line of $name that is no cosignature"; continue; }
        decode_base64 "$line"
        [[ ${REPLY:8:16} =~ ^0000000[0-3] ]] || { wrong "$2 has a cosignature of $name from no time"; continue; }
        time=$((16#${REPLY:8:16})) line=$REPLY
        { printf 'cosignature/v1\ntime %s\n' "$time"; cat "$work/body"; } > "$work/message"
        [ "${line:0:8}" = "$(printf %s "${rest#*+}" | cut -c1-8)" ] && verify_ed25519 "$work/message" "${line:24}" \
          || { wrong "$2 has a cosignature of $name that does not hold"; continue; }
        [ $((newest - time)) -gt 21600 ] || voted[$name]=1
        said+=" $name at $(date -u -d "@$time" +%Y-%m-%dT%H:%M:%SZ),"
        ;;
      group)
        threshold=${rest%%" "*} rest=${rest#*" "} count=0
        for member in $rest; do [ -z "${voted[$member]:-}" ] || count=$((count + 1)); done
        case $threshold in any) threshold=1 ;; all) threshold=$(wc -w <<< "$rest") ;; esac
        [ "$count" -lt "$threshold" ] || voted[$name]=1
        ;;
      quorum) quorum=$name ;;
    esac
  done < <(sed '1,/^tlog-policy$/d' policy/policy.txt)
  [ "$(wc -l < "$2")" = $((next - 1)) ] || wrong "$2 has lines of nobody whom the policy names"
  said=${said:- nobody}
  if [ "$quorum" != none ] && [ -z "${voted[${own:-none}]:-}" ]; then wrong "$2 is cosigned by${said%,}: by none of the own state's witnesses"; fi
  if [ "$quorum" = none ]; then echo "$1 log: unwitnessed, as the policy has it"
  elif [ -n "${voted[$quorum]:-}" ]; then echo "$1 log: cosigned by${said%,}: all that the policy asks for"
  elif is_bundle; then wrong "$2 is cosigned by${said%,}: a bundle needs all that the policy asks for"
  else echo "$1 log: PROVISIONAL, cosigned by${said%,}; the policy asks for more"; fi
}

# ---- a leaf stands in the log (RFC 9162, section 2.1.3.2); its hash is the answer ----
verify_leaf() { # log, folder, index
  local log=$1 leaf="$2/leaf-$3" index=$3 fn sn r p leaf_hash
  local -a path
  mapfile -t path < <(sed '1,2d' "$leaf.tlog-proof" | sed '/^$/,$d')
  { printf 'c2sp.org/tlog-proof@v1\nindex %s\n' "$index"; printf '%s' "${path[@]/%/$'\n'}"; echo; cat "logs/$log.checkpoint"; } | cmp -s - "$leaf.tlog-proof" \
    || wrong "$leaf.tlog-proof is not the proof of leaf $index under logs/$log.checkpoint"
  leaf_hash=$({ printf '\0'; cat "$leaf.bin"; } | digest)
  r=$leaf_hash fn=$index sn=$((${size[$log]} - 1))
  [ "$fn" -le "$sn" ] || wrong "the $log log has no leaf $index"
  for p in "${path[@]}"; do
    [[ $p =~ $hash_base64 ]] && [ "$sn" != 0 ] || { wrong "$leaf.tlog-proof is malformed"; break; }
    decode_base64 "$p"
    p=$REPLY
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
  REPLY=$leaf_hash
}

# ---- ten minutes: the signer's clock and the log's; and no leaf is newer than what witnesses have seen ----
verify_time() { # log, folder, the leaf's time in milliseconds
  local stated=0 logged=$(($3 / 1000)) newest=${newest_seen[$1]}
  local claimed
  claimed=$(field time "$2/statement.txt")
  [[ $claimed =~ ^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z$ ]] && stated=$(date -u -d "$claimed" +%s 2>/dev/null)
  [ "${stated:-0}" -ge $((logged - 600)) ] && [ "$stated" -le $((logged + 601)) ] || wrong "$2: the statement's time is more than ten minutes from the log's"
  [ "$newest" = 0 ] || [ "$logged" -le $((newest + 600)) ] || wrong "$2 claims to be newer than the witnesses' cosignatures over it"
}

# ---- a statement: signed by the member it names, under their own state's root ----
verify_statement() { # log, folder, the leaf's time in milliseconds, purpose
  local log=$1 at=$2 seconds=$(($3 / 1000)) actor state
  actor=$(field actor "$at/statement.txt")
  state=$(printf %s "${actor%%.*}" | tr a-z A-Z)
  [ "$(sed -n 1,2p "$at/statement.txt")" = "elchi-statement/v1"$'\n'"log ${origin[$log]}" ] || wrong "$at/statement.txt is no statement of the $log log"
  verify_cms "$at" "$at/statement.txt" "$at/signature.p7s" "$at/signer.pem" "$at/issuer.pem" "$state" "$seconds" "$4"
  certificate "$at/signer.pem"
  [ "$(unhex "$REPLY" 2>/dev/null | digest)" = "$(field certificate "$at/statement.txt")" ] || wrong "$at: the statement names another certificate"
  [ "$(openssl x509 -in "$at/signer.pem" -noout -ext subjectAltName 2>/dev/null | sed '1d; s/^ *//')" = "URI:elchi:$actor" ] \
    || wrong "$at: the certificate is not of the actor"
  statements=$((statements + 1))
}

# The folders of a log in the order of their leaves; whatever is not named for a number is named.
folders() { # log
  local name
  for name in "$1"/*; do
    [ -e "$name" ] || continue
    name=${name#"$1"/}
    if [[ $name =~ ^[0-9]{6,18}$ ]] && [ "$name" = "$(printf %06d "$((10#$name))")" ]; then echo "$name"; else echo "$name" >> "$work/strange"; fi
  done | sort -n
}

# The chains that a statement makes a leaf in, in order: its case, its documents, the registers of who sends
# and who receives. Kind (1, 2, 3) and tag.
touched() { # statement
  local op
  op=$(field op "$1")
  case $op in release | opened | unwrap | rewrap | confirm | reject | inspect) ;; *) sed -n 's/^case /01/p' "$1" ;; esac
  sed -n 's/^document \([0-9a-f]*\).*/02\1/p' "$1"
  case $op in
    submit | forward) sed -n 's/^actor \(.*\)\/.*/\1/p' "$1"; field to "$1" ;;
    inspect) field authority "$1" ;;
  esac | sort -u | while read -r authority; do
    echo "03$(printf 'elchi-register/v1\n%s' "$authority" | digest)"
  done
}

# When, who, what: in a bundle each act is told, so that it can be read from what was verified.
tell() { # folder, time in milliseconds
  local text="$1/statement.txt"
  echo "  leaf $((10#${1#events/})): $(date -u -d "@$(($2 / 1000))" +%Y-%m-%dT%H:%M:%SZ) $(field actor "$text") $(field op "$text")$(field to "$text" | sed 's/^/ to /')" | tr -cd ' -~'
  echo
}

declare -A chain_length chain_end
last_time=0000000000000000
verify_event() { # folder's name
  local at="events/$1" index=$((10#$1)) bytes chain time commits
  local -a chains
  mapfile -t chains < <(touched "$at/statement.txt")
  commits="$(file_digest "$at/statement.txt")$(file_digest "$at/signature.p7s")"
  time=
  for chain in "${chains[@]}"; do
    bytes=$(hex < "$at/leaf-$index.bin")
    # "elchi-event/v1\n", time, directory size, kind and tag, seq, prev, commit
    [ ${#bytes} = 272 ] && [ "${bytes:0:30}" = 656c6368692d6576656e742f76310a ] || { wrong "$at/leaf-$index.bin is no event, or is not there"; return; }
    [ "${bytes:62:66}" = "$chain" ] || wrong "$at/leaf-$index.bin is not under the tag that the statement touches there"
    [ "$(unhex "656c6368692d636f6d6d69742f76310a$chain$commits" | digest)" = "${bytes:208:64}" ] || wrong "$at/leaf-$index.bin is not of this statement and signature"
    [[ ! ${bytes:46:16} > $(printf %016x "${size[directory]}") ]] || wrong "$at/leaf-$index.bin names directory entries that do not exist"
    [ -z "$time" ] || [ "$time" = "${bytes:30:16}" ] || wrong "$at/leaf-$index.bin has another time than the leaf before it"
    time=${bytes:30:16}
    verify_leaf events "$at" "$index"
    # The chains of cases and documents are here from their first leaf. Registers also have other cases.
    if [ "${chain:0:2}" != 03 ]; then
      [ "${bytes:128:80}" = "$(printf %016x "${chain_length[$chain]:-0}")${chain_end[$chain]:-$(printf %064d 0)}" ] \
        || wrong "$at/leaf-$index.bin does not build on the leaf before it in its chain: something is missing"
      chain_length[$chain]=$((${chain_length[$chain]:-0} + 1)) chain_end[$chain]=$REPLY
      echo "$((index + 1)):${chain:2}" >> "$work/own"
    fi
    index=$((index + 1))
  done
  [ "${#chains[@]}" != 0 ] && [ "$(ls "$at" | wc -l)" = $((4 + 2 * ${#chains[@]})) ] || { wrong "$at does not hold exactly the leaves of its statement"; return; }
  [[ ! $time < $last_time ]] || wrong "$at claims to be older than what was logged before it"
  last_time=$time
  verify_time events "$at" "$((16#$time))"
  verify_statement events "$at" "$((16#$time))" member
  ! is_bundle || tell "$at" "$((16#$time))"
}

# The root itself certified who signed.
is_by_registrar() { # folder
  cmp -s "$1/issuer.pem" "roots/$(field actor "$1/statement.txt" | cut -c1-2 | tr a-z A-Z).pem"
}

# When each directory entry was made, in milliseconds, by its leaf's hash.
declare -A made
verify_entry() { # folder's name
  local at="directory/$1" index=$((10#$1)) bytes time entry purpose=registrar
  bytes=$(head -c 31 "$at/leaf-$index.bin" | hex)
  # "elchi-directory/v1\n", time, length of the statement
  [ ${#bytes} = 62 ] && [ "${bytes:0:38}" = 656c6368692d6469726563746f72792f76310a ] || { wrong "$at/leaf-$index.bin is no directory entry, or is not there"; return; }
  [ $((16#${bytes:54:8})) = "$(wc -c < "$at/statement.txt")" ] && tail -c +32 "$at/leaf-$index.bin" | cmp -s - <(cat "$at/statement.txt" "$at/signature.p7s") \
    || wrong "$at/leaf-$index.bin is not of this statement and signature"
  verify_leaf directory "$at" "$index"
  time=$((16#${bytes:38:16})) made[$REPLY]=$time
  # A registrar's, but for what members sign: their own revocation, and what custodians do with keys.
  case $(field op "$at/statement.txt") in
    revoke) [ "$(field member "$at/statement.txt")" != "$(field actor "$at/statement.txt")" ] || is_by_registrar "$at" || purpose=member ;;
    replace) is_by_registrar "$at" || purpose=member ;;
    grant | recover) purpose=member ;;
    cancel)
      purpose=member entry=$(field entry "$at/statement.txt")
      is_hash "$entry" && [ -n "${made[$entry]:-}" ] || { wrong "$at cancels an entry that is not there"; return; }
      # Who cancels was custodian a day before what they cancel, and is judged as of then.
      time=$((made[$entry] - 86400000)) ;;
  esac
  # A cancellation may be carried by hand.
  [ "$(field op "$at/statement.txt")" = cancel ] || verify_time directory "$at" "$time"
  verify_statement directory "$at" "$time" "$purpose"
}

verify_logs() {
  local name entries
  : > "$work/strange"
  : > "$work/own"
  folders events > "$work/events"
  folders directory > "$work/directory"
  while read -r name; do wrong "a folder is called $name"; done < "$work/strange"
  while read -r name <&3; do verify_event "$name"; done 3< "$work/events"
  entries=$(wc -l < "$work/directory")
  [ "$entries" = "${size[directory]}" ] || wrong "the directory log has ${size[directory]} entries, and not all are here"
  while read -r name <&3; do verify_entry "$name"; done 3< "$work/directory"
  if is_bundle; then verify_bundle "$((leaves - entries))"
  # A leaf says nothing of whose it is: a statement that nothing builds on can be left out of evidence unseen.
  else echo "events log: $((leaves - entries)) of ${size[events]} leaves are here; whether others belong to these cases only \`elchi audit follow\` can tell"; fi
}

# The SHA-256 of each line of hex digits, all of one length: in bulk, since a process for each would take hours. A file
# for each is cheap in memory, where there is a file system in memory.
digests() { # bytes in a line
  local batch
  split -a 5 -l 8192 - "$work/batch."
  for batch in "$work"/batch.*; do
    tr -d '\n' < "$batch" | tr a-f A-F | basenc --base16 -d | split -a 4 -d -b "$1" - "$records/"
    printf '%s\0' "$records"/* | xargs -0 sha256sum | cut -c1-64
    rm "$batch" "$records"/*
  done
}

# The root of a tree (RFC 6962, section 2.1) over the leaves in $work/leaves, level by level: a node without a
# neighbour goes up as it is.
compute_root() {
  local level="$work/level" pairs="$work/pairs"
  sed 's/^/00/' "$work/leaves" | digests 137 > "$level"
  while [ "$(wc -l < "$level")" -gt 1 ]; do
    paste -d '\0' - - < "$level" > "$pairs"
    { grep -xE '.{128}' "$pairs" | sed 's/^/01/' | digests 65; grep -xE '.{64}' "$pairs"; } > "$level"
  done
  REPLY=$(cat "$level")
}

# ---- a bundle: one case, and all of the log's leaves; none that has one of its tags is without its statement ----
verify_bundle() { # how many leaves have their statement here
  local cases
  cases=$(cat events/*/statement.txt 2>/dev/null | sed -n 's/^case //p' | sort -u)
  [ -e READ-ME-FIRST.html ] || wrong "READ-ME-FIRST.html is missing"
  is_hash "$cases" && [ "$(grep -lE '^case ' events/*/statement.txt | wc -l)" = "$(wc -l < "$work/events")" ] \
    || { wrong "a bundle is of one case, and these statements are not"; return; }
  [ "$(wc -c < logs/events.leaves)" = $((136 * ${size[events]})) ] || { wrong "logs/events.leaves does not hold the ${size[events]} leaves of the log"; return; }
  od -An -v -tx1 -w136 logs/events.leaves | tr -d ' ' > "$work/leaves"
  # "elchi-event/v1\n", time, directory size, kind, tag
  ! grep -qvE '^656c6368692d6576656e742f76310a.{32}0[123]' "$work/leaves" || wrong "logs/events.leaves has something that is no leaf"
  cut -c31-46 "$work/leaves" | sort -c 2>/dev/null && cut -c47-62 "$work/leaves" | sort -c 2>/dev/null || wrong "logs/events.leaves has a leaf that claims to be older than the one before it"
  compute_root
  [ "$REPLY" = "${root_hash[events]}" ] || wrong "logs/events.leaves does not have the root that logs/events.checkpoint signs"
  sed 's/^[0-9]*://' "$work/own" | sort -u > "$work/tags"
  cut -c65-128 "$work/leaves" | grep -nxFf "$work/tags" | cmp -s - "$work/own" || wrong "logs/events.leaves has leaves of this case or its documents whose statement is not here: something is missing"
  [ "$bad" != 0 ] || echo "events log: all ${size[events]} leaves have the signed root; $1 are of case $cases, and no other has a tag of the case or of its documents"
  whole=", and nothing of case $cases is missing"
}

# ---- sealed documents and slips: as the signed statements say ----
verify_sealed() {
  local file tag authority
  cat events/*/statement.txt 2>/dev/null | sed -n 's/^slip \([^ ]* [^ ]*\) key [0-9a-f]* sha256 /slip \1 /p; s/^document \([^ ]*\) upload [0-9a-f]* sha256 /document \1 /p' > "$work/sealed"
  for file in blobs/*; do
    [ -e "$file" ] || continue
    tag=$(basename "$file" .age)
    is_hash "$tag" && grep -qxF "document $tag $(file_digest "$file") bytes $(wc -c < "$file")" "$work/sealed" || wrong "$file is not what was signed"
    blobs=$((blobs + 1))
  done
  for file in slips/*; do
    [ -e "$file" ] || continue
    tag=$(basename "$file" .age)
    authority=${tag#*-} tag=${tag%%-*}
    is_hash "$tag" && grep -qxF "slip $tag $authority $(file_digest "$file")" "$work/sealed" || wrong "$file is not what was signed"
    slips=$((slips + 1))
  done
}

# ---- their content, where an authority's identity and a recent age are at hand ----
open_document() { # tag, where its content goes; its SHA-256 is the answer
  REPLY=$(set -o pipefail; age -d -i "$keys/$1.key" "blobs/$1.age" 2>/dev/null | tee "$2" | digest) || { REPLY=; wrong "blobs/$1.age does not open"; }
  opened=$((opened + 1))
}

# One submission: what its cover says of each document is what the document is.
open_submission() { # statement
  local -a tags
  local tag said
  mapfile -t tags < <(sed -n 's/^document \([0-9a-f]\{64\}\) .*/\1/p' "$1")
  [ -e "$keys/${tags[0]}.key" ] && [ -e "blobs/${tags[0]}.age" ] || return
  open_document "${tags[0]}" "$keys/cover"
  # Elchi writes one member a line; a quote inside a text is never bare.
  said=$(sed -n 's/^ *"tag": "\([0-9a-f]\{64\}\)",\?$/\1/p; s/^ *"sha256": "\([0-9a-f]\{64\}\)",\?$/\1/p' "$keys/cover")
  [ "$(head -n 1 <<< "$said")" = "${tags[0]}" ] && [ "$(sed -n '2~2p' <<< "$said")" = "$(printf '%s\n' "${tags[@]:1}")" ] \
    || wrong "the cover blobs/${tags[0]}.age is not of the documents of $1"
  for tag in "${tags[@]:1}"; do
    [ -e "$keys/$tag.key" ] && [ -e "blobs/$tag.age" ] || continue
    open_document "$tag" /dev/null
    [ "$REPLY" = "$(grep -A1 -x "$tag" <<< "$said" | sed -n 2p)" ] || wrong "blobs/$tag.age has another content than its cover says"
  done
}

# The authority's identities that a profile holds, one after the other, as age takes them. It is unlocked with $unlock, or
# else age asks for its passphrase.
open_grants() { # profile
  local grant
  age -d -i "${unlock:-$1/profile.age}" "$1/member.key.age" > "$keys/member.key" || return 1
  for grant in "$1"/authority-*.age; do
    age -d -i "$keys/member.key" "$grant" >> "$keys/authority.key" 2>/dev/null || return 1
  done
}

open_documents() { # identity; what was done is said in $documents
  local slip name statement authority=
  for slip in slips/*.age; do
    name=$(basename "$slip" .age)
    if [ -z "$authority" ] && age -d -i "$1" "$slip" > /dev/null 2>&1; then authority=${name#*-}; fi
  done
  [ -n "$authority" ] || { documents="documents were not opened: none of the slips is for this identity"; return; }
  for slip in slips/*-"$authority".age; do
    name=$(basename "$slip" "-$authority.age")
    age -d -i "$1" "$slip" > "$keys/$name.key" 2>/dev/null || { wrong "$slip does not open"; rm -f "$keys/$name.key"; }
  done
  for statement in events/*/statement.txt; do
    [ "$(field op "$statement")" != submit ] || open_submission "$statement"
  done
  documents="$opened documents opened for $authority, each as its cover says"
}

main() {
  local profile= identity= unlock= documents="documents were not opened (give --profile FOLDER)"
  case "${1:-}" in
    --profile) profile=$(cd "${2:-}" && pwd) || exit 1 ;;
    --identity) identity=$(realpath -e "${2:-}") || exit 1 ;;
    '') ;;
    *) echo "usage: verify.sh [--profile FOLDER | --identity FILE]" >&2; exit 1 ;;
  esac
  if [ -n "$profile" ] && [ -n "${ELCHI_UNLOCK:-}" ]; then unlock=$(realpath -e "$ELCHI_UNLOCK") || exit 1; fi
  cd "$(dirname "$0")" || exit 1
  ! is_bundle || expected+='|f (READ-ME-FIRST\.html|logs/events\.leaves)'
  work=$(mktemp -d) || exit 1
  # In memory where there is a file system in memory: the many small files of a bundle, and keys that open documents.
  records=$(mktemp -d -p /dev/shm 2>/dev/null) || { records=$work/records; mkdir "$records"; }
  keys=$(mktemp -d -p /dev/shm 2>/dev/null) || { keys=$work/keys; mkdir "$keys"; }
  trap 'rm -rf "$work" "$records" "$keys"' EXIT
  [[ $(openssl version) =~ ^OpenSSL\ ([3-9]|[1-9][0-9])\. ]] || { wrong "openssl 3.0 or newer is needed to verify anything"; exit 1; }

  verify_sums
  verify_policy
  verify_checkpoint events && verify_checkpoint directory || { echo "Not everything holds."; exit 1; }
  verify_logs
  verify_sealed
  if [ -n "$profile$identity" ]; then
    if ! age-keygen -pq > "$work/probe" 2>/dev/null; then
      documents="documents were not opened: no age on this machine that knows mlkem768x25519 (age 1.3 or newer)"
    elif [ -n "$profile" ] && ! open_grants "$profile"; then
      documents="documents were NOT opened: $profile does not give its authority's keys (a wrong passphrase or unlock file?)"
    else
      open_documents "${identity:-$work/authority.key}"
    fi
  fi

  [ "$bad" = 0 ] || { echo "Not everything holds."; exit 1; }
  echo "All holds$whole: $statements statements, $leaves leaves, $checkpoints checkpoints, $blobs sealed documents, $slips slips; $documents."
}
main "$@"
